/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The window of a measurement: from its begin to its end, both by CLOCK_MONOTONIC, and what sched_ext said at each. At
 * either the host can be told by a line of JSON, and answers by a line on stdin once it has read its own counters: so
 * these cover the window and little else.
 */
#ifndef KTSTR_WORKLOADS_WINDOW_H
#define KTSTR_WORKLOADS_WINDOW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SCX_EVENTS_MAX 32

/* What /sys/kernel/sched_ext shows; all empty where it is not there. */
struct scx_snapshot {
	bool present;
	char state[32], ops[128];
	uint64_t enable_seq, nr_rejected;
	struct {
		char name[64];
		uint64_t value;
	} event[SCX_EVENTS_MAX];
	unsigned n_events;
};

struct window {
	FILE *marks;			   /* where the host is told; NULL: it is not */
	const char *workload;		   /* of the marks */
	unsigned index;			   /* of the workload in this run */
	bool unanswered;		   /* the host did not answer a mark in time */
	_Atomic uint64_t begin_ns, end_ns; /* 0: not yet */
	struct scx_snapshot at_begin, at_end;
};

/* @root: "" or where another /sys is, for tests. */
void scx_snapshot_read(struct scx_snapshot *s, const char *root);

/* Tell the host, and wait until it has read its counters: before the window, and after it. */
void window_mark(struct window *w, const char *edge);
/* As the value of a member. */
void window_print(const struct window *w, FILE *f);

/* A text of somebody else's, quoted as far as JSON needs it. */
void print_quoted(const char *text, FILE *f);

#endif
