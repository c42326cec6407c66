/* SPDX-License-Identifier: GPL-2.0-only */
/* The kinds of schedulers, by what differs between them, and what their files share. scheduler.c uses them. */
#ifndef KTSTR_BPF_SCHEDULER_KIND_H
#define KTSTR_BPF_SCHEDULER_KIND_H

#include "bpf/scheduler.h"

struct scheduler_kind {
	/* May attach again after it was detached. */
	bool restarts;
	/* Load and attach, or begin to. 0, or an exit code after scheduler_say(). */
	int (*start)(struct scheduler *s);
	/* Wait for news at most that long, and take them. */
	void (*poll)(struct scheduler *s, int timeout_ms);
	/* Readable when poll() has something to take; -1: never. */
	int (*fd)(const struct scheduler *s);
	/* Why it ended before it was attached, by scheduler_say(). */
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
