/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/workloads/shares.h"

#include <math.h>
#include <stdbool.h>

void shares_ideal(const double *weight, unsigned n, double total, double cap, double *ideal)
{
	double left = total, weights;
	bool capped = true;

	for (unsigned i = 0; i < n; i++)
		ideal[i] = -1;
	/* Each round gives those their cap whose part is more, until nobody's is. */
	while (capped) {
		double part;

		capped = false;
		weights = 0;
		for (unsigned i = 0; i < n; i++)
			weights += ideal[i] < 0 ? weight[i] : 0;
		part = weights > 0 ? left / weights : 0;
		for (unsigned i = 0; i < n; i++)
			if (ideal[i] < 0 && weight[i] * part > cap) {
				ideal[i] = cap;
				left -= cap;
				capped = true;
			}
	}
	for (unsigned i = 0; i < n; i++)
		if (ideal[i] < 0)
			ideal[i] = weight[i] * (weights > 0 ? left / weights : 0);
}

struct shares shares_of(const double *got, const double *ideal, unsigned n)
{
	struct shares s = { .least = n ? INFINITY : 0 };
	double sum = 0, squares = 0;

	for (unsigned i = 0; i < n; i++) {
		double x = ideal[i] > 0 ? got[i] / ideal[i] : 0;

		sum += x;
		squares += x * x;
		s.error_max = fmax(s.error_max, fabs(x - 1));
		s.least = fmin(s.least, x);
		s.starved += x < 0.1;
	}
	s.jain = squares > 0 ? sum * sum / (n * squares) : 0;
	return s;
}
