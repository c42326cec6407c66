/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One sched_ext scheduler in this kernel, from its start to its end: one of
 * ours, which we load, attach and detach, and whose end comes as a record of
 * why (struct scx_exit_record), whoever ended it; or a program that does all
 * that itself, and is started, watched and asked to end.
 *   scheduler.c          what sched_ext says of it, for both
 *   scheduler_object.c   one of ours
 *   scheduler_program.c  a program
 * Errors are told on stderr, and given as exit codes.
 */
#ifndef KTSTR_BPF_SCHEDULER_H
#define KTSTR_BPF_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "bpf/schedulers.h"
#include "bpf/scx_exit.h"

/* enum scx_exit_kind: by its user; by the kernel, from here on */
#define SCHEDULER_EXIT_UNREG 64
#define SCHEDULER_EXIT_ERROR 1024

#define SCHEDULER_FAILED 1
#define SCHEDULER_UNAVAILABLE 69
#define SCHEDULER_INTERNAL 70

struct scheduler {
	const char *name; /* of ours; or a program and its words, with a '/' in it */
	const struct scheduler_object *object;
	struct bpf_object *bpf;
	struct ring_buffer *ring;
	struct bpf_link *link; /* or */
	int link_fd;
	pid_t pid; /* of the program; 0: there is none, or no more */
	int pid_fd;
	char ops[128];	     /* as the kernel names it while it is attached */
	uint64_t enable_seq; /* how many schedulers this kernel has had, with it */
	bool exited;
	struct scx_exit_record exit; /* once @exited */
};

/* Whether there is one of that name; a program is looked for by scheduler_attach(). */
bool scheduler_known(const char *name);
/*
 * To a kernel where it then is the scheduler: 0; 1 (a program that ended
 * before it was), 69 (no sched_ext, or another is there), 70. @name stays the
 * caller's. In any case scheduler_free() has to follow.
 */
int scheduler_attach(struct scheduler *s, const char *name);
/* Readable when the scheduler is gone; then scheduler_poll() sets @exited. */
int scheduler_fd(const struct scheduler *s);
void scheduler_poll(struct scheduler *s, int timeout_ms);
/* Whether it is, and was from attach till now, the kernel's scheduler. */
bool scheduler_holds(struct scheduler *s);
/* Take it off, if it is still there, and learn why it went. */
void scheduler_detach(struct scheduler *s);
void scheduler_free(struct scheduler *s);

/* --- of the two kinds, for scheduler.c ------------------------------------ */

__attribute__((format(printf, 2, 3))) void scheduler_say(const struct scheduler *s, const char *fmt, ...);
const struct scheduler_object *object_find(const char *name);
int object_start(struct scheduler *s);
void object_poll(struct scheduler *s, int timeout_ms);
void object_stop(struct scheduler *s); /* may be called again */
void object_free(struct scheduler *s);
int program_start(struct scheduler *s);
void program_poll(struct scheduler *s, int timeout_ms);
void program_stop(struct scheduler *s);

#endif
