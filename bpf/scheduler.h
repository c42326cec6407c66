/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One sched_ext scheduler in this kernel, from its start to its end: a BPF
 * object, ours or a file, which we load, attach and detach; or a program that
 * does all that itself, and is started, watched and asked to end.
 * The two kinds are struct scheduler_kind in scheduler_kind.h.
 * Errors are told on stderr, and given as exit codes.
 *
 * What sched_ext shows (kernel/sched/ext.c, scx_enable): the state becomes
 * "enabled" first, enable_seq is raised some time after that. So a scheduler is
 * known to be attached only once enable_seq differs from what it was before; a
 * later change is a scheduler that came anew.
 */
#ifndef KTSTR_BPF_SCHEDULER_H
#define KTSTR_BPF_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "bpf/kernel_log.h"
#include "bpf/log.h"
#include "bpf/schedulers.h"
#include "bpf/scx_exit.h"

/* enum scx_exit_kind: by its user; by the kernel, from here on */
#define SCHEDULER_EXIT_UNREG 64
#define SCHEDULER_EXIT_UNREG_BPF 65
#define SCHEDULER_EXIT_ERROR 1024

#define SCHEDULER_FAILED 1
#define SCHEDULER_UNAVAILABLE 69
#define SCHEDULER_INTERNAL 70

enum scheduler_stop {
	STOP_IN_ORDER,
	STOP_KILLED, /* a program that ignored SIGINT */
	STOP_LEFT,   /* the program has ended, but its scheduler is still attached */
};

struct scheduler {
	const struct scheduler_kind *kind; /* NULL: not known yet */
	const char *text; /* as given: a built-in name; or, with a '/' in it, an object file or a program and its
			     arguments */
	char **words;
	const char *name;		       /* of ours; or the file's */
	const struct scheduler_object *object; /* NULL: a program */
	struct scheduler_object file;	       /* .elf NULL: not from a file */
	struct bpf_object *bpf;
	struct ring_buffer *ring; /* NULL: an object that leaves no record */
	struct bpf_link *link;	  /* or */
	int link_fd;
	pid_t pid; /* the program, and its process group; 0: none */
	int pid_fd;
	int output_fd; /* the program's stdout and stderr; -1: closed */
	int status;    /* wait status of the program, once it has ended */
	bool ended;    /* the program */
	struct scheduler_log log;
	struct kernel_log kernel;
	char ops[128];			       /* as the kernel names it while it is attached */
	uint64_t seq_before;		       /* enable_seq before it was started */
	uint64_t enable_seq;		       /* of its last attachment */
	unsigned restarts;		       /* attachments after the first */
	uint64_t start_ns, attach_ns, gone_ns; /* CLOCK_MONOTONIC; gone_ns: found detached, 0: is attached */
	enum scheduler_stop stop;
	bool exited; /* the kernel's scheduler; @exit holds why, as far as is known (kind -1: not) */
	struct scx_exit_record exit;
	char *dump;	  /* the kernel's, whole, or NULL */
	char said[1024];  /* its last message on stderr */
	char cannot[128]; /* why this kernel can't have it: "" it can, or that is not known */
};

/* Whether @text is a built-in name, or names a file or program; scheduler_attach() finds out if that exists. */
bool scheduler_known(const char *text);
/* How it was started, for a report: "built in", "object", "program". */
const char *scheduler_kind_name(const struct scheduler *s);
/*
 * To a kernel where it then is the scheduler: 0; 1 (it failed before it was),
 * 69 (not there, no sched_ext, or another is there), 70. @text stays the
 * caller's. In any case scheduler_free() has to follow. @log_to_host: see bpf/log.h.
 */
int scheduler_attach(struct scheduler *s, const char *text, bool log_to_host);
/* Readable when scheduler_poll() has work; -1: nothing to wait for. */
int scheduler_fd(const struct scheduler *s);
int scheduler_output_fd(const struct scheduler *s);
void scheduler_poll(struct scheduler *s, int timeout_ms);
/* Whether it is attached or may still come back; false once it is gone for good, or for too long. */
bool scheduler_check(struct scheduler *s);
/* Whether it is attached, and was so since scheduler_attach(), except during its own restarts. May wait for the end of
 * a restart. */
bool scheduler_holds(struct scheduler *s);
/* Detach it if it is still attached, and find out why it ended. */
void scheduler_detach(struct scheduler *s);
void scheduler_free(struct scheduler *s);
/* One line on stderr, which is also kept as the last word. */
__attribute__((format(printf, 2, 3))) void scheduler_say(struct scheduler *s, const char *fmt, ...);
/* How its program ended: "ended with code 3", "was killed by signal 11 (Segmentation fault)". */
const char *scheduler_program_ended(const struct scheduler *s, char *text, size_t size);
/* sched_ext's directory in sysfs, ending with '/', and the time-outs; tests replace both. */
extern const char *scheduler_sysfs;
struct scheduler_patience {
	unsigned quiet_ms;   /* to attach, while its program prints nothing: verification may take long */
	unsigned attach_ms;  /* to attach, whatever its program prints */
	unsigned restart_ms; /* from a scheduler's end until its program attaches the next */
	unsigned grace_ms;   /* of a program, between SIGINT and SIGKILL */
	unsigned detach_ms;  /* for the kernel, once nothing holds the scheduler */
};
extern struct scheduler_patience scheduler_patience;

#endif
