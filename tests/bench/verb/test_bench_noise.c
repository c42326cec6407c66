/* SPDX-License-Identifier: GPL-2.0-only */
/* What the host's noise means for a run: HST-02 (it does not count) and HST-10 (no figure is corrected silently). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/verb/bench_noise.h"

static struct host_thread vcpus[2];
static struct noise noise;

/* vCPU 0 ran for a second; vCPU 1 too, and waited for @delay_ns. */
static void plant(int64_t delay_ns)
{
	memset(&noise, 0, sizeof(noise));
	memset(vcpus, 0, sizeof(vcpus));
	vcpus[0].on_cpu_ns = vcpus[1].on_cpu_ns = 1000000000;
	vcpus[1].delay_ns = delay_ns;
	noise.n_windows = 1;
	strcpy(noise.window[0].workload, "wakeup");
	noise.window[0].host.wall_ns = 2000000000;
	noise.window[0].vcpu = vcpus;
	noise.window[0].n_vcpus = 2;
	noise.window[0].kvm_error = -1;
}

static void hst_02_a_run_above_the_limit_is_invalid(void **state)
{
	struct validity v = { 0 };

	plant(450000000);
	bench_noise_check(&v, &noise, 1.5);
	assert_int_equal(v.status, VALIDITY_VALID);
	/* Off. */
	bench_noise_check(&v, &noise, 0);
	assert_int_equal(v.status, VALIDITY_VALID);
	bench_noise_check(&v, &noise, 1.25);
	assert_int_equal(v.status, VALIDITY_INVALID);
	assert_int_equal(v.n, 1);
	assert_string_equal(v.reason[0], "vCPU 1 waited 31 % for the host in wakeup");
	assert_int_equal(validity_exit_code(&v), 2);
	/* What has failed stays failed: noise is no excuse. */
	memset(&v, 0, sizeof(v));
	validity_add(&v, VALIDITY_FAILED, "guest panic");
	bench_noise_check(&v, &noise, 1.25);
	assert_int_equal(v.status, VALIDITY_FAILED);
}

static void hst_02_the_limit_is_by_the_mode(void **state)
{
	struct dilation_limit l = { 0 };

	assert_true(dilation_limit_value(&l, MODE_PERFORMANCE, false) == 1.05);
	assert_true(dilation_limit_value(&l, MODE_DEFAULT, false) == 1.25);
	assert_true(dilation_limit_value(&l, MODE_SHARED, false) == 1.25);
	assert_true(dilation_limit_value(&l, MODE_DEFAULT, true) == 0);
	assert_true(dilation_limit_parse(&l, "1.5"));
	assert_true(dilation_limit_value(&l, MODE_PERFORMANCE, true) == 1.5);
	assert_true(dilation_limit_parse(&l, "off"));
	assert_true(dilation_limit_value(&l, MODE_DEFAULT, false) == 0);
	assert_false(dilation_limit_parse(&l, "1"));
	assert_false(dilation_limit_parse(&l, "0.9"));
	assert_false(dilation_limit_parse(&l, "-3"));
	assert_false(dilation_limit_parse(&l, "nan"));
	assert_false(dilation_limit_parse(&l, "inf"));
	assert_false(dilation_limit_parse(&l, "1.5x"));
	assert_false(dilation_limit_parse(&l, ""));
}

/* "never worse": of 10 boots a side in which the host disturbed a third, those that count are as without it. */
static void hst_02_a_spinner_in_a_third_of_the_runs_leaves_the_others(void **state)
{
	unsigned counted = 0;

	for (unsigned i = 0; i < 30; i++) {
		struct validity v = { 0 };

		plant(i % 3 ? 1000000 : 800000000);
		bench_noise_check(&v, &noise, 1.25);
		counted += v.status == VALIDITY_VALID;
	}
	assert_int_equal(counted, 20);
}

static void hst_10_a_corrected_figure_stands_beside_the_raw_one(void **state)
{
	json_t *results = json_pack("[{ss sf}]", "workload", "wakeup", "rate_per_s", 1000.0);
	json_t *before = json_deep_copy(results), *json, *list, *one;

	plant(1000000000);
	json = bench_noise_json(&noise, 1.25, results);
	assert_true(json_equal(results, before));
	assert_true(json_real_value(json_object_get(json, "max_dilation")) == 1.25);
	list = json_object_get(json_array_get(json_object_get(json, "windows"), 0), "corrected");
	one = json_array_get(list, 0);
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(json_string_value(json_object_get(one, "raw_name")), "rate_per_s");
	assert_true(json_real_value(json_object_get(one, "raw")) == 1000);
	assert_string_equal(json_string_value(json_object_get(one, "name")), "rate_per_s_undilated");
	assert_true(json_real_value(json_object_get(one, "value")) == 1500);
	json_decref(json);
	/* Nothing to correct. */
	plant(0);
	json = bench_noise_json(&noise, 0, results);
	assert_true(json_is_null(json_object_get(json, "max_dilation")));
	list = json_object_get(json_array_get(json_object_get(json, "windows"), 0), "corrected");
	assert_int_equal(json_array_size(list), 0);
	json_decref(json);
	json_decref(before);
	json_decref(results);
}

static void notes_are_one_line_and_none_is_no_line(void **state)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	plant(0);
	bench_noise_print(f, &noise);
	fflush(f);
	assert_int_equal(size, 0);
	noise_note(&noise, "the host swapped");
	noise_note(&noise, "another machine used\nthe same CPUs");
	bench_noise_print(f, &noise);
	fclose(f);
	assert_string_equal(text, "host noise: the host swapped; another machine used?the same CPUs\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hst_02_a_run_above_the_limit_is_invalid),
		cmocka_unit_test(hst_02_the_limit_is_by_the_mode),
		cmocka_unit_test(hst_02_a_spinner_in_a_third_of_the_runs_leaves_the_others),
		cmocka_unit_test(hst_10_a_corrected_figure_stands_beside_the_raw_one),
		cmocka_unit_test(notes_are_one_line_and_none_is_no_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
