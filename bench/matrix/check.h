/* SPDX-License-Identifier: GPL-2.0-only */
/* What is known of each cell before the first boot, by a dry run of ktstr bench. */
#ifndef KTSTR_BENCH_MATRIX_CHECK_H
#define KTSTR_BENCH_MATRIX_CHECK_H

#include "bench/matrix/matrix.h"

#define MATRIX_REASON_MAX 192

struct matrix_check {
	struct matrix_check_cell {
		char skip[MATRIX_REASON_MAX]; /* why it can't be had, "": it can */
		uint64_t timeout_ns;	      /* that ktstr bench sets itself; 0: none */
		uint64_t run_ns;	      /* a boot's time, roughly */
		json_t *needs;		      /* of the nested host (machine/nested.h), to the process's end; or NULL */
	} cell[MATRIX_CELLS_MAX];
	unsigned cpus; /* of the largest guest */
	bool nested;   /* the guests would run in the nested host */
};

/*
 * Errors of the command line, and a kernel, topology or workload that can't be had at all, end the matrix: an exit code
 * after a line on stderr. A scheduler that a kernel can't have is a cell to skip; where that is all of them, it is an
 * error too.
 */
int matrix_check(const struct matrix *m, struct matrix_check *c);

/* What the nested host is given of it, so that it need not find out again. @c: 0 or -EINVAL. */
json_t *matrix_check_json(const struct matrix *m, const struct matrix_check *c);
int matrix_check_read(const struct matrix *m, struct matrix_check *c, const json_t *json);

/* How many runs may go side by side, each with CPUs of its own: @wanted at most, 0: as many as fit. */
unsigned matrix_jobs(const struct matrix *m, const struct matrix_check *c, unsigned wanted);
/* Roughly how long all boots take, the nested host's own start with them. */
uint64_t matrix_estimate(const struct matrix *m, const struct matrix_check *c, unsigned jobs);

#endif
