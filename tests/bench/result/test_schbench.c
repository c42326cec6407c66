/* SPDX-License-Identifier: GPL-2.0-only */
/* WRK-01: the key names and units of schbench --json. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "bench/result/schbench.h"

static const char golden[] = "{\"int\": {"
			     "\"request_latency_max\": 4000, \"request_latency_min\": 4000, "
			     "\"request_latency_pct20.0\": 4000, \"request_latency_pct50.0\": 4000, "
			     "\"request_latency_pct90.0\": 4000, \"request_latency_pct99.0\": 4000, "
			     "\"request_latency_pct99.9\": 4000, \"runtime\": 30, "
			     "\"wakeup_latency_max\": 2, \"wakeup_latency_min\": 1, "
			     "\"wakeup_latency_pct20.0\": 1, \"wakeup_latency_pct50.0\": 1, "
			     "\"wakeup_latency_pct90.0\": 1, \"wakeup_latency_pct99.0\": 1, "
			     "\"wakeup_latency_pct99.9\": 2}, "
			     "\"normal\": {\"sched_ext\": \"mine\", \"version\": \"7.3\"}}";

static void keys_and_units(void **state)
{
	struct hist *wakeup = calloc(1, sizeof(*wakeup)), *request = calloc(1, sizeof(*request));
	json_t *facts =
		json_loads("{\"guest\":{\"environment\":{\"kernel\":\"7.3\",\"sched_ext\":\"mine\"}}}", 0, NULL);
	json_t *json;
	char *text;

	(void)state;
	hist_record_n(wakeup, 1500, 995);
	hist_record_n(wakeup, 2600, 5);
	hist_record_n(request, 4000000, 10);
	json = schbench_json(wakeup, request, 30200000000u, facts);
	text = json_dumps(json, JSON_SORT_KEYS);
	assert_string_equal(text, golden);
	free(text);
	json_decref(json);
	/* Without samples there are no keys that say 0. */
	hist_init(wakeup);
	json = schbench_json(wakeup, NULL, 1, NULL);
	text = json_dumps(json, JSON_SORT_KEYS);
	assert_string_equal(text, "{\"int\": {\"runtime\": 0}, \"normal\": {\"sched_ext\": \"disabled\", "
				  "\"version\": \"unknown\"}}");
	free(text);
	json_decref(json);
	json_decref(facts);
	free(wakeup);
	free(request);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(keys_and_units) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
