/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether one side of a comparison is better than the other: by boots, never by a boot's samples. Pure functions.
 *
 * worse, better   only when all gates are passed: enough boots; p below alpha after the correction for several metrics;
 *                 the interval of the ratio excludes 1; the ratio is beyond the threshold; the difference is beyond the
 *                 metric's floor
 * same            the interval of the ratio lies within the threshold
 * inconclusive    all else; the verdict names the first gate that was not passed
 */
#ifndef KTSTR_BENCH_RESULT_VERDICT_H
#define KTSTR_BENCH_RESULT_VERDICT_H

#include <stddef.h>
#include <stdint.h>

#include "bench/result/summary.h"

#define BOOTSTRAP_DEFAULT 9999

enum verdict { VERDICT_SAME, VERDICT_BETTER, VERDICT_WORSE, VERDICT_INCONCLUSIVE };
enum gate { GATE_NONE, GATE_BOOTS, GATE_P, GATE_INTERVAL, GATE_THRESHOLD, GATE_FLOOR };
enum correction { CORRECTION_HOLM, CORRECTION_BH };

struct gates {
	double alpha;	  /* 0.05 */
	double threshold; /* a part: 0.03 is 3 %, either way: beyond 1.03, or below 1 / 1.03 */
	double floor;	  /* in the metric's unit: smaller differences of medians don't count; 0: none */
	bool more_is_better;
};

struct comparison {
	struct summary base, test;
	double p;	   /* Mann-Whitney */
	double p_adjusted; /* by comparison_correct(); until then p */
	double ratio;	   /* median of test over median of base; NaN where that of base is 0 */
	double low, high;  /* its 95 % interval, by the bootstrap */
	uint64_t seed;
	unsigned resamples;
};

/* All but the correction. @resamples: BOOTSTRAP_DEFAULT or more; the same @seed gives the same interval. */
void comparison_make(const double *base, unsigned n, const double *test, unsigned m, uint64_t seed, unsigned resamples,
		     struct comparison *out);
/* Correct the p of @n comparisons that are judged together. */
void comparison_correct(struct comparison *c, unsigned n, enum correction how);
/* @gate: for VERDICT_INCONCLUSIVE the gate that was not passed, else GATE_NONE. */
enum verdict comparison_judge(const struct comparison *c, const struct gates *g, enum gate *gate);

const char *verdict_name(enum verdict v);
/* What the verdict rests on, in words: "p 0.21 is not below 0.05". @gate as comparison_judge() gave it. */
void verdict_reason(const struct comparison *c, const struct gates *g, enum verdict v, enum gate gate, char *text,
		    size_t size);

#endif
