/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/result/order.h"

#include <math.h>

#include "bench/result/random.h"
#include "bench/result/rank.h"
#include "bench/result/summary.h"

void order_make(unsigned sides, unsigned runs, uint64_t seed, unsigned *out)
{
	struct random r = { .state = seed };

	for (unsigned run = 0; run < runs; run += 2, out += 2 * sides) {
		for (unsigned i = 0; i < sides; i++) {
			unsigned k = random_below(&r, i + 1);

			out[i] = out[k];
			out[k] = i;
		}
		for (unsigned i = 0; run + 1 < runs && i < sides; i++)
			out[sides + i] = out[sides - 1 - i];
	}
}

enum enough runs_enough(const double *values, unsigned n, double width)
{
	struct summary s;

	if (n < RUNS_AUTO_MIN)
		return ENOUGH_NO;
	summary_make(values, n, &s);
	if (s.high - s.low <= width * fabs(s.median))
		return ENOUGH_PRECISE;
	return n >= RUNS_AUTO_MAX ? ENOUGH_CEILING : ENOUGH_NO;
}

double detectable(double cv, unsigned n, double threshold)
{
	/*
	 * With v = cv sqrt(2 / n), the standard deviation of a difference of two means: the rank test needs
	 * (1.96 + 1.645) v / sqrt(0.955), its efficiency; and a ratio of medians, which varies sqrt(pi / 2) times as
	 * much, must come out beyond the threshold 95 times in 100.
	 */
	double v = cv * sqrt(2.0 / n), by_rank = (1.960 + 1.645) * v / sqrt(0.955);
	double by_interval = (1.960 + 1.645) * sqrt(M_PI / 2) * v,
	       by_threshold = threshold + 1.645 * sqrt(M_PI / 2) * v;

	return fmax(fmax(by_rank, by_interval), by_threshold);
}

unsigned boots_needed(double cv, double change, double threshold, unsigned most)
{
	for (unsigned n = 4; n <= most; n++)
		if (detectable(cv, n, threshold) <= change)
			return n;
	return 0;
}

unsigned boots_for_same(double cv, double change, double threshold, unsigned most)
{
	for (unsigned n = RUNS_AUTO_MIN; n <= most; n++)
		/* Half of the interval: the ratio of medians varies sqrt(pi / 2) times as much as one of means. */
		if (1.960 * sqrt(M_PI / 2) * cv * sqrt(2.0 / n) <= threshold - fabs(change))
			return n;
	return 0;
}
