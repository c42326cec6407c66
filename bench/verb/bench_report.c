/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr bench report: results as one page of HTML. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/base/atomic.h"
#include "bench/base/say.h"
#include "bench/cli/parse.h"
#include "bench/report/report.h"
#include "bench/verb/bench_compare.h"
#include "bench/verb/bench_verbs.h"

enum { OPT_BASE = 0x300 };

struct arguments {
	struct compare_options compare;
	const char *dir, *output, *base;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->compare;
		return 0;
	case 'o':
		a->output = arg;
		return 0;
	case OPT_BASE:
		a->base = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (a->dir)
			say_usage("bench report %s: a second directory; a page is about one", arg);
		a->dir = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "output", 'o', "FILE", 0, "Write the page there (DIR/report.html); - is stdout", 0 },
	{ "base", OPT_BASE, "CELL", 0, "Compare the others with this side (the first that was asked for)", 0 },
	{ 0 },
};
static const struct argp_child children[] = { { &verdict_options_argp, 0, NULL, 0 }, { 0 } };
const struct argp bench_report_argp = {
	.options = options,
	.parser = parse,
	.children = children,
	.args_doc = "DIR",
	.doc = "Write all results of DIR, the directory of ktstr bench run --out, as one page of HTML: verdicts as of "
	       "ktstr bench compare, latency by percentile, each boot in the order they were run, noise of the host, "
	       "what "
	       "the boots ran on, and all runs with those that do not count.\v"
	       "The page needs no network, no script and no other file, and fits a telephone, a dark screen and paper. "
	       "A "
	       "DIR without matrix.json is taken too: each directory in it with results is a side, or DIR itself is "
	       "one.\n\n"
	       "EXAMPLES\n"
	       "  ktstr bench run --out r --sched eevdf --sched ./scx_mine wakeup\n"
	       "  ktstr bench report r -o report.html",
};

static int write_page(const struct collection *c, const struct report_options *o, const char *output)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	int rc = f ? report_write(f, c, o) : -ENOMEM;

	if (f && fclose(f) && !rc)
		rc = -ENOMEM;
	if (rc)
		say_error("out of memory");
	else if (!strcmp(output, "-"))
		rc = fwrite(text, 1, size, stdout) != size || fflush(stdout) ? -errno : 0;
	else
		rc = atomic_write(output, text, size);
	if (rc && rc != -ENOMEM)
		say_error("bench report: %s: can't be written: %s", output, strerror(-rc));
	free(text);
	return rc ? EXIT_FAILED : EXIT_OK;
}

int verb_bench_report(int argc, char **argv)
{
	struct arguments a = { .compare = COMPARE_OPTIONS_INIT };
	struct report_options o;
	struct collection c;
	char why[1024], *own = NULL;
	int code = EXIT_UNAVAILABLE;

	cli_parse(&bench_report_argp, "bench report", argc, argv, &a);
	if (!a.dir)
		say_usage("bench report: name the directory of ktstr bench run --out");
	if (!a.output && asprintf(&own, "%s/report.html", a.dir) < 0) {
		say_error("out of memory");
		return EXIT_INTERNAL;
	}
	o = (struct report_options){ .gates = a.compare.gates,
				     .correction = a.compare.correction,
				     .metric = a.compare.metric,
				     .across = a.compare.across };
	if (collection_read(&c, a.dir, a.base, why, sizeof(why)))
		say_error("bench report: %s", why);
	else
		code = write_page(&c, &o, a.output ? a.output : own);
	if (!code && (!a.output || strcmp(a.output, "-") != 0))
		fprintf(stderr, "ktstr: report: %s\n", a.output ? a.output : own);
	collection_free(&c);
	free(own);
	return code;
}
