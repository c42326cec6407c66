/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/result/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COVERAGE 0.95

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

void sort_values(const double *values, unsigned n, double *out)
{
	memmove(out, values, n * sizeof(*out));
	qsort(out, n, sizeof(*out), ascending);
}

double quantile(const double *sorted, unsigned n, double p)
{
	double at = p * (n - 1);
	unsigned i = (unsigned)at;

	return i + 1 < n ? sorted[i] + (at - i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

bool quantile_known(double p, uint64_t n)
{
	/* A little under ten, for 1 - p is not exact. */
	return (double)n * (1 - p) >= 10 - 1e-6;
}

static double mean_of(const double *v, unsigned n)
{
	double sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += v[i];
	return sum / n;
}

/* The sum of squared distances from @mean. */
static double squares(const double *v, unsigned n, double mean)
{
	double sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += (v[i] - mean) * (v[i] - mean);
	return sum;
}

/*
 * The k-th smallest and the k-th largest value enclose the median unless fewer than k of n fair coins fall on one side:
 * 1 - 2 P(Binomial(n, 1/2) < k). The largest such k.
 */
static void median_interval(const double *sorted, unsigned n, struct summary *s)
{
	double term = pow(0.5, n), below = 0;
	unsigned k = 0;

	s->low = s->high = s->coverage = NAN;
	while (k < n / 2 && 1 - 2 * (below + term) >= COVERAGE) {
		below += term;
		term *= (double)(n - k) / (k + 1);
		k++;
	}
	if (!k)
		return;
	s->low = sorted[k - 1];
	s->high = sorted[n - k];
	s->coverage = 1 - 2 * below;
}

void summary_make(const double *values, unsigned n, struct summary *out)
{
	double sorted[SAMPLES_MAX];

	sort_values(values, n, sorted);
	*out = (struct summary){ .n = n, .min = sorted[0], .max = sorted[n - 1] };
	out->median = quantile(sorted, n, 0.5);
	out->mean = mean_of(values, n);
	out->cv = n > 1 && out->mean != 0 ? sqrt(squares(values, n, out->mean) / (n - 1)) / fabs(out->mean) : NAN;
	median_interval(sorted, n, out);
}

/*
 * The distance of two groups' means in units of their common standard deviation, for the best cut, which the values of
 * one normal group exceed in 1 % of the cases: fitted to 6000 simulations each of 6, 7, 8, 10, 12, 15, 20, 30, 50 and
 * 100 values (9.3, 7.5, 6.8, 6.0, 5.5, 4.9, 4.4, 3.9, 3.5, 3.2).
 */
static double modes_distance(double n)
{
	return 3 + 28 / n + 360 / (n * n * n);
}

bool two_modes(const double *values, unsigned n, unsigned *lower)
{
	unsigned least = n / 5 > 2 ? n / 5 : 2;
	double sorted[SAMPLES_MAX], best = 0;

	if (n < 6)
		return false;
	sort_values(values, n, sorted);
	for (unsigned k = least; k + least <= n; k++) {
		double a = mean_of(sorted, k), b = mean_of(sorted + k, n - k);
		double within = squares(sorted, k, a) + squares(sorted + k, n - k, b);
		double distance = (b - a) / sqrt(within / (n - 2));

		if (distance > best) {
			best = distance;
			*lower = k;
		}
	}
	return best > modes_distance(n);
}

void outliers(const double *values, unsigned n, unsigned *mild, unsigned *severe)
{
	double sorted[SAMPLES_MAX], low, high, range;

	sort_values(values, n, sorted);
	low = quantile(sorted, n, 0.25);
	high = quantile(sorted, n, 0.75);
	range = high - low;
	*mild = *severe = 0;
	for (unsigned i = 0; i < n; i++) {
		double beyond = sorted[i] < low ? low - sorted[i] : sorted[i] - high;

		if (beyond > 3 * range)
			++*severe;
		else if (beyond > 1.5 * range)
			++*mild;
	}
}

void variance_split(const double *values, unsigned boots, unsigned per_boot, double *between, double *within)
{
	double means[SAMPLES_MAX], inside = 0;

	for (unsigned i = 0; i < boots; i++) {
		means[i] = mean_of(values + i * per_boot, per_boot);
		inside += squares(values + i * per_boot, per_boot, means[i]);
	}
	*within = per_boot > 1 ? inside / (boots * (per_boot - 1.0)) : 0;
	*between = boots > 1 ? squares(means, boots, mean_of(means, boots)) / (boots - 1) - *within / per_boot : 0;
	if (*between < 0)
		*between = 0;
}
