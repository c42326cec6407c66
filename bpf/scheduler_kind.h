/* SPDX-License-Identifier: GPL-2.0-only */
/* The kinds of schedulers as tables of operations, which scheduler.c calls; and what the files of the kinds share. */
#ifndef KTSTR_BPF_SCHEDULER_KIND_H
#define KTSTR_BPF_SCHEDULER_KIND_H

#include "bpf/scheduler.h"

struct scheduler_kind {
	/* May attach again after it was detached. */
	bool restarts;
	/* Load and attach, or begin to. 0, or an exit code after scheduler_say(). */
	int (*start)(struct scheduler *s);
	/* Wait at most @timeout_ms for events, and handle them. */
	void (*poll)(struct scheduler *s, int timeout_ms);
	/* Readable when poll() has events; -1: never. */
	int (*fd)(const struct scheduler *s);
	/* Print by scheduler_say() why it ended before it was attached. */
	void (*explain_early_end)(struct scheduler *s);
	/* Detach. May be called again. */
	void (*stop)(struct scheduler *s);
	void (*free)(struct scheduler *s);
};
extern const struct scheduler_kind scheduler_kind_object, scheduler_kind_program;

/* scheduler_object.c: the built-in object of that name, or NULL. */
const struct scheduler_object *object_find(const char *name);
/* The object in a file: 0, with @s->object set; -ENOEXEC: the file is none; or an exit code after scheduler_say(). */
int object_from_file(struct scheduler *s, const char *path);
/* scheduler_say.c */
uint64_t scheduler_clock_ns(void);

#endif
