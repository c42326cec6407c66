/* SPDX-License-Identifier: GPL-2.0-only */
/* sysbench: the rate of events and the latencies, in ms. */
#include "bench/parsers/internal.h"

#define MS 1e6

static const struct {
	const char *text, *name, *unit;
	int flags;
	double factor;
} rows[] = {
	{ "events per second:", "events", "/s", MORE | USUAL, 1 },
	{ "events/s (eps):", "events", "/s", MORE | USUAL, 1 },
	{ "avg:", "latency_mean", "ns", LESS, MS },
	{ "95th percentile:", "latency_p95", "ns", LESS | USUAL, MS },
	{ "99th percentile:", "latency_p99", "ns", LESS | USUAL, MS },
	{ "max:", "latency_max", "ns", LESS, MS },
};

void parse_sysbench(const struct parser_text *in, struct parsed *out)
{
	struct parser_lines l = lines_of(in);
	double value;

	while (lines_next(&l))
		for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
			const char *rest = line_after(l.line, rows[i].text);

			if (rest && word_number(rest, &value))
				parsed_add(out, rows[i].name, rows[i].unit, rows[i].flags, value * rows[i].factor);
		}
}
