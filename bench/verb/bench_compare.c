/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr bench compare: a verdict on the results of several boots of two sides. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/base/say.h"
#include "bench/cli/parse.h"
#include "bench/verb/bench_compare.h"
#include "bench/verb/bench_verbs.h"

enum { OPT_METRIC = 0x100, OPT_ALPHA, OPT_THRESHOLD, OPT_CORRECTION, OPT_FORMAT, OPT_ACROSS, OPT_FAIL_ON };

struct arguments {
	struct compare_options o;
	const char *path[2];
	unsigned n;
};

/* "0.05" or "5%", in (0, 1). */
static double take_part(const char *option, const char *arg)
{
	char *end;
	double value = strtod(arg, &end);

	if (*end == '%' && end != arg) {
		value /= 100;
		end++;
	}
	if (end == arg || *end || !(value > 0 && value < 1))
		say_usage("--%s %s: not a part between 0 and 1; write it as 3%%", option, arg);
	return value;
}

static unsigned take_word(const char *option, const char *arg, const char *const *words)
{
	for (unsigned i = 0; words[i]; i++)
		if (!strcmp(arg, words[i]))
			return i;
	say_usage("--%s %s: unknown; see ktstr bench compare --help", option, arg);
}

bool compare_option(struct compare_options *o, int key, const char *arg)
{
	static const char *const formats[] = { "text", "json", "markdown", NULL };
	static const char *const corrections[] = { "holm", "bh", NULL };
	static const char *const fails[] = { "worse", "inconclusive", "none", NULL };

	switch (key) {
	case OPT_METRIC:
		o->metric = arg;
		return true;
	case OPT_ALPHA:
		o->gates.alpha = take_part("alpha", arg);
		return true;
	case OPT_THRESHOLD:
		o->gates.threshold = take_part("threshold", arg);
		return true;
	case OPT_CORRECTION:
		o->correction = (enum correction)take_word("correction", arg, corrections);
		return true;
	case OPT_FORMAT:
		o->format = (enum compare_format)take_word("format", arg, formats);
		return true;
	case OPT_ACROSS:
		o->across = true;
		return true;
	case OPT_FAIL_ON:
		o->fail_on = (enum compare_fail)take_word("fail-on", arg, fails);
		return true;
	default:
		return false;
	}
}

static error_t parse_options(int key, char *arg, struct argp_state *state)
{
	return compare_option(state->input, key, arg) ? 0 : ARGP_ERR_UNKNOWN;
}

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "The verdict:", 1 },
	{ "metric", OPT_METRIC, "GLOB", 0,
	  "Judge the metrics that match, such as '*.p9*' (p50, p99 and rate of each workload)", 1 },
	{ "threshold", OPT_THRESHOLD, "PART", 0, "Changes up to this are no difference (3%)", 1 },
	{ "alpha", OPT_ALPHA, "PART", 0, "Error that is accepted for all metrics together (5%)", 1 },
	{ "correction", OPT_CORRECTION, "holm|bh", 0, "For several metrics: Holm, or Benjamini and Hochberg (holm)",
	  1 },
	{ "format", OPT_FORMAT, "text|json|markdown", 0, "What is printed (text)", 1 },
	{ "across", OPT_ACROSS, NULL, 0, "Judge also where kernel, host, guest or ktstr differ", 1 },
	{ "fail-on", OPT_FAIL_ON, "worse|inconclusive|none", 0, "What makes the exit code 1 (worse)", 1 },
	{ 0 },
};
const struct argp compare_options_argp = { .options = options, .parser = parse_options };

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->o;
		return 0;
	case ARGP_KEY_ARG:
		if (a->n == 2)
			say_usage("bench compare %s: a third side; compare two at a time", arg);
		a->path[a->n++] = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &compare_options_argp, 0, NULL, 0 }, { 0 } };
const struct argp bench_compare_argp = {
	.parser = parse,
	.children = children,
	.args_doc = "BASE NEW",
	.doc = "Say whether NEW is better or worse than BASE. Each is a directory of results of ktstr bench --json, "
	       "one of each "
	       "boot, as ktstr bench run leaves them.\v"
	       "The sample is the boot. worse and better need a p below alpha after the correction for several metrics "
	       "(Mann-Whitney), a 95% interval of the ratio of medians that excludes 1 (bootstrap), and a change "
	       "beyond the "
	       "threshold; same needs the interval within the threshold; all else is inconclusive, and the reason is "
	       "printed. "
	       "Fewer than 4 boots a side are always inconclusive. The exit code is 1 when a metric is worse, 2 when "
	       "none is "
	       "worse and one is inconclusive.\n\n"
	       "EXAMPLES\n"
	       "  ktstr bench run --out r --sched eevdf --sched ./scx_mine wakeup\n"
	       "  ktstr bench compare r/eevdf r/scx_mine --metric '*' --format markdown",
};

static int print(const struct compare *c, enum compare_format format)
{
	json_t *json;
	int rc = 0;

	if (format == COMPARE_TEXT) {
		compare_text(c, stdout);
	} else if (format == COMPARE_MARKDOWN) {
		compare_markdown(c, stdout);
	} else {
		json = compare_json(c);
		rc = !json || json_dumpf(json, stdout, JSON_INDENT(1) | JSON_SORT_KEYS) || putchar('\n') == EOF;
		json_decref(json);
	}
	return fflush(stdout) || rc ? -1 : 0;
}

static int code_of(const struct compare *c, enum compare_fail fail_on)
{
	if (fail_on == FAIL_NONE)
		return EXIT_OK;
	if (c->count[VERDICT_WORSE] || (fail_on == FAIL_INCONCLUSIVE && c->count[VERDICT_INCONCLUSIVE]))
		return EXIT_FAILED;
	return c->count[VERDICT_INCONCLUSIVE] ? EXIT_INCONCLUSIVE : EXIT_OK;
}

int compare_paths(const struct compare_options *o, const char *base, const char *test)
{
	struct boots *side = calloc(2, sizeof(*side));
	struct compare c = { 0 };
	char why[512];
	int code = EXIT_UNAVAILABLE;

	if (!side) {
		say_error("out of memory");
		return EXIT_INTERNAL;
	}
	if (boots_read(&side[0], base, why, sizeof(why)) || boots_read(&side[1], test, why, sizeof(why))) {
		say_error("bench compare: %s", why);
	} else if (compare_delta(&side[0], &side[1], stderr) && !o->across) {
		say_error("bench compare: the above differs, so a verdict would not be on the scheduler alone; use "
			  "--across "
			  "to get one all the same");
		code = EXIT_INCONCLUSIVE;
	} else if (compare_make(&c, &side[0], &side[1], o->metric, &o->gates, o->correction, 1)) {
		say_error("out of memory");
		code = EXIT_INTERNAL;
	} else if (!c.n) {
		say_error("bench compare: no metric that both sides have%s%s; see those of one by --metric '*'",
			  o->metric ? " matches " : "", o->metric ? o->metric : "");
	} else {
		code = print(&c, o->format) ? EXIT_FAILED : code_of(&c, o->fail_on);
	}
	compare_free(&c);
	boots_free(&side[0]);
	boots_free(&side[1]);
	free(side);
	return code;
}

int verb_bench_compare(int argc, char **argv)
{
	struct arguments a = { .o = COMPARE_OPTIONS_INIT };

	cli_parse(&bench_compare_argp, "bench compare", argc, argv, &a);
	if (a.n != 2)
		say_usage("bench compare: name two sides, BASE and NEW");
	return compare_paths(&a.o, a.path[0], a.path[1]);
}
