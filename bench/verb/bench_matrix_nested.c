/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/verb/bench_matrix.h"

int bench_matrix_nested(const struct matrix_arguments *a, const struct matrix_check *c, const struct records *r)
{
	struct matrix_check check = *c;
	struct matrix_end end;

	return matrix_run(&a->matrix, &check, r, &a->options, &end);
}
