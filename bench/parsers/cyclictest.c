/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cyclictest: --json, the lines of -q, or the table of -h. Samples above the table are only counted by cyclictest: they
 * are put where the greatest latency of their thread is, never below what was measured.
 */
#include <stdio.h>
#include <string.h>

#include "bench/parsers/internal.h"

#define METRIC "latency"
#define THREADS_MAX 1024
#define COLUMNS 128

struct sums {
	double factor; /* to ns */
	double cycles, total, min, max;
	unsigned threads;
};

static void take_thread(struct sums *s, double cycles, double min, double average, double max)
{
	if (!(cycles > 0))
		return;
	s->min = !s->threads || min < s->min ? min : s->min;
	s->max = !s->threads || max > s->max ? max : s->max;
	s->cycles += cycles;
	s->total += cycles * average;
	s->threads++;
}

static void put(struct parsed *out, const struct sums *s)
{
	int usual = out->metric ? 0 : USUAL;

	if (!s->threads)
		return;
	parsed_add(out, "latency_min", "ns", LESS, s->min * s->factor);
	parsed_add(out, "latency_mean", "ns", usual, s->total / s->cycles * s->factor);
	parsed_add(out, "latency_max", "ns", usual, s->max * s->factor);
	parsed_add(out, "cycles", "", MORE, s->cycles);
	if (out->metric)
		out->latency.sum = s->total * s->factor;
}

/* --- JSON --------------------------------------------------------------- */

static void take_json_thread(struct parsed *out, struct sums *s, const json_t *thread)
{
	const json_t *histogram = json_object_get(thread, "histogram");
	double seen = 0, value, cycles = json_number_of(thread, "cycles"), max = json_number_of(thread, "max");
	const char *key;
	json_t *n;

	json_object_foreach((json_t *)histogram, key, n)
	{
		if (!word_number(key, &value))
			continue;
		parsed_sample(out, METRIC, value * s->factor, json_number_value(n));
		seen += json_number_value(n);
	}
	if (json_object_size(histogram) && cycles > seen)
		parsed_sample(out, METRIC, max * s->factor, cycles - seen);
	take_thread(s, cycles, json_number_of(thread, "min"), json_number_of(thread, "avg"), max);
}

static void parse_json(struct parsed *out, struct sums *s, const json_t *json)
{
	const json_t *threads = json_object_get(json, "thread");
	const char *name;
	json_t *thread;

	/* cyclictest -N; of rt-tests 2.4. */
	if (json_is_integer(json_object_get(json, "resolution_in_ns")))
		s->factor = json_integer_value(json_object_get(json, "resolution_in_ns")) ? 1 : 1000;
	json_object_foreach((json_t *)threads, name, thread) if (s->threads < THREADS_MAX)
		take_json_thread(out, s, thread);
}

/* --- text --------------------------------------------------------------- */

/* The number after "Min:" and the like. */
static bool field(const char *line, const char *name, double *value)
{
	const char *at = strstr(line, name);

	return at && text_number(at + strlen(name), value);
}

static unsigned numbers(char *line, double *value)
{
	char *words[COLUMNS];
	unsigned n = line_words(line, words, COLUMNS), i;

	for (i = 0; i < n && word_number(words[i], &value[i]); i++)
		;
	return i;
}

/* The table's rows: a latency, then how often each thread had it. */
static void take_row(struct parsed *out, const struct sums *s, char *line)
{
	double value[COLUMNS];
	unsigned n = numbers(line, value);

	for (unsigned i = 1; i < n; i++)
		parsed_sample(out, METRIC, value[0] * s->factor, value[i]);
}

struct table {
	double total[COLUMNS], min[COLUMNS], average[COLUMNS], max[COLUMNS], over[COLUMNS];
	unsigned n;
};

static void take_footer(struct table *t, char *line)
{
	const struct {
		const char *name;
		double *value;
	} rows[] = { { "# Total:", t->total },
		     { "# Min Latencies:", t->min },
		     { "# Avg Latencies:", t->average },
		     { "# Max Latencies:", t->max },
		     { "# Histogram Overflows:", t->over } };

	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *rest = line_after(line, rows[i].name);
		unsigned n = rest ? numbers((char *)rest, rows[i].value) : 0;

		if (i == 0 && n)
			t->n = n;
	}
}

static void parse_text(const struct parser_text *in, struct parsed *out, struct sums *s)
{
	struct parser_lines l = lines_of(in);
	struct table t = { 0 };
	bool table = false;
	double cycles, min, average, max, over = 0;

	while (lines_next(&l)) {
		if (line_after(l.line, "# Histogram") && !strchr(l.line, ':'))
			table = true;
		else if (*l.line == '#')
			take_footer(&t, l.line);
		else if (line_after(l.line, "T:") && field(l.line, " C:", &cycles) && field(l.line, "Min:", &min) &&
			 field(l.line, "Avg:", &average) && field(l.line, "Max:", &max) && s->threads < THREADS_MAX)
			take_thread(s, cycles, min, average, max);
		else if (table)
			take_row(out, s, l.line);
	}
	for (unsigned i = 0; i < t.n; i++) {
		take_thread(s, t.total[i] + t.over[i], t.min[i], t.average[i], t.max[i]);
		parsed_sample(out, METRIC, t.max[i] * s->factor, t.over[i]);
		over += t.over[i];
	}
	if (over > s->cycles / 1000)
		parsed_note(
			out,
			"%.0f of %.0f latencies are beyond the table and count as the greatest of their thread; use "
			"a greater -h",
			over, s->cycles);
}

void parse_cyclictest(const struct parser_text *in, struct parsed *out)
{
	struct sums s = { .factor = argv_has(in, 'N', "--nsecs") ? 1 : 1000 };
	json_t *json = text_json(in);

	if (json)
		parse_json(out, &s, json);
	else
		parse_text(in, out, &s);
	json_decref(json);
	put(out, &s);
}
