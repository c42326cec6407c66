/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One sched_ext scheduler of ours in this kernel: loaded, attached, watched,
 * detached. Its end comes as a record of why (struct scx_exit_record),
 * whoever ended it. Errors are told on stderr, and given as exit codes.
 */
#ifndef KTSTR_BPF_SCHEDULER_H
#define KTSTR_BPF_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bpf/schedulers.h"
#include "bpf/scx_exit.h"

/* enum scx_exit_kind: by its user; by the kernel, from here on */
#define SCHEDULER_EXIT_UNREG 64
#define SCHEDULER_EXIT_ERROR 1024

struct scheduler {
	const struct scheduler_object *object;
	struct bpf_object *bpf;
	struct ring_buffer *ring;
	struct bpf_link *link; /* or */
	int link_fd;
	char ops[128];	     /* as the kernel names it while it is attached */
	uint64_t enable_seq; /* how many schedulers this kernel has had, with it */
	bool exited;
	struct scx_exit_record exit; /* once @exited */
};

/* The object of that name, or NULL. */
const struct scheduler_object *scheduler_find(const char *name);
/* To a kernel where it then is the scheduler: 0, 69 (no sched_ext, or another is there), 70. */
int scheduler_attach(struct scheduler *s, const struct scheduler_object *object);
/* Readable when the scheduler is gone; then scheduler_poll() sets @exited. */
int scheduler_fd(const struct scheduler *s);
void scheduler_poll(struct scheduler *s, int timeout_ms);
/* Whether it is, and was from attach till now, the kernel's scheduler. */
bool scheduler_holds(struct scheduler *s);
/* Take it off, if it is still there, and collect its exit record. */
void scheduler_detach(struct scheduler *s);
void scheduler_free(struct scheduler *s);

#endif
