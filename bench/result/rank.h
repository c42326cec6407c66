/* SPDX-License-Identifier: GPL-2.0-only */
/* Tests by ranks: whether two samples differ, and whether a sample drifts. */
#ifndef KTSTR_BENCH_RESULT_RANK_H
#define KTSTR_BENCH_RESULT_RANK_H

/* Up to here mann_whitney() counts all ways to share out the ranks. */
#define RANK_EXACT_MAX 20

/*
 * Mann-Whitney U test of @a and @b, both of 1..SAMPLES_MAX values (bench/result/summary.h): the two-sided p. Exact by
 * the permutation distribution of the midranks, ties included, up to 20 values a side; above that normal, with
 * corrections for ties and continuity. 1 where all values are the same.
 */
double mann_whitney(const double *a, unsigned n, const double *b, unsigned m);
/* The least p that @n and @m values can give: 2 / C(n + m, n). */
double mann_whitney_least(unsigned n, unsigned m);

/*
 * Kendall's tau-b between the values and their order, -1..1, and in @p the two-sided p of no drift: exact without ties
 * up to 50 values, else normal. 0 and 1 for fewer than 3 values, or when all are the same.
 */
double drift(const double *values, unsigned n, double *p);

#endif
