/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr bench bisect-step: a verdict as the exit code that git bisect run wants. */
#include "bench/base/say.h"
#include "bench/cli/parse.h"
#include "bench/verb/bench_compare.h"
#include "bench/verb/bench_verbs.h"

#define BISECT_SKIP 125 /* git: this commit can't be judged */

enum { OPT_AGAINST = 0x400 };

struct arguments {
	struct compare_options o;
	const char *base, *path;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->o;
		return 0;
	case OPT_AGAINST:
		a->base = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (a->path)
			say_usage("bench bisect-step %s: a second one; judge one at a time", arg);
		a->path = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "against", OPT_AGAINST, "PATH", 0, "What is good: a directory of results, or @NAME, a baseline", 0 },
	{ 0 },
};
static const struct argp_child children[] = { { &compare_options_argp, 0, NULL, 0 }, { 0 } };
const struct argp bench_bisect_argp = {
	.options = options,
	.parser = parse,
	.children = children,
	.args_doc = "DIR",
	.doc = "Compare DIR with what is good, for git bisect run: the exit code is 0 when no metric is worse, 1 when "
	       "one "
	       "is, and 125 when that can't be said, so that git tries another commit.\v"
	       "Inconclusive verdicts, no valid results and results that can't be compared are all 125. Of a kernel "
	       "each step has another one, so use --across there.\n\n"
	       "EXAMPLES\n"
	       "  git bisect run sh -c 'make || exit 125; rm -rf /tmp/step;\n"
	       "    ktstr bench run --out /tmp/step --sched ./scx_mine wakeup;\n"
	       "    ktstr bench bisect-step --against @good /tmp/step/cells/scx_mine'",
};

int verb_bench_bisect(int argc, char **argv)
{
	struct arguments a = { .o = COMPARE_OPTIONS_INIT };
	int code;

	cli_parse(&bench_bisect_argp, "bench bisect-step", argc, argv, &a);
	if (!a.base || !a.path)
		say_usage("bench bisect-step: needs --against %s; see ktstr bench bisect-step --help",
			  a.base ? "and a directory of results" : "and what is good");
	code = compare_paths(&a.o, a.base, a.path);
	return code == EXIT_OK || code == EXIT_FAILED ? code : BISECT_SKIP;
}
