/* SPDX-License-Identifier: GPL-2.0-only */
/* The latency histogram against sorted lists of what went in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bench/base/hist.h"

#define VALUES 20000

static struct hist h, g;
static uint64_t values[VALUES];

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Spread over all magnitudes: a random count of low bits. */
static void fill(uint64_t seed)
{
	for (unsigned i = 0; i < VALUES; i++)
		values[i] = next_random(&seed) >> (64 - 1 - next_random(&seed) % (HIST_VALUE_BITS - 1));
}

static void buckets_tile_the_range(void **state)
{
	assert_int_equal(hist_lowest(0), 0);
	for (unsigned i = 0; i + 1 < HIST_BUCKETS; i++) {
		assert_int_equal(hist_highest(i) + 1, hist_lowest(i + 1));
		/* Width over lowest value is the promised precision. */
		assert_true((hist_highest(i) - hist_lowest(i)) * 1024 <= hist_lowest(i));
	}
	assert_int_equal(hist_highest(HIST_BUCKETS - 1), (UINT64_C(1) << HIST_VALUE_BITS) - 1);
}

static void each_bucket_takes_its_bounds(void **state)
{
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		hist_init(&h);
		hist_record(&h, hist_lowest(i));
		hist_record(&h, hist_highest(i));
		assert_int_equal(h.bucket[i], 2);
	}
}

static void quantiles_match_a_sorted_list(void **state)
{
	static const unsigned ppm[] = { 1, 1000, 10000, 500000, 900000, 990000, 999000, 999900, 999999, 1000000 };

	for (uint64_t seed = 1; seed <= 5; seed++) {
		double sum = 0;

		fill(seed);
		hist_init(&h);
		for (unsigned i = 0; i < VALUES; i++) {
			hist_record(&h, values[i]);
			sum += (double)values[i];
		}
		qsort(values, VALUES, sizeof(*values), by_value);
		for (unsigned i = 0; i < sizeof(ppm) / sizeof(*ppm); i++) {
			uint64_t rank = ((uint64_t)VALUES * ppm[i] + 999999) / 1000000;
			uint64_t exact = values[rank - 1], got = hist_quantile(&h, ppm[i]);

			assert_true(got >= exact);
			assert_true((got - exact) * 1024 <= exact);
		}
		assert_int_equal(h.min, values[0]);
		assert_int_equal(h.max, values[VALUES - 1]);
		assert_int_equal(h.count, VALUES);
		assert_true(fabs(hist_mean(&h) - sum / VALUES) <= 1e-9 * sum);
	}
}

static void rank_is_exact_integer_arithmetic(void **state)
{
	hist_init(&h);
	hist_record_n(&h, 5, 999);
	hist_record(&h, 70);
	assert_int_equal(hist_quantile(&h, 999000), 5);
	assert_int_equal(hist_quantile(&h, 999001), 70);
}

static void merged_is_as_if_recorded_together(void **state)
{
	static struct hist all;

	fill(77);
	hist_init(&h);
	hist_init(&g);
	hist_init(&all);
	for (unsigned i = 0; i < VALUES; i++) {
		hist_record(i % 3 ? &h : &g, values[i]);
		hist_record(&all, values[i]);
	}
	hist_merge(&h, &g);
	all.sum = h.sum; /* the order of additions differs */
	assert_memory_equal(&h, &all, sizeof(h));
}

static void merging_an_empty_one_changes_nothing(void **state)
{
	hist_init(&h);
	hist_init(&g);
	hist_record(&h, 42);
	hist_merge(&h, &g);
	assert_int_equal(h.min, 42);
	hist_merge(&g, &h);
	assert_int_equal(g.min, 42);
	assert_int_equal(g.max, 42);
}

static void edges(void **state)
{
	hist_init(&h);
	assert_int_equal(hist_quantile(&h, 500000), 0);
	assert_true(hist_mean(&h) == 0);
	hist_record(&h, 0);
	assert_int_equal(h.min, 0);
	assert_int_equal(hist_quantile(&h, 1000000), 0);
	hist_record_n(&h, 9, 0);
	assert_int_equal(h.count, 1);
	assert_int_equal(h.max, 0);
}

static void overflow_keeps_the_maximum_and_is_counted(void **state)
{
	uint64_t top = (UINT64_C(1) << HIST_VALUE_BITS) - 1;

	hist_init(&h);
	hist_record(&h, top);
	assert_int_equal(h.overflows, 0);
	hist_record(&h, top + 1);
	hist_record(&h, UINT64_MAX);
	assert_int_equal(h.overflows, 2);
	assert_int_equal(h.count, 3);
	assert_int_equal(h.max, UINT64_MAX);
	assert_int_equal(hist_quantile(&h, 1000000), UINT64_MAX);
}

static void between_counts_each_sample_once(void **state)
{
	uint64_t total = 0;

	fill(3);
	hist_init(&h);
	for (unsigned i = 0; i < VALUES; i++)
		hist_record(&h, values[i]);
	for (uint64_t low = 1; low < UINT64_C(1) << HIST_VALUE_BITS; low *= 2)
		total += hist_between(&h, low, low * 2);
	assert_int_equal(total + hist_between(&h, 0, 1), VALUES);
}

/* Reads hist_write_json() back with nothing but strtoull. */
static bool read_back(struct hist *to, const char *json)
{
	uint64_t count, min, max;
	char *p = strstr(json, "\"count\":"), *q;
	double sum;

	hist_init(to);
	count = strtoull(p + 8, NULL, 10);
	min = strtoull(strstr(json, "\"min\":") + 6, NULL, 10);
	max = strtoull(strstr(json, "\"max\":") + 6, NULL, 10);
	sum = strtod(strstr(json, "\"sum\":") + 6, NULL);
	for (p = strchr(json, '[') + 1; (q = strchr(p, '[')); p = q) {
		uint64_t low = strtoull(q + 1, &q, 10);

		hist_restore(to, low, strtoull(q + 1, &q, 10));
	}
	return hist_restore_totals(to, count, min, max, sum);
}

static void json_and_back_is_the_same(void **state)
{
	char *json = NULL;
	size_t len;
	FILE *f;

	fill(9);
	hist_init(&h);
	for (unsigned i = 0; i < VALUES; i++)
		hist_record(&h, values[i]);
	f = open_memstream(&json, &len);
	hist_write_json(&h, f);
	fclose(f);
	assert_true(read_back(&g, json));
	assert_true(fabs(g.sum - h.sum) < 1);
	g.sum = h.sum;
	assert_memory_equal(&h, &g, sizeof(h));
	free(json);
}

static void totals_that_contradict_are_refused(void **state)
{
	hist_init(&h);
	hist_restore(&h, 4096, 10);
	assert_false(hist_restore_totals(&h, 11, 4096, 4097, 0));
	assert_false(hist_restore_totals(&h, 10, 10, 4097, 0));
	assert_false(hist_restore_totals(&h, 10, 4097, 4096, 0));
	assert_true(hist_restore_totals(&h, 10, 4096, 4097, 40965));
	assert_int_equal(h.max, 4097);
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* RES-05: 10^8 samples in one struct of fixed size; a quantile is at most 0.4 % off the one of all samples sorted. */
static void a_hundred_million_samples_take_no_more_room(void **state)
{
	enum { EXACT = 1000000 };
	static const unsigned ppm[] = { 1000, 10000, 500000, 900000, 990000, 999000, 999900, 999999 };
	uint64_t *v = malloc(EXACT * sizeof(*v)), x = 7;

	assert_non_null(v);
	hist_init(&h);
	for (unsigned i = 0; i < EXACT; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		/* All sizes from 1 to 2^40 are as likely. */
		v[i] = (UINT64_C(1) << (x >> 59) * 40 / 32) + (x >> 24) % (UINT64_C(1) << (x >> 59) * 40 / 32);
		hist_record(&h, v[i]);
	}
	qsort(v, EXACT, sizeof(*v), ascending);
	for (unsigned i = 0; i < sizeof(ppm) / sizeof(*ppm); i++) {
		uint64_t exact = v[(uint64_t)EXACT * ppm[i] / 1000000 - 1], got = hist_quantile(&h, ppm[i]);

		assert_true(got >= exact && (double)(got - exact) <= 0.004 * (double)exact);
	}
	for (unsigned i = 0; i < 100000000 - EXACT; i++)
		hist_record(&h, v[i % EXACT]);
	assert_int_equal(h.count, 100000000);
	assert_true(sizeof(h) < 300000);
	free(v);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_tile_the_range),
		cmocka_unit_test(each_bucket_takes_its_bounds),
		cmocka_unit_test(quantiles_match_a_sorted_list),
		cmocka_unit_test(rank_is_exact_integer_arithmetic),
		cmocka_unit_test(merged_is_as_if_recorded_together),
		cmocka_unit_test(merging_an_empty_one_changes_nothing),
		cmocka_unit_test(edges),
		cmocka_unit_test(overflow_keeps_the_maximum_and_is_counted),
		cmocka_unit_test(between_counts_each_sample_once),
		cmocka_unit_test(json_and_back_is_the_same),
		cmocka_unit_test(totals_that_contradict_are_refused),
		cmocka_unit_test(a_hundred_million_samples_take_no_more_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
