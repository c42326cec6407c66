/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/parsers/parser.h"

#include <string.h>

#include "bench/parsers/internal.h"

const struct parser parsers[] = {
	{ "fio", "--output-format=json or json+, whose bins are the histogram", true, parse_fio },
	{ "schbench", "the last percentiles, or --json", true, parse_schbench },
	{ "hackbench", "Time:", true, parse_hackbench },
	{ "perf", "perf bench, also with -f simple", true, parse_perf },
	{ "rt-app", "the log files of its threads; name them by --parse", true, parse_rt_app },
	{ "cyclictest", "-q, -h or --json; microseconds, with -N nanoseconds", true, parse_cyclictest },
	{ "stress-ng", "--metrics-brief or --metrics", true, parse_stress_ng },
	{ "sysbench", "events per second and latencies", true, parse_sysbench },
	{ "lines", "lines of NAME VALUE [UNIT [more|less]]; more of a unit that ends in /s is better", false,
	  parse_lines },
	{ 0 },
};

const struct parser *parser_named(const char *name)
{
	for (const struct parser *p = parsers; p->name; p++)
		if (!strcmp(p->name, name))
			return p;
	return NULL;
}

const struct parser *parser_of(const char *const *argv)
{
	const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];
	const struct parser *p;

	/* Only its benchmarks print figures of that form. */
	if (!strcmp(name, "perf") && (!argv[1] || strcmp(argv[1], "bench")))
		name = "lines";
	p = parser_named(name);
	return p ? p : parser_named("lines");
}

bool parser_run(const struct parser *p, const struct parser_text *in, struct parsed *out)
{
	memset(out, 0, sizeof(*out));
	p->parse(in, out);
	return out->n || out->metric;
}
