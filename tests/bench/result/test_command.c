/* SPDX-License-Identifier: GPL-2.0-only */
/* BEN-12: the lines that ktstr-workload --command writes become an entry of the result, which a comparison reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/result/boots.h"
#include "bench/result/command.h"
#include "bench/result/report.h"

#define COMMAND(argv)                                                                                                  \
	"{\"ktstr_command\":" argv ",\"exit_code\":0,\"signal\":0,\"wall_ns\":2000,\"user_ns\":500,"                   \
	"\"system_ns\":700,\"max_rss_bytes\":4096,\"voluntary_switches\":3,\"involuntary_switches\":4,"                \
	"\"stdout_bytes\":11,\"stderr_bytes\":0,\"truncated\":false,\"window\":{\"begin_ns\":1,\"end_ns\":2001}}"

static struct command_result command;

/* The entry after these lines, or NULL. */
static json_t *entry_of(const char *parser, const char *const *lines)
{
	json_t *entry = NULL;

	command_result_free(&command);
	command.parser = parser ? parser_named(parser) : NULL;
	for (; *lines; lines++) {
		json_t *line = json_loads(*lines, 0, NULL);

		assert_non_null(line);
		assert_null(entry);
		assert_true(command_result_line(&command, line, &entry));
		json_decref(line);
	}
	return entry;
}

static const json_t *figure(const json_t *entry, const char *name)
{
	const json_t *figures = json_object_get(entry, "figures"), *f;
	size_t i;

	json_array_foreach((json_t *)figures, i,
			   f) if (!strcmp(json_string_value(json_object_get(f, "name")), name)) return f;
	return NULL;
}

static double value(const json_t *entry, const char *name)
{
	return json_number_value(json_object_get(figure(entry, name), "value"));
}

static bool usual(const json_t *entry, const char *name)
{
	return json_is_true(json_object_get(figure(entry, name), "usual"));
}

static void ben12_an_entry(void **state)
{
	json_t *entry =
		entry_of("hackbench", (const char *const[]){ "{\"ktstr_output\":\"stdout\",\"text\":\"Time\"}",
							     "{\"ktstr_output\":\"stdout\",\"text\":\": 0.5\\n\"}",
							     COMMAND("[\"/usr/bin/hackbench\",\"-l\"]"), NULL });
	static struct report_result r;
	struct boots boots = { 0 };
	json_t *result;

	(void)state;
	assert_string_equal(json_string_value(json_object_get(entry, "workload")), "hackbench");
	assert_true(value(entry, "time") == 0.5 && usual(entry, "time"));
	assert_true(value(entry, "wall_time") == 2000 && !usual(entry, "wall_time"));
	assert_true(value(entry, "user_time") == 500 && value(entry, "system_time") == 700);
	assert_true(value(entry, "max_rss") == 4096 && value(entry, "voluntary_switches") == 3);
	assert_true(value(entry, "involuntary_switches") == 4);
	assert_true(report_result_read(&r, entry));
	result = json_pack("{ss s[O] s{}}", "schema", "ktstr-bench/1", "results", entry, "machine");
	assert_true(boots_add(&boots, result));
	assert_true(boots_find(&boots, "hackbench.time")->usual);
	assert_false(boots_find(&boots, "hackbench.wall_time")->usual);
	boots_free(&boots);
	json_decref(result);
	json_decref(entry);
}

/* Files go before what it printed, that before stderr; the histogram of the program is the entry's. */
static void ben12_order_of_outputs(void **state)
{
	json_t *entry = entry_of(
		"cyclictest",
		(const char *const[]){ "{\"ktstr_output\":\"stdout\",\"text\":\"T: 0 C: 1 Min: 1 Avg: 1 Max: 1\\n\"}",
				       "{\"ktstr_output\":\"file\",\"text\":\"# Histogram\\n000007 000002\\n\"}",
				       COMMAND("[\"cyclictest\"]"), NULL });
	static struct report_result r;

	(void)state;
	assert_true(report_result_read(&r, entry));
	assert_int_equal(r.latency.count, 2);
	assert_true(hist_quantile(&r.latency, 500000) == 7000);
	json_decref(entry);
}

/* Nothing parsed: the wall time is what is judged. */
static void ben12_without_figures(void **state)
{
	json_t *entry = entry_of(NULL, (const char *const[]){ "{\"ktstr_output\":\"stdout\",\"text\":\"x 1\\n\"}",
							      COMMAND("[\"make\"]"), NULL });
	const json_t *about = json_object_get(entry, "command");

	(void)state;
	assert_true(usual(entry, "wall_time"));
	assert_null(figure(entry, "x"));
	assert_true(json_is_null(json_object_get(about, "parser")) && json_is_false(json_object_get(about, "parsed")));
	assert_string_equal(json_string_value(json_object_get(json_object_get(about, "output"), "stdout")), "x 1\n");
	json_decref(entry);
}

/* By ktstr-guest metric, and nothing that would do a terminal harm. */
static void ben12_own_figures(void **state)
{
	json_t *entry =
		entry_of("lines", (const char *const[]){ "{\"metric\":\"frames\",\"value\":60,\"unit\":\"f/s\"}",
							 COMMAND("[\"ga\\u001bme\"]"), NULL });
	json_t *line = json_loads("{\"metric\":\"\\u001b[2J\",\"value\":1}", 0, NULL), *none;

	(void)state;
	assert_true(value(entry, "frames") == 60 && usual(entry, "frames") && !usual(entry, "wall_time"));
	assert_true(json_is_true(json_object_get(figure(entry, "frames"), "more_is_better")));
	assert_string_equal(json_string_value(json_object_get(entry, "workload")), "ga?me");
	assert_false(command_result_line(&command, line, &none));
	json_decref(line);
	json_decref(entry);
}

/* A guest may write anything. */
static void ben12_hostile_lines(void **state)
{
	static const char *const lines[] = { "{}", "{\"ktstr_output\":1}", "{\"metric\":1,\"value\":1}", "[]" };
	json_t *line, *entry;

	(void)state;
	command_result_free(&command);
	for (unsigned i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		line = json_loads(lines[i], 0, NULL);
		assert_false(command_result_line(&command, line, &entry));
		json_decref(line);
	}
	entry = entry_of("fio",
			 (const char *const[]){ "{\"ktstr_output\":\"elsewhere\",\"text\":\"x\"}",
						"{\"ktstr_output\":\"stdout\"}", "{\"ktstr_command\":[]}", NULL });
	assert_null(entry);
	entry = entry_of("fio", (const char *const[]){ "{\"ktstr_command\":[\"fio\",1,null]}", NULL });
	assert_non_null(entry);
	json_decref(entry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ben12_an_entry),	 cmocka_unit_test(ben12_order_of_outputs),
		cmocka_unit_test(ben12_without_figures), cmocka_unit_test(ben12_own_figures),
		cmocka_unit_test(ben12_hostile_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
