/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A group's way through its plan: which boot is next, and when there are enough.
 *
 *   LANE_READY    the boot at @place is to be run (again)
 *   LANE_BUSY     it runs
 *   LANE_DONE     there are no more, because of @stop
 */
#ifndef KTSTR_BENCH_MATRIX_LANE_H
#define KTSTR_BENCH_MATRIX_LANE_H

#include "bench/matrix/check.h"
#include "bench/matrix/records.h"

enum lane_state { LANE_READY, LANE_BUSY, LANE_DONE };
/* Why a group has no more boots; the names are those of state.json. */
enum lane_stop {
	STOP_NONE,
	STOP_COMPLETE,	/* --runs N */
	STOP_PRECISION, /* --runs auto: the intervals are narrow enough */
	STOP_CEILING,	/* --runs auto: there are as many as there may be */
	STOP_TIME,
	STOP_INTERRUPTED
};
const char *lane_stop_name(enum lane_stop stop);

struct lane {
	unsigned group;
	enum lane_state state;
	enum lane_stop stop;
	unsigned block, at, n;
	struct plan_place place[PLAN_BLOCK_MAX];
	bool given_up; /* the boot at @at has had all its tries */
	/* Of the boot that is at hand: */
	unsigned invalid, failed;
	/* While it runs: */
	pid_t pid;
	struct record_try try_;
	uint64_t start_ns, deadline_ns; /* the latter 0: none */
	unsigned signals;		/* sent to it */
};

void lane_init(struct lane *l, const struct matrix *m, unsigned group);
/*
 * From where it is to the next boot that is missing, or to the end. @late: the time is over. Looks at nothing but the
 * plan, the records and @c's reasons to skip, so that a run that is resumed goes the same way.
 */
void lane_advance(struct lane *l, const struct matrix *m, const struct matrix_check *c, const struct records *r,
		  bool late);
const struct plan_place *lane_place(const struct lane *l);

/* --runs auto, for one group: whether each cell has enough. */
enum lane_stop lane_enough(const struct matrix *m, const struct matrix_check *c, const struct records *r,
			   unsigned group);

#endif
