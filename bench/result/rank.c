/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/result/rank.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "bench/result/summary.h"

#define DRIFT_EXACT_MAX 50
/* Twice the sum of 20 midranks of 40 values. */
#define SUMS (2 * RANK_EXACT_MAX * 2 * RANK_EXACT_MAX + 1)

/* P(|Z| >= z) of a standard normal Z. */
static double two_sided(double z)
{
	return erfc(fabs(z) / sqrt(2));
}

/*
 * Twice the midrank of each value of @a in the pool of both, for it is whole; returns the sum over groups of t equal
 * values of t^3 - t. @pool has the doubled midranks of all n + m, ascending.
 */
static double midranks(const double *a, unsigned n, const double *b, unsigned m, unsigned *of_a, unsigned *pool)
{
	double all[2 * SAMPLES_MAX], sorted[2 * SAMPLES_MAX], ties = 0;
	unsigned total = n + m, end;

	memcpy(all, a, n * sizeof(*all));
	memcpy(all + n, b, m * sizeof(*all));
	sort_values(all, total, sorted);
	for (unsigned i = 0; i < total; i = end) {
		double t;

		for (end = i + 1; end < total && sorted[end] == sorted[i];)
			end++;
		t = end - i;
		ties += t * t * t - t;
		for (unsigned k = i; k < end; k++)
			pool[k] = i + 1 + end;
		for (unsigned k = 0; k < n; k++)
			if (a[k] == sorted[i])
				of_a[k] = i + 1 + end;
	}
	return ties;
}

/*
 * Of all choices of @n of the @total doubled ranks in @pool: the part whose sum is at most, and at least, @sum. The
 * counts are below C(40, 20), which a double holds exactly.
 */
static double exact(const unsigned *pool, unsigned total, unsigned n, unsigned sum)
{
	double ways[RANK_EXACT_MAX + 1][SUMS];
	double all = 0, below = 0, above = 0;

	memset(ways, 0, sizeof(ways));
	ways[0][0] = 1;
	for (unsigned i = 0; i < total; i++)
		for (unsigned k = i < n ? i + 1 : n; k > 0; k--)
			for (unsigned s = SUMS - 1; s >= pool[i]; s--)
				ways[k][s] += ways[k - 1][s - pool[i]];
	for (unsigned s = 0; s < SUMS; s++) {
		all += ways[n][s];
		below += s <= sum ? ways[n][s] : 0;
		above += s >= sum ? ways[n][s] : 0;
	}
	return fmin(1, 2 * fmin(below, above) / all);
}

double mann_whitney(const double *a, unsigned n, const double *b, unsigned m)
{
	unsigned of_a[SAMPLES_MAX], pool[2 * SAMPLES_MAX], sum = 0;
	double ties = midranks(a, n, b, m, of_a, pool), total = n + m, u, variance;

	for (unsigned i = 0; i < n; i++)
		sum += of_a[i];
	if (n <= RANK_EXACT_MAX && m <= RANK_EXACT_MAX)
		return exact(pool, n + m, n, sum);
	u = sum / 2.0 - n * (n + 1.0) / 2;
	variance = (double)n * m / 12 * (total + 1 - ties / (total * (total - 1)));
	if (variance <= 0)
		return 1;
	return fmin(1, two_sided(fmax(0, fabs(u - (double)n * m / 2) - 0.5) / sqrt(variance)));
}

double mann_whitney_least(unsigned n, unsigned m)
{
	double p = 2;

	for (unsigned i = 1; i <= n; i++)
		p *= (double)i / (m + i);
	return fmin(1, p);
}

/* P(at most @inversions in a random order of @n values) * 2, at most 1; @inversions is the smaller side's. */
static double drift_exact(unsigned n, unsigned inversions)
{
	double p[DRIFT_EXACT_MAX * (DRIFT_EXACT_MAX - 1) / 2 + 1] = { 1 }, sum = 0;
	unsigned most = 0;

	/* The value that comes in as the i-th makes 0..i - 1 inversions, each as likely. */
	for (unsigned i = 2; i <= n; i++) {
		most += i - 1;
		for (unsigned s = most + 1; s-- > 0;) {
			double ways = 0;

			for (unsigned k = 0; k < i && k <= s; k++)
				ways += p[s - k];
			p[s] = ways / i;
		}
	}
	for (unsigned s = 0; s <= inversions; s++)
		sum += p[s];
	return fmin(1, 2 * sum);
}

double drift(const double *values, unsigned n, double *p)
{
	double sorted[SAMPLES_MAX], pairs = n * (n - 1.0) / 2, rising = 0, falling = 0, tied = 0, groups = 0, s;
	unsigned end;

	*p = 1;
	if (n < 3)
		return 0;
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = i + 1; k < n; k++) {
			rising += values[k] > values[i];
			falling += values[k] < values[i];
		}
	tied = pairs - rising - falling;
	if (tied == pairs)
		return 0;
	s = rising - falling;
	if (!tied && n <= DRIFT_EXACT_MAX) {
		*p = drift_exact(n, (unsigned)fmin(rising, falling));
		return s / pairs;
	}
	sort_values(values, n, sorted);
	for (unsigned i = 0; i < n; i = end) {
		double t;

		for (end = i + 1; end < n && sorted[end] == sorted[i];)
			end++;
		t = end - i;
		groups += t * (t - 1) * (2 * t + 5);
	}
	/* Kendall 1970: the variance of S with ties among the values; their order has none. */
	*p = two_sided(s / sqrt((n * (n - 1.0) * (2.0 * n + 5) - groups) / 18));
	return s / sqrt(pairs * (pairs - tied));
}
