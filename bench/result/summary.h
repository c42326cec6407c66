/* SPDX-License-Identifier: GPL-2.0-only */
/* What one metric was over several boots. One number a boot: samples of the same boot are never counted apart (TRU-01).
 */
#ifndef KTSTR_BENCH_RESULT_SUMMARY_H
#define KTSTR_BENCH_RESULT_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

/* Values in one summary or comparison at most. */
#define SAMPLES_MAX 1000

struct summary {
	unsigned n;
	double median, mean, min, max;
	double cv; /* standard deviation (n - 1) over the mean; NaN for one value, or a mean of 0 */
	/*
	 * Interval of the median by order statistics, and how often such an interval covers it: at least 95 %. NaN for
	 * fewer than 6 values, which can't reach that.
	 */
	double low, high, coverage;
};

/* Of @n values, 1..SAMPLES_MAX, in any order. */
void summary_make(const double *values, unsigned n, struct summary *out);

/* The @p quantile of @n ascending values, linear between neighbours. */
double quantile(const double *sorted, unsigned n, double p);
/* @out gets the @n @values in ascending order; it may be @values. */
void sort_values(const double *values, unsigned n, double *out);
/* Whether @n samples of a boot say something about their @p quantile: ten of them lie beyond it. */
bool quantile_known(double p, uint64_t n);

/*
 * Whether the values fall into two groups, as those of two layouts of the same kernel do. @lower is how many belong to
 * the lower one. Two groups: each has a fifth of the values and at least 2, and they lie further apart than one group
 * of normal spread ever does by chance (1 % of the time, tests/bench/result).
 */
bool two_modes(const double *values, unsigned n, unsigned *lower);
/* Tukey's classes: values beyond 1.5 and beyond 3 interquartile ranges. None of them is dropped. */
void outliers(const double *values, unsigned n, unsigned *mild, unsigned *severe);

/*
 * Variance between boots and within one boot, of @per_boot values of each of @boots boots one after the other. Both
 * are of a single value; the between part is what remains of the boots' means, 0 if that is less than nothing.
 */
void variance_split(const double *values, unsigned boots, unsigned per_boot, double *between, double *within);

#endif
