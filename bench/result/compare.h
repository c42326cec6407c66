/* SPDX-License-Identifier: GPL-2.0-only */
/* The comparison of two sides, metric by metric, and what is printed of it. */
#ifndef KTSTR_BENCH_RESULT_COMPARE_H
#define KTSTR_BENCH_RESULT_COMPARE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "bench/result/boots.h"
#include "bench/result/verdict.h"

struct compare_row {
	const struct metric *base, *test;
	struct comparison c;
	enum verdict verdict;
	enum gate gate;
	struct gates gates; /* with the metric's direction and floor */
	double drift_p;	    /* of the side that drifts more; 1: none */
	unsigned modes;	    /* bit 0: the base has two modes, bit 1: the other side */
};

struct compare {
	const struct boots *base, *test;
	struct compare_row *row;
	unsigned n;
	unsigned count[4]; /* by enum verdict */
};

/*
 * All metrics that both sides have and @glob matches (fnmatch(3)); NULL: the usual ones. @gates: alpha and threshold.
 * The p of one call are corrected together. 0 or -ENOMEM; compare_free() in any case.
 */
int compare_make(struct compare *out, const struct boots *base, const struct boots *test, const char *glob,
		 const struct gates *gates, enum correction how, uint64_t seed);
void compare_free(struct compare *c);

/* What differs between the sides besides the scheduler, or within one, as lines on @f. Returns how many lines. */
unsigned compare_delta(const struct boots *base, const struct boots *test, FILE *f);

/* A table of at most 80 columns, and below it what the inconclusive verdicts lack and what else stands out. */
void compare_text(const struct compare *c, FILE *f);
void compare_markdown(const struct compare *c, FILE *f);
/* schema "ktstr-compare/1". NULL: no memory. */
json_t *compare_json(const struct compare *c);

#endif
