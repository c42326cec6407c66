/* SPDX-License-Identifier: GPL-2.0-only */
/* What the statistics say of values on stdin, for test_scipy.py: lines of WHAT N M and N + M numbers; one line each
 * out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/result/order.h"
#include "bench/result/rank.h"
#include "bench/result/verdict.h"

static void holm(double *p, unsigned n, enum correction how)
{
	struct comparison c[SAMPLES_MAX] = { 0 };

	for (unsigned i = 0; i < n; i++)
		c[i].p = p[i];
	comparison_correct(c, n, how);
	for (unsigned i = 0; i < n; i++)
		printf("%.17g ", c[i].p_adjusted);
	printf("\n");
}

int main(void)
{
	static double v[2 * SAMPLES_MAX];
	char what[16];
	unsigned n, m;

	while (scanf("%15s %u %u", what, &n, &m) == 3) {
		struct comparison c;
		struct summary s;
		double tau, p;

		for (unsigned i = 0; i < n + m; i++)
			if (n > SAMPLES_MAX || m > SAMPLES_MAX || scanf("%lf", &v[i]) != 1)
				return 1;
		if (!strcmp(what, "summary")) {
			summary_make(v, n, &s);
			printf("%.17g %.17g %.17g %.17g %.17g %.17g %.17g %.17g\n", s.median, s.mean, s.cv, s.min,
			       s.max, s.low, s.high, s.coverage);
		} else if (!strcmp(what, "mw")) {
			printf("%.17g\n", mann_whitney(v, n, v + n, m));
		} else if (!strcmp(what, "drift")) {
			tau = drift(v, n, &p);
			printf("%.17g %.17g\n", tau, p);
		} else if (!strcmp(what, "holm") || !strcmp(what, "bh")) {
			holm(v, n, *what == 'h' ? CORRECTION_HOLM : CORRECTION_BH);
		} else if (!strcmp(what, "ratio")) {
			comparison_make(v, n, v + n, m, 1, BOOTSTRAP_DEFAULT, &c);
			printf("%.17g %.17g %.17g %.17g\n", c.ratio, c.low, c.high, c.p);
		} else {
			return 1;
		}
		fflush(stdout);
	}
	return 0;
}
