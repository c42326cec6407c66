/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The boots of a matrix, each a child process.
 *
 * Of the cells of one group only one runs at a time, in the plan's order: with several jobs it is groups that run side
 * by side. So each scheduler meets the same neighbours as the one that it is compared with, on average, and the order
 * within a group (ABBA) is that of a single job.
 *
 * A boot that is invalid is repeated at most three times, one that failed once; then its place stays empty, and the
 * matrix goes on. A cell that turns out to be impossible has no more boots.
 */
#ifndef KTSTR_BENCH_MATRIX_RUN_H
#define KTSTR_BENCH_MATRIX_RUN_H

#include "bench/matrix/check.h"
#include "bench/matrix/progress.h"
#include "bench/matrix/records.h"

struct matrix_options {
	unsigned jobs;
	uint64_t time_limit_ns; /* after which no group begins another boot of each of its cells; 0: none */
	enum progress_kind progress;
};

/* How it ended. */
struct matrix_end {
	unsigned invalid, failed; /* tries that did not count */
	unsigned lost;		  /* boots that have no result after all repeats */
	unsigned skipped;	  /* cells */
	bool by_time;
	int signal; /* that ended it, or 0 */
};

/*
 * Run what is missing. 0; EXIT_FAILED after a line on stderr where results could not be written; or 128 + signal. @c's
 * reasons to skip are added to.
 */
int matrix_run(const struct matrix *m, struct matrix_check *c, const struct records *r,
	       const struct matrix_options *options, struct matrix_end *end);

#endif
