/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether a run counts: the worst status wins, JSON and back, exit codes; boots that don't count are not pooled
 * (BEN-09 to -11, RES). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "bench/result/boots.h"
#include "bench/result/validity.h"

static void the_worst_status_wins(void **state)
{
	static const int codes[] = { 0, 2, 77, 1 };
	struct validity v = { 0 };

	(void)state;
	assert_int_equal(validity_exit_code(&v), 0);
	for (unsigned i = VALIDITY_INVALID; i < VALIDITY_STATUSES; i++) {
		validity_add(&v, (enum validity_status)i, "reason %u", i);
		validity_add(&v, VALIDITY_INVALID, "a lesser one");
		assert_int_equal(v.status, i);
		assert_int_equal(validity_exit_code(&v), codes[i]);
	}
	assert_int_equal(v.n, 6);
	assert_string_equal(v.reason[2], "reason 2");
}

static void json_and_back(void **state)
{
	struct validity v = { 0 }, back;
	json_t *result;

	(void)state;
	validity_add(&v, VALIDITY_INVALID, "bypass: %d ms", 12);
	validity_add(&v, VALIDITY_FAILED, "a \"quote\", a\nline, \xff");
	result = json_pack("{so}", "validity", validity_json(&v));
	assert_non_null(result);
	assert_true(validity_read(&back, result));
	assert_int_equal(back.status, VALIDITY_FAILED);
	assert_int_equal(back.n, 2);
	assert_string_equal(back.reason[0], "bypass: 12 ms");
	assert_string_equal(back.reason[1], "a \"quote\", a?line, ?");
	json_decref(result);
}

/* More than fit, and longer ones: what fits is kept, and the status is that of all. */
static void too_many_and_too_long(void **state)
{
	struct validity v = { 0 };
	char text[1000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (unsigned i = 0; i < 100; i++)
		validity_add(&v, i == 99 ? VALIDITY_FAILED : VALIDITY_INVALID, "%s", text);
	assert_int_equal(v.n, VALIDITY_REASONS_MAX);
	assert_int_equal(strlen(v.reason[0]), VALIDITY_REASON_SIZE - 1);
	assert_int_equal(v.status, VALIDITY_FAILED);
}

static void what_is_read(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		enum validity_status status;
	} cases[] = {
		{ "{}", true, VALIDITY_VALID },
		{ "{\"validity\":{\"status\":\"valid\",\"reasons\":[]}}", true, VALIDITY_VALID },
		{ "{\"validity\":{\"status\":\"skipped\",\"reasons\":[\"no sched_ext\"]}}", true, VALIDITY_SKIPPED },
		{ "{\"validity\":{\"status\":\"fine\",\"reasons\":[]}}", false, VALIDITY_FAILED },
		{ "{\"validity\":{\"status\":1,\"reasons\":[]}}", false, VALIDITY_VALID },
		{ "{\"validity\":{\"status\":\"valid\"}}", false, VALIDITY_VALID },
		{ "{\"validity\":[]}", false, VALIDITY_VALID },
		{ "{\"validity\":{\"status\":\"invalid\",\"reasons\":[1]}}", false, VALIDITY_INVALID },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_t *result = json_loads(cases[i].text, 0, NULL);
		struct validity v;

		assert_non_null(result);
		if (validity_read(&v, result) != cases[i].ok || v.status != cases[i].status)
			fail_msg("%s: status %d", cases[i].text, v.status);
		json_decref(result);
	}
}

static json_t *boot(const char *validity)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 "{\"schema\":\"ktstr-bench/1\",\"results\":[{\"workload\":\"wakeup\",\"metric\":\"wakeup_latency\","
		 "\"rate_per_s\":5,\"histogram\":{\"count\":2,\"min\":5,\"max\":5,\"sum\":10,\"buckets\":[[5,2]]}}]%s%"
		 "s}",
		 validity ? ",\"validity\":" : "", validity ? validity : "");
	return json_loads(text, 0, NULL);
}

static bool add(struct boots *b, const char *validity)
{
	json_t *json = boot(validity);
	bool ok = json && boots_add(b, json);

	assert_non_null(json);
	json_decref(json);
	return ok;
}

static void boots_that_do_not_count_are_counted(void **state)
{
	struct boots *b = calloc(1, sizeof(*b));

	(void)state;
	assert_true(add(b, NULL));
	assert_true(add(b, "{\"status\":\"valid\",\"reasons\":[]}"));
	assert_true(add(b, "{\"status\":\"invalid\",\"reasons\":[\"bypass\"]}"));
	assert_true(add(b, "{\"status\":\"invalid\",\"reasons\":[\"noise\"]}"));
	assert_true(add(b, "{\"status\":\"failed\",\"reasons\":[\"time-out\"]}"));
	assert_false(add(b, "{\"status\":\"who knows\",\"reasons\":[]}"));
	assert_int_equal(b->n, 2);
	assert_int_equal(boots_find(b, "wakeup.rate")->n, 2);
	assert_int_equal(b->other[VALIDITY_INVALID], 2);
	assert_string_equal(b->why[VALIDITY_INVALID], "bypass");
	assert_int_equal(b->other[VALIDITY_SKIPPED], 0);
	assert_int_equal(b->other[VALIDITY_FAILED], 1);
	assert_string_equal(b->why[VALIDITY_FAILED], "time-out");
	boots_free(b);
	free(b);
}

/* One that ended before a workload did has no results, and is still a result that does not count. */
static void without_results(void **state)
{
	static const char text[] = "{\"schema\":\"ktstr-bench/1\",\"results\":[],\"machine\":null,\"validity\":"
				   "{\"status\":\"failed\",\"reasons\":[\"guest panic\"]}}";
	struct boots *b = calloc(1, sizeof(*b));
	json_t *json = json_loads(text, 0, NULL);

	(void)state;
	assert_true(boots_add(b, json));
	assert_int_equal(b->n, 0);
	assert_int_equal(b->other[VALIDITY_FAILED], 1);
	json_decref(json);
	boots_free(b);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_worst_status_wins),
		cmocka_unit_test(json_and_back),
		cmocka_unit_test(too_many_and_too_long),
		cmocka_unit_test(what_is_read),
		cmocka_unit_test(boots_that_do_not_count_are_counted),
		cmocka_unit_test(without_results),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
