/* SPDX-License-Identifier: GPL-2.0-only */
/* What ktstr bench run does with a matrix that was asked for. Each function returns the process's exit code. */
#ifndef KTSTR_BENCH_VERB_BENCH_MATRIX_H
#define KTSTR_BENCH_VERB_BENCH_MATRIX_H

#include "bench/machine/arguments.h"
#include "bench/matrix/run.h"
#include "bench/verb/bench_compare.h"

struct matrix_arguments {
	struct matrix matrix;
	struct compare_options compare;
	struct matrix_options options;
	const char *out;   /* --out, or NULL */
	const char *inner; /* in the nested host: the file that bench_matrix_nested() made; or NULL */
	unsigned jobs;	   /* as asked for; 0: as many as fit */
	bool resume, runs_given;
	enum dry_run dry_run;
};

/* --dry-run */
int bench_matrix_show(const struct matrix_arguments *a, const struct matrix_check *c);
/* The boots, then the verdict. */
int bench_matrix_run(struct matrix_arguments *a, struct matrix_check *c);
/* The boots in the nested host, seen from outside and from inside; no verdict. */
int bench_matrix_nested(const struct matrix_arguments *a, const struct matrix_check *c, const struct records *r);
int bench_matrix_inner(struct matrix_arguments *a, struct matrix_check *c);

#endif
