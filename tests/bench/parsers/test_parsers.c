/* SPDX-License-Identifier: GPL-2.0-only */
/* BEN-12: what Debian's programs print becomes figures. golden/ has what they printed, by program and version. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/parsers/parser.h"

#define TEXT_MAX (1u << 20)

static char text[TEXT_MAX];
static struct parsed parsed;

static size_t read_golden(const char *name)
{
	char path[4096];
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", getenv("KTSTR_TEST_GOLDEN"), name);
	f = fopen(path, "re");
	assert_non_null(f);
	len = fread(text, 1, TEXT_MAX - 1, f);
	fclose(f);
	assert_true(len > 0);
	text[len] = '\0';
	return len;
}

enum { MORE = 1, USUAL = 2 };

static const struct golden {
	const char *file;
	const char *argv[4]; /* by which the parser is found, too */
	const char *metric;
	unsigned count;
	uint64_t p50, max; /* in the histogram */
	unsigned n;	   /* figures in all */
	struct {
		const char *name, *unit;
		int flags;
		double value;
	} figure[6]; /* some of them */
} goldens[] = {
	{ "fio-3.33.json",
	  { "/usr/bin/fio" },
	  .n = 12,
	  .figure = { { "read_iops", "/s", MORE | USUAL, 24625 },
		      { "read_bw", "bytes/s", MORE, 100864000 },
		      { "read_clat_p50", "ns", USUAL, 26240 },
		      { "read_clat_p99", "ns", USUAL, 93696 },
		      { "write_clat_p99.9", "ns", 0, 12992 } } },
	{ "fio-3.33.json+",
	  { "fio" },
	  "completion_latency",
	  400,
	  4771,
	  2408448,
	  12,
	  { { "read_clat_p50", "ns", 0, 25984 } } },
	{ "fio-3.33-two-jobs.json",
	  { "fio" },
	  .n = 3,
	  .figure = { { "read_iops", "/s", MORE | USUAL, 33333.333333 }, { "read_clat_mean", "ns", 0, 44852.13 } } },
	{ "schbench-24e32b8.json",
	  { "./schbench" },
	  .n = 15,
	  .figure = { { "wakeup_p50", "ns", USUAL, 6000 },
		      { "wakeup_p99", "ns", USUAL, 11120000 },
		      { "request_p99", "ns", USUAL, 175360000 },
		      { "request_max", "ns", 0, 192068000 },
		      { "rps_p50", "/s", MORE, 51 } } },
	{ "schbench-24e32b8.txt",
	  { "./schbench" },
	  .n = 14,
	  .figure = { { "wakeup_p50", "ns", USUAL, 5000 },
		      { "wakeup_p99", "ns", USUAL, 18656000 },
		      { "request_p99.9", "ns", 0, 769024000 },
		      { "average_rps", "/s", MORE | USUAL, 55 } } },
	{ "hackbench-2.4.txt", { "hackbench" }, .n = 1, .figure = { { "time", "s", USUAL, 0.133 } } },
	{ "perf-6.1-messaging-default.txt", { "perf", "bench" }, .n = 1, .figure = { { "time", "s", USUAL, 0.061 } } },
	{ "perf-6.1-messaging-simple.txt", { "perf", "bench" }, .n = 1, .figure = { { "time", "s", USUAL, 0.091 } } },
	{ "perf-6.1-pipe-default.txt",
	  { "perf", "bench" },
	  .n = 3,
	  .figure = { { "time", "s", USUAL, 0.008 },
		      { "time_per_op", "ns", 0, 8854 },
		      { "ops", "/s", MORE, 112943 } } },
	{ "perf-6.1-pipe-simple.txt", { "perf", "bench" }, .n = 1, .figure = { { "time", "s", USUAL, 0.013 } } },
	{ "rt-app-1.0-timer.log",
	  { "rt-app" },
	  "wake_latency",
	  48,
	  88063,
	  98307000,
	  4,
	  { { "phases", "", MORE, 48 },
	    { "slack_mean", "ns", MORE | USUAL, 5981062.5 },
	    { "deadlines_missed", "", USUAL, 4 } } },
	{ "rt-app-1.0-sleep.log", { "rt-app" }, .n = 2, .figure = { { "run_mean", "ns", 0, 862555.555556 } } },
	{ "cyclictest-2.4-q.txt",
	  { "cyclictest", "-q" },
	  .n = 4,
	  .figure = { { "latency_min", "ns", 0, 11000 }, { "latency_max", "ns", USUAL, 8307000 } } },
	{ "cyclictest-2.4-ns.txt",
	  { "cyclictest", "-qN" },
	  .n = 4,
	  .figure = { { "latency_mean", "ns", USUAL, 224044 } } },
	{ "cyclictest-2.4-h.txt",
	  { "cyclictest", "-h60" },
	  "latency",
	  396,
	  6414335,
	  8495000,
	  4,
	  { { "latency_max", "ns", 0, 8495000 }, { "cycles", "", MORE, 396 } } },
	{ "cyclictest-2.4.json",
	  { "cyclictest" },
	  "latency",
	  296,
	  62015,
	  7122000,
	  4,
	  { { "latency_min", "ns", 0, 10000 } } },
	{ "stress-ng-0.15.txt",
	  { "stress-ng" },
	  .n = 8,
	  .figure = { { "cpu_rate", "ops/s", MORE | USUAL, 463.51 },
		      { "switch_cpu_rate", "ops/s", MORE, 272671.66 },
		      { "switch_system", "s", 0, 0.36 } } },
	{ "sysbench-1.0.20.txt",
	  { "sysbench" },
	  .n = 4,
	  .figure = { { "events", "/s", MORE | USUAL, 225.83 }, { "latency_p95", "ns", USUAL, 15270000 } } },
};
#define GOLDENS (sizeof(goldens) / sizeof(*goldens))

static const struct parsed_figure *find(const char *name)
{
	for (unsigned i = 0; i < parsed.n; i++)
		if (!strcmp(parsed.figure[i].name, name))
			return &parsed.figure[i];
	return NULL;
}

static bool parse(const struct golden *g, size_t len)
{
	const struct parser_text in = { text, len, g->argv };

	return parser_run(parser_of(g->argv), &in, &parsed);
}

static void ben12_golden_outputs(void **state)
{
	(void)state;
	for (unsigned i = 0; i < GOLDENS; i++) {
		const struct golden *g = &goldens[i];

		print_message("%s\n", g->file);
		assert_true(parse(g, read_golden(g->file)));
		assert_int_equal(parsed.n, g->n);
		for (unsigned k = 0; k < 6 && g->figure[k].name; k++) {
			const struct parsed_figure *f = find(g->figure[k].name);

			assert_non_null(f);
			assert_string_equal(f->unit, g->figure[k].unit);
			assert_int_equal(f->more_is_better, g->figure[k].flags & MORE);
			assert_int_equal(f->usual, !!(g->figure[k].flags & USUAL));
			assert_true(fabs(f->value - g->figure[k].value) <= 1e-6 * fabs(f->value));
		}
		assert_int_equal(!parsed.metric, !g->metric);
		if (!g->metric)
			continue;
		assert_string_equal(parsed.metric, g->metric);
		assert_int_equal(parsed.latency.count, g->count);
		assert_int_equal(hist_quantile(&parsed.latency, 500000), g->p50);
		assert_int_equal(parsed.latency.max, g->max);
	}
}

/* What can't be told is said: percentiles of several jobs, latencies beyond the table. */
static void ben12_notes(void **state)
{
	(void)state;
	assert_true(parse(&goldens[2], read_golden("fio-3.33-two-jobs.json")));
	assert_non_null(strstr(parsed.note, "2 jobs"));
	assert_non_null(strstr(parsed.note, "--output-format=json+"));
	assert_true(parse(&(const struct golden){ .argv = { "cyclictest" } }, read_golden("cyclictest-2.4-h.txt")));
	assert_non_null(strstr(parsed.note, "287 of 396 latencies are beyond the table"));
}

static bool parse_text(const char *program, const char *said)
{
	const struct golden g = { .argv = { program } };

	snprintf(text, sizeof(text), "%s", said);
	return parse(&g, strlen(text));
}

static void ben12_lines(void **state)
{
	(void)state;
	assert_true(parse_text("./mine",
			       "starting 4 threads\nthroughput 12.5 MB/s\nlatency: 3.5e2 us\n"
			       "score 7 points more\ncost 7 points less\nhits 3\nnote this 3\nbad nan\nworse 0x10\n"
			       "hits 4\n9 lives\nx 1 2 3 4\n"));
	assert_string_equal(parsed.figure[0].name, "starting");
	assert_true(find("throughput")->more_is_better && find("throughput")->usual);
	assert_true(find("latency")->value == 350 && !find("latency")->more_is_better);
	assert_string_equal(find("latency")->unit, "us");
	assert_true(find("score")->more_is_better && !find("cost")->more_is_better);
	assert_true(find("hits")->value == 3 && find("hits#2")->value == 4);
	assert_int_equal(parsed.n, 7);
	assert_false(parse_text("./mine", "nothing to see\n"));
	assert_false(parse_text("perf", "0.5\n")); /* perf stat and the like are no benchmark */
	assert_ptr_equal(parser_of((const char *const[]){ "perf", "bench", NULL }), parser_named("perf"));
	assert_null(parser_named("no such"));
}

/* Warnings before fio's object, and braces that are none. */
static void ben12_json_after_other_text(void **state)
{
	(void)state;
	assert_true(parse_text("fio", "fio: this warning {\n{ not json\n{\"jobs\":[{\"read\":{\"total_ios\":1,"
				      "\"iops\":2.5,\"clat_ns\":{\"N\":1,\"mean\":5}}}]}\nbye\n"));
	assert_true(find("read_iops")->value == 2.5);
	assert_false(parse_text("fio", "fio: out of memory\n"));
	assert_false(parse_text("fio", "{\"jobs\":[1,null,{\"read\":[]},{\"read\":{\"total_ios\":\"x\"}}]}"));
}

/* The number of figures is bounded, and what is beyond is counted. */
static void ben12_too_many_figures(void **state)
{
	size_t at = 0;

	(void)state;
	for (unsigned i = 0; i < PARSED_FIGURES_MAX + 5; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "figure_%u %u\n", i, i);
	assert_true(parse(&(const struct golden){ .argv = { "x" } }, at));
	assert_int_equal(parsed.n, PARSED_FIGURES_MAX);
	assert_int_equal(parsed.left_out, 5);
}

/* Output that was cut at any place ends in fewer figures. Each copy is as long as its text, for AddressSanitizer. */
static void ben12_cut_anywhere(void **state)
{
	(void)state;
	for (unsigned i = 0; i < GOLDENS; i++) {
		size_t len = read_golden(goldens[i].file), step = len / 97 + 1;

		for (size_t cut = 0; cut < len; cut += step) {
			char *copy = calloc(1, cut + 1);
			const struct parser_text in = { copy, cut, goldens[i].argv };

			memcpy(copy, text, cut);
			parser_run(parser_of(goldens[i].argv), &in, &parsed);
			assert_true(parsed.n <= PARSED_FIGURES_MAX);
			free(copy);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ben12_golden_outputs),
		cmocka_unit_test(ben12_notes),
		cmocka_unit_test(ben12_lines),
		cmocka_unit_test(ben12_json_after_other_text),
		cmocka_unit_test(ben12_too_many_figures),
		cmocka_unit_test(ben12_cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
