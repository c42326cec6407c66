/* SPDX-License-Identifier: GPL-2.0-only */
/* What ktstr bench compare and ktstr bench run have in common: the options of a verdict, and the verdict. */
#ifndef KTSTR_BENCH_VERB_BENCH_COMPARE_H
#define KTSTR_BENCH_VERB_BENCH_COMPARE_H

#include <argp.h>
#include <stdbool.h>

#include "bench/result/formats.h"

struct compare_options {
	struct gates gates;
	enum correction correction;
	enum compare_format format;
	enum compare_fail fail_on;
	bool across;
	bool quantiles;
	const char *metric; /* a glob, or NULL: the usual ones */
	const char *output; /* a file, "-" or NULL: stdout */
};
#define COMPARE_OPTIONS_INIT                                                                                           \
	{                                                                                                              \
		.gates = {.alpha = 0.05, .threshold = 0.03 }                                                           \
	}

/* What a verdict needs (metric, threshold, alpha, correction, across), for those who print it their own way. */
extern const struct argp verdict_options_argp;
/* Options of the verdict, as an argp child whose input is struct compare_options. */
extern const struct argp compare_options_argp;
/* One of them, with its argument. False: @key is none of them. Exits with EXIT_USAGE on a bad argument. */
bool compare_option(struct compare_options *o, int key, const char *arg);

/* Compare two sides (bench/result/boots.h) and print it. An exit code. */
int compare_paths(const struct compare_options *o, const char *base, const char *test);
/* Each scheduler of each group of a run directory with the group's first. An exit code: that of the worst. */
int compare_rundir(const struct compare_options *o, const char *path);

#endif
