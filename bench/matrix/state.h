/* SPDX-License-Identifier: GPL-2.0-only */
/* state.json beside the results: for each cell how many boots count, and why there are no more. */
#ifndef KTSTR_BENCH_MATRIX_STATE_H
#define KTSTR_BENCH_MATRIX_STATE_H

#include "bench/matrix/lane.h"

/* @lanes: one of each group. What can't be written is left out: the results themselves say the same. */
void state_write(const struct matrix *m, const struct matrix_check *c, const struct records *r,
		 const struct lane *lanes);

#endif
