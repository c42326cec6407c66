/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/cli/parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/base/say.h"
#include "bench/cli/help.h"
#include "bench/cli/table.h"

struct parse {
	const struct argp *argp, *own; /* with --help, and the verb's */
	const char *verb;
	char name[64];
	void *input;
};

__attribute__((noreturn)) static void bad_option(const struct parse *p, const char *word)
{
	const struct argp_option *o = cli_option(p->argp, word);

	/* Of "-vx" it is the x. */
	for (const char *c = word + 1; word[1] != '-' && *c && (!o || !o->arg); c++) {
		const char letter[] = { '-', *c, '\0' };

		o = cli_option(p->argp, letter);
		if (!o)
			say_usage("%s: unknown option; see ktstr %s --help", letter, p->verb);
	}
	if (o && o->arg)
		say_usage("%s: wants a value %s; see ktstr %s --help", word, o->arg, p->verb);
	if (o)
		say_usage("%s: takes no value; see ktstr %s --help", word, p->verb);
	say_usage("%s: unknown or ambiguous option; see ktstr %s --help", word, p->verb);
}

static error_t parse_common(int key, char *arg, struct argp_state *state)
{
	struct parse *p = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = p->input;
		return 0;
	case '?':
	case 'h':
		help_print(stdout, p->name, p->own);
		fflush(stdout);
		exit(ferror(stdout) ? EXIT_FAILED : EXIT_OK);
	case ARGP_KEY_ERROR:
		/* getopt stopped after a word, or within it ("-vx"). */
		if (state->next > 1 && state->argv[state->next - 1][0] == '-')
			bad_option(p, state->argv[state->next - 1]);
		bad_option(p, state->argv[state->next < state->argc ? state->next : state->argc - 1]);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

void cli_parse(const struct argp *argp, const char *verb, int argc, char **argv, void *input)
{
	static const struct argp_option options[] = {
		{ "help", '?', NULL, 0, "Give this help", -1 },
		{ NULL, 'h', NULL, OPTION_HIDDEN, NULL, -1 },
		{ 0 },
	};
	const struct argp_child children[] = { { argp, 0, NULL, 0 }, { 0 } };
	const struct argp whole = {
		.options = options,
		.parser = parse_common,
		.children = children,
	};
	struct parse p = { .argp = &whole, .own = argp, .verb = verb, .input = input };
	int at = argc;
	error_t rc;

	snprintf(p.name, sizeof(p.name), "ktstr %s", verb);
	/* argp's own messages take two lines: they are silenced, and ours come from ARGP_KEY_ERROR. */
	rc = argp_parse(&whole, argc, argv, ARGP_IN_ORDER | ARGP_NO_ERRS | ARGP_NO_EXIT | ARGP_NO_HELP, &at, &p);
	if (rc)
		say_usage("%s: %s", verb, strerror(rc));
	if (at < argc)
		say_usage("%s: not wanted here; see ktstr %s --help", argv[at], verb);
}
