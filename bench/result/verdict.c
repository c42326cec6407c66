/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/result/verdict.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/result/random.h"
#include "bench/result/rank.h"

/* Below it no difference can reach 0.05 by ranks. */
#define BOOTS_MIN 4

static double resampled_median(struct random *r, const double *sorted, unsigned n)
{
	uint16_t hits[SAMPLES_MAX] = { 0 };
	unsigned seen = 0, lower = n;

	/* The values are sorted, so counting how often each is drawn sorts the resample. */
	for (unsigned i = 0; i < n; i++)
		hits[random_below(r, n)]++;
	for (unsigned i = 0; i < n; i++) {
		if (lower < n && hits[i])
			return (sorted[lower] + sorted[i]) / 2;
		seen += hits[i];
		if (seen > n / 2)
			return sorted[i];
		if (!(n % 2) && seen == n / 2)
			lower = i;
	}
	return sorted[n - 1];
}

static void bootstrap(const double *base, unsigned n, const double *test, unsigned m, struct comparison *c)
{
	double a[SAMPLES_MAX], b[SAMPLES_MAX];
	double *ratios = malloc(c->resamples * sizeof(*ratios));
	struct random r = { .state = c->seed };

	c->low = c->high = NAN;
	if (!ratios)
		return;
	sort_values(base, n, a);
	sort_values(test, m, b);
	for (unsigned i = 0; i < c->resamples; i++) {
		double under = resampled_median(&r, a, n), over = resampled_median(&r, b, m);

		ratios[i] = under != 0 ? over / under : INFINITY;
	}
	sort_values(ratios, c->resamples, ratios);
	c->low = quantile(ratios, c->resamples, 0.025);
	c->high = quantile(ratios, c->resamples, 0.975);
	free(ratios);
}

void comparison_make(const double *base, unsigned n, const double *test, unsigned m, uint64_t seed, unsigned resamples,
		     struct comparison *out)
{
	*out = (struct comparison){ .seed = seed, .resamples = resamples, .low = NAN, .high = NAN, .ratio = NAN };
	summary_make(base, n, &out->base);
	summary_make(test, m, &out->test);
	out->p = out->p_adjusted = mann_whitney(base, n, test, m);
	if (out->base.median == 0)
		return;
	out->ratio = out->test.median / out->base.median;
	bootstrap(base, n, test, m, out);
}

static int by_p(const void *a, const void *b)
{
	double x = (*(struct comparison *const *)a)->p, y = (*(struct comparison *const *)b)->p;

	return x < y ? -1 : x > y;
}

void comparison_correct(struct comparison *c, unsigned n, enum correction how)
{
	struct comparison **order = malloc((n ? n : 1) * sizeof(struct comparison *));
	double bound = 0;

	if (!order) {
		/* Bonferroni needs no order, and is never less strict. */
		for (unsigned i = 0; i < n; i++)
			c[i].p_adjusted = fmin(1, c[i].p * n);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		order[i] = &c[i];
	qsort(order, n, sizeof(struct comparison *), by_p);
	if (how == CORRECTION_HOLM) {
		/* Step down: the i-th smallest p times the number of those not smaller; never below the one before. */
		for (unsigned i = 0; i < n; i++)
			order[i]->p_adjusted = bound = fmin(1, fmax(bound, order[i]->p * (n - i)));
	} else {
		/* Step up: the i-th smallest p times n / i; never above the one after. */
		bound = 1;
		for (unsigned i = n; i-- > 0;)
			order[i]->p_adjusted = bound = fmin(bound, order[i]->p * n / (i + 1));
	}
	free(order);
}

enum verdict comparison_judge(const struct comparison *c, const struct gates *g, enum gate *gate)
{
	double beyond = 1 + g->threshold;

	*gate = GATE_NONE;
	if (c->base.n < BOOTS_MIN || c->test.n < BOOTS_MIN)
		*gate = GATE_BOOTS;
	else if (c->low >= 1 / beyond && c->high <= beyond)
		return VERDICT_SAME;
	else if (!(c->p_adjusted < g->alpha))
		*gate = GATE_P;
	else if (!(c->low > 1 || c->high < 1))
		*gate = GATE_INTERVAL;
	else if (!(c->ratio > beyond || c->ratio < 1 / beyond))
		*gate = GATE_THRESHOLD;
	else if (fabs(c->test.median - c->base.median) <= g->floor)
		*gate = GATE_FLOOR;
	else
		return (c->ratio > 1) == g->more_is_better ? VERDICT_BETTER : VERDICT_WORSE;
	return VERDICT_INCONCLUSIVE;
}

const char *verdict_name(enum verdict v)
{
	static const char *const names[] = { "same", "better", "worse", "inconclusive" };

	return names[v];
}

void verdict_reason(const struct comparison *c, const struct gates *g, enum verdict v, enum gate gate, char *text,
		    size_t size)
{
	unsigned least = c->base.n < c->test.n ? c->base.n : c->test.n;
	double percent = 100 * g->threshold;

	switch (gate) {
	case GATE_BOOTS:
		snprintf(text, size, "n=%u can't reach %g", least, g->alpha);
		break;
	case GATE_P:
		snprintf(text, size, "p %.3g is not below %g", c->p_adjusted, g->alpha);
		break;
	case GATE_INTERVAL:
		snprintf(text, size, "the interval %.3f..%.3f includes 1", c->low, c->high);
		break;
	case GATE_THRESHOLD:
		snprintf(text, size, "%+.1f%% is within the threshold of %g%%", 100 * (c->ratio - 1), percent);
		break;
	case GATE_FLOOR:
		snprintf(text, size, "the difference %.3g is within the floor %.3g",
			 fabs(c->test.median - c->base.median), g->floor);
		break;
	case GATE_NONE:
		if (v == VERDICT_SAME)
			snprintf(text, size, "the interval %.3f..%.3f is within %g%%", c->low, c->high, percent);
		else
			snprintf(text, size, "%+.1f%%, interval %.3f..%.3f, p %.3g", 100 * (c->ratio - 1), c->low,
				 c->high, c->p_adjusted);
	}
}
