/* SPDX-License-Identifier: GPL-2.0-only */
/* schbench: --json, or the last percentiles of its text, which it prints to stderr. */
#include <stdio.h>
#include <string.h>

#include "bench/parsers/internal.h"

#define US 1000.0

static const struct section {
	const char *title, *json, *name, *unit;
	double factor;
	int flags;
} sections[] = {
	{ "Wakeup Latencies", "wakeup_latency", "wakeup", "ns", US, LESS },
	{ "Request Latencies", "request_latency", "request", "ns", US, LESS },
	{ "RPS percentiles", "rps", "rps", "/s", 1, MORE },
};
#define SECTIONS 3

static const struct {
	const char *text, *name;
	bool usual;
} quantiles[] = {
	{ "50.0", "p50", true }, { "90.0", "p90", false }, { "99.0", "p99", true }, { "99.9", "p99.9", false }
};
#define QUANTILES 4

struct values {
	double quantile[QUANTILES], max;
	bool has[QUANTILES], has_max;
};

static void put(struct parsed *out, const struct section *s, const struct values *v)
{
	char name[64];

	for (unsigned q = 0; q < QUANTILES; q++) {
		if (!v->has[q])
			continue;
		snprintf(name, sizeof(name), "%s_%s", s->name, quantiles[q].name);
		parsed_add(out, name, s->unit, s->flags | (quantiles[q].usual && s->factor == US ? USUAL : 0),
			   v->quantile[q] * s->factor);
	}
	snprintf(name, sizeof(name), "%s_max", s->name);
	if (v->has_max)
		parsed_add(out, name, s->unit, s->flags, v->max * s->factor);
}

static void put_json(struct parsed *out, const json_t *values)
{
	char key[64];

	for (unsigned i = 0; i < SECTIONS; i++) {
		struct values v = { 0 };

		for (unsigned q = 0; q < QUANTILES; q++) {
			snprintf(key, sizeof(key), "%s_pct%s", sections[i].json, quantiles[q].text);
			v.has[q] = json_is_number(json_object_get(values, key));
			v.quantile[q] = json_number_of(values, key);
		}
		snprintf(key, sizeof(key), "%s_max", sections[i].json);
		v.has_max = json_is_number(json_object_get(values, key));
		v.max = json_number_of(values, key);
		put(out, &sections[i], &v);
	}
}

/* "* 99.0th: 9552       (9 samples)", "min=1, max=9659" */
static void take(struct values *v, const char *line)
{
	const char *max = strstr(line, "max=");

	line += strspn(line, "* ");
	for (unsigned q = 0; q < QUANTILES; q++)
		if (!strncmp(line, quantiles[q].text, 4) && !strncmp(line + 4, "th:", 3))
			v->has[q] = text_number(line + 7, &v->quantile[q]);
	if (!strncmp(line, "min=", 4) && max)
		v->has_max = text_number(max, &v->max);
}

void parse_schbench(const struct parser_text *in, struct parsed *out)
{
	json_t *json = text_json(in);
	struct parser_lines l = lines_of(in);
	struct values values[SECTIONS] = { 0 }, *v = NULL;
	double rps = -1;

	if (json) {
		put_json(out, json_object_get(json, "int"));
		json_decref(json);
		return;
	}
	while (lines_next(&l)) {
		const char *average = line_after(l.line, "average rps:");

		for (unsigned i = 0; i < SECTIONS; i++)
			if (line_after(l.line, sections[i].title)) {
				v = &values[i];
				memset(v, 0, sizeof(*v));
			}
		if (v)
			take(v, l.line);
		if (average)
			text_number(average, &rps);
	}
	for (unsigned i = 0; i < SECTIONS; i++)
		put(out, &sections[i], &values[i]);
	if (rps >= 0)
		parsed_add(out, "average_rps", "/s", MORE | USUAL, rps);
}
