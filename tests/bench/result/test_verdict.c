/* SPDX-License-Identifier: GPL-2.0-only */
/* The verdict and what it rests on, over planted and simulated boots: TRU-01, -04 to -06, -08 to -10, -12, -13, BEN-03,
 * -05. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "bench/result/order.h"
#include "bench/result/random.h"
#include "bench/result/rank.h"
#include "bench/result/verdict.h"

static const struct gates gates = { .alpha = 0.05, .threshold = 0.03 };

static double uniform(struct random *r)
{
	return (double)(random_next(r) >> 11) * 0x1p-53;
}

/* Box and Muller. */
static double normal(struct random *r)
{
	return sqrt(-2 * log(1 - uniform(r))) * cos(2 * M_PI * uniform(r));
}

static void lognormal(struct random *r, double *v, unsigned n, double median, double cv)
{
	for (unsigned i = 0; i < n; i++)
		v[i] = median * exp(cv * normal(r));
}

/* Six of ten boots are 20 % quicker. */
static void bimodal(struct random *r, double *v, unsigned n, double median, double cv)
{
	lognormal(r, v, n, median, cv);
	for (unsigned i = 0; i < n; i++)
		v[i] *= uniform(r) < 0.6 ? 1 : 1.2;
}

static enum verdict judge(const double *a, unsigned n, const double *b, unsigned m, const struct gates *g,
			  enum gate *gate)
{
	struct comparison c;

	comparison_make(a, n, b, m, 7, 999, &c);
	return comparison_judge(&c, g, gate);
}

static void each_gate_and_each_verdict(void **state)
{
	static const double base[10] = { 100, 101, 102, 99, 98, 100.5, 99.5, 101.5, 98.5, 100.2 };
	static const struct {
		double test[10];
		unsigned n;
		struct gates g;
		enum verdict verdict;
		enum gate gate;
		const char *reason;
	} cases[] = {
		{ { 120, 121, 122, 119, 118, 120.5, 119.5, 121.5, 118.5, 120.2 },
		  10,
		  { 0.05, 0.03, 0, false },
		  VERDICT_WORSE,
		  GATE_NONE,
		  "+20.0%, interval" },
		{ { 120, 121, 122, 119, 118, 120.5, 119.5, 121.5, 118.5, 120.2 },
		  10,
		  { 0.05, 0.03, 0, true },
		  VERDICT_BETTER,
		  GATE_NONE,
		  "+20.0%, interval" },
		{ { 80, 81, 82, 79, 78, 80.5, 79.5, 81.5, 78.5, 80.2 },
		  10,
		  { 0.05, 0.03, 0, false },
		  VERDICT_BETTER,
		  GATE_NONE,
		  "-20.0%, interval" },
		{ { 100.1, 101, 102, 99, 98, 100.5, 99.5, 101.5, 98.5, 100.3 },
		  10,
		  { 0.05, 0.03, 0, false },
		  VERDICT_SAME,
		  GATE_NONE,
		  "is within 3%" },
		{ { 120, 121, 122 },
		  3,
		  { 0.05, 0.03, 0, false },
		  VERDICT_INCONCLUSIVE,
		  GATE_BOOTS,
		  "n=3 can't reach 0.05" },
		{ { 90, 115, 100, 99, 108, 100.5, 92, 109, 98.5, 100.2 },
		  10,
		  { 0.05, 0.03, 0, false },
		  VERDICT_INCONCLUSIVE,
		  GATE_P,
		  "is not below 0.05" },
		{ { 102, 108, 103, 104, 101, 107, 102.5, 106, 101.7, 101.8 },
		  10,
		  { 0.05, 0.05, 0, false },
		  VERDICT_INCONCLUSIVE,
		  GATE_THRESHOLD,
		  "is within the threshold of 5%" },
		{ { 120, 121, 122, 119, 118, 120.5, 119.5, 121.5, 118.5, 120.2 },
		  10,
		  { 0.05, 0.03, 30, false },
		  VERDICT_INCONCLUSIVE,
		  GATE_FLOOR,
		  "is within the floor 30" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct comparison c;
		enum gate gate;
		char text[128];
		enum verdict v;

		comparison_make(base, 10, cases[i].test, cases[i].n, 1, BOOTSTRAP_DEFAULT, &c);
		v = comparison_judge(&c, &cases[i].g, &gate);
		verdict_reason(&c, &cases[i].g, v, gate, text, sizeof(text));
		if (v != cases[i].verdict || gate != cases[i].gate || !strstr(text, cases[i].reason))
			fail_msg("case %u: %s, gate %d: %s", i, verdict_name(v), gate, text);
	}
	(void)state;
}

/* By ranks it differs, but the bootstrap's interval of the medians' ratio still holds 1. */
static void the_interval_is_a_gate_of_its_own(void **state)
{
	struct comparison c = { .base.n = 10,
				.test.n = 10,
				.base.median = 100,
				.test.median = 104,
				.p = 0.01,
				.p_adjusted = 0.01,
				.ratio = 1.04,
				.low = 0.99,
				.high = 1.08 };
	enum gate gate;

	assert_int_equal(comparison_judge(&c, &gates, &gate), VERDICT_INCONCLUSIVE);
	assert_int_equal(gate, GATE_INTERVAL);
	/* What could not be computed passes no gate. */
	c.low = c.high = c.ratio = NAN;
	assert_int_equal(comparison_judge(&c, &gates, &gate), VERDICT_INCONCLUSIVE);
	assert_int_equal(gate, GATE_INTERVAL);
	(void)state;
}

static void three_boots_never_make_a_verdict(void **state)
{
	struct random r = { 3 };
	enum gate gate;

	for (unsigned i = 0; i < 200; i++) {
		double a[3], b[30];

		lognormal(&r, a, 3, 100, 0.001);
		lognormal(&r, b, 30, i % 2 ? 1000 : 100, 0.001);
		assert_int_equal(judge(a, 3, b, 30, &gates, &gate), VERDICT_INCONCLUSIVE);
		assert_int_equal(gate, GATE_BOOTS);
	}
	assert_true(mann_whitney_least(3, 3) > 0.05 && mann_whitney_least(4, 4) < 0.05);
	(void)state;
}

/* TRU-01 is a property of what is given: one number a boot. Two halves of the same boots are two metrics, not more
 * boots. */
static void power_is_as_computed(void **state)
{
	static const struct {
		double cv;
		unsigned n;
	} cases[] = { { 0.01, 10 }, { 0.015, 10 }, { 0.02, 10 }, { 0.03, 20 }, { 0.05, 30 } };
	struct random r = { 4 };

	for (unsigned k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
		double change = detectable(cases[k].cv, cases[k].n, gates.threshold);
		unsigned found = 0, called = 0;

		for (unsigned i = 0; i < 300; i++) {
			double a[30], b[30];
			enum gate gate;

			lognormal(&r, a, cases[k].n, 100, cases[k].cv);
			lognormal(&r, b, cases[k].n, 100 * (1 + change), cases[k].cv);
			found += judge(a, cases[k].n, b, cases[k].n, &gates, &gate) == VERDICT_WORSE;
			lognormal(&r, b, cases[k].n, 101, cases[k].cv);
			called += judge(a, cases[k].n, b, cases[k].n, &gates, &gate) == VERDICT_WORSE;
		}
		/* 95 in 100 asked for; the normal approximations may cost a few. */
		if (found < 300 * 93 / 100)
			fail_msg("cv %g, n %u: +%.1f%% found in %u of 300", cases[k].cv, cases[k].n, 100 * change,
				 found);
		/*
		 * TRU-08: +1 % is below the threshold. Of 4000 such it was called worse in 0.00 % at a CV of 1 %, 0.6 %
		 * at 1.5 %, 2.7 % at 2 % (10 boots): with TRU-05's gates the row's 1 % holds up to a CV of 1.5 %.
		 */
		if (cases[k].cv <= 0.015 && called > 6)
			fail_msg("cv %g, n %u: +1%% called worse in %u of 300", cases[k].cv, cases[k].n, called);
		assert_in_range(boots_needed(cases[k].cv, change, gates.threshold, 100), cases[k].n - 1, cases[k].n);
	}
	assert_true(detectable(0.02, 10, 0.03) <= 0.06);
	assert_int_equal(boots_needed(0.05, 0.01, 0.03, 100), 0);
	(void)state;
}

static void the_interval_of_the_ratio_covers(void **state)
{
	struct random r = { 5 };

	for (unsigned kind = 0; kind < 2; kind++) {
		unsigned covered = 0;

		for (unsigned i = 0; i < 2000; i++) {
			struct comparison c;
			double a[12], b[12];

			(kind ? bimodal : lognormal)(&r, a, 12, 100, 0.03);
			(kind ? bimodal : lognormal)(&r, b, 12, 130, 0.03);
			comparison_make(a, 12, b, 12, i, 499, &c);
			covered += c.low <= 1.3 && c.high >= 1.3;
		}
		if (covered < 1860 || covered > 1950)
			fail_msg("%s: %u of 2000", kind ? "bimodal" : "log-normal", covered);
	}
	(void)state;
}

static void twenty_null_metrics_are_one_family(void **state)
{
	struct random r = { 6 };
	unsigned families = 0;

	for (unsigned i = 0; i < 1000; i++) {
		struct comparison c[20] = { 0 };
		unsigned hits = 0;

		for (unsigned k = 0; k < 20; k++) {
			double a[10], b[10];

			lognormal(&r, a, 10, 100, 0.05);
			lognormal(&r, b, 10, 100, 0.05);
			c[k].p = mann_whitney(a, 10, b, 10);
		}
		comparison_correct(c, 20, CORRECTION_HOLM);
		for (unsigned k = 0; k < 20; k++)
			hits += c[k].p_adjusted < 0.05;
		families += hits > 0;
	}
	/* 5 % of 1000, and two and a half standard deviations. */
	assert_in_range(families, 0, 67);
	(void)state;
}

static void a_percentile_needs_its_samples(void **state)
{
	assert_false(quantile_known(0.999, 9999));
	assert_true(quantile_known(0.999, 10000));
	assert_false(quantile_known(0.99, 999));
	assert_true(quantile_known(0.99, 1000));
	assert_true(quantile_known(0.5, 20));
	(void)state;
}

static void two_modes_are_named(void **state)
{
	double mixture[10] = { 100, 101, 99, 100.5, 99.5, 100.2, 130, 131, 129, 130.5 };
	unsigned lower = 0, mild, severe, false_ones = 0;
	struct random r = { 8 };

	assert_true(two_modes(mixture, 10, &lower));
	assert_int_equal(lower, 6);
	for (unsigned i = 0; i < 1000; i++) {
		double v[15];

		lognormal(&r, v, 15, 100, 0.03);
		false_ones += two_modes(v, 15, &lower);
	}
	assert_in_range(false_ones, 0, 20);
	mixture[9] = 500;
	for (unsigned i = 6; i < 9; i++)
		mixture[i] = 100 + i;
	outliers(mixture, 10, &mild, &severe);
	assert_int_equal(severe, 1);
	(void)state;
}

static void a_trend_is_drift(void **state)
{
	double v[20], p;
	struct random r = { 9 };

	lognormal(&r, v, 20, 100, 0.01);
	drift(v, 20, &p);
	assert_true(p > 0.01);
	for (unsigned i = 0; i < 20; i++)
		v[i] += i;
	assert_true(drift(v, 20, &p) > 0.7 && p < 0.001);
	(void)state;
}

static void the_variance_goes_to_its_level(void **state)
{
	double v[200], between, within;
	struct random r = { 10 };

	for (unsigned kind = 0; kind < 2; kind++) {
		for (unsigned i = 0; i < 20; i++) {
			double boot = 100 + (kind ? 0 : 5) * normal(&r);

			for (unsigned k = 0; k < 10; k++)
				v[i * 10 + k] = boot + (kind ? 5 : 0.5) * normal(&r);
		}
		variance_split(v, 20, 10, &between, &within);
		assert_true(kind ? between < within / 5 : between > 10 * within);
	}
	(void)state;
}

static void the_order_is_fair_and_repeatable(void **state)
{
	unsigned order[2][3 * 10], places[3] = { 0 };

	for (uint64_t seed = 0; seed < 100; seed++) {
		unsigned times[3] = { 0 };

		order_make(3, 10, seed, order[0]);
		order_make(3, 10, seed, order[1]);
		assert_memory_equal(order[0], order[1], sizeof(order[0]));
		for (unsigned i = 0; i < 30; i++) {
			times[order[0][i]]++;
			places[order[0][i]] += i;
		}
		for (unsigned s = 0; s < 3; s++)
			assert_int_equal(times[s], 10);
		/* Blocks of ABCCBA: within each pair of runs all sides have the same sum of places. */
		for (unsigned block = 0; block < 5; block++)
			for (unsigned i = 0; i < 3; i++)
				assert_int_equal(order[0][block * 6 + i], order[0][block * 6 + 5 - i]);
	}
	for (unsigned s = 0; s < 3; s++)
		assert_in_range(places[s], 100 * 145 * 9 / 10, 100 * 145 * 11 / 10);
	/* An odd number of runs: half a block. */
	order_make(2, 3, 1, order[0]);
	assert_int_equal(order[0][0], order[0][3]);
	assert_int_not_equal(order[0][4], order[0][5]);
	(void)state;
}

static void runs_stop_by_precision_alone(void **state)
{
	unsigned covered = 0, wrong = 0, trials = 2000;
	struct random r = { 11 };

	for (unsigned i = 0; i < trials; i++) {
		double a[RUNS_AUTO_MAX], b[RUNS_AUTO_MAX], cv = 0.02 + 0.03 * uniform(&r);
		struct summary s;
		unsigned n = 0;
		enum gate gate;

		lognormal(&r, a, RUNS_AUTO_MAX, 100, cv);
		lognormal(&r, b, RUNS_AUTO_MAX, 100, cv);
		while (runs_enough(a, n, 0.05) == ENOUGH_NO || runs_enough(b, n, 0.05) == ENOUGH_NO)
			n++;
		assert_in_range(n, RUNS_AUTO_MIN, RUNS_AUTO_MAX);
		summary_make(a, n, &s);
		covered += s.low <= 100 && s.high >= 100;
		wrong += judge(a, n, b, n, &gates, &gate) == VERDICT_WORSE ||
			 judge(a, n, b, n, &gates, &gate) == VERDICT_BETTER;
	}
	assert_true(covered >= trials * 92 / 100);
	assert_true(wrong <= trials * 7 / 100);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_gate_and_each_verdict),
		cmocka_unit_test(the_interval_is_a_gate_of_its_own),
		cmocka_unit_test(three_boots_never_make_a_verdict),
		cmocka_unit_test(power_is_as_computed),
		cmocka_unit_test(the_interval_of_the_ratio_covers),
		cmocka_unit_test(twenty_null_metrics_are_one_family),
		cmocka_unit_test(a_percentile_needs_its_samples),
		cmocka_unit_test(two_modes_are_named),
		cmocka_unit_test(a_trend_is_drift),
		cmocka_unit_test(the_variance_goes_to_its_level),
		cmocka_unit_test(the_order_is_fair_and_repeatable),
		cmocka_unit_test(runs_stop_by_precision_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
