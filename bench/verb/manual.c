/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr manual: manual pages and shell completions on stdout, for the build. */
#include <stdio.h>
#include <string.h>

#include "bench/base/say.h"
#include "bench/cli/manual.h"
#include "bench/cli/parse.h"
#include "bench/verb/verbs.h"

struct arguments {
	const char *what, *verb, *own; /* "man", "bench", "run" */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	if (a->own)
		say_usage("manual: %s: too many words; see ktstr manual --help", arg);
	*(!a->what ? &a->what : !a->verb ? &a->verb : &a->own) = arg;
	return 0;
}

const struct argp manual_argp = {
	.parser = parse,
	.args_doc = "man [VERB [VERB]]\nbash\nzsh\nfish",
	.doc = "Write a manual page, or a shell's completions, to stdout.\v"
	       "EXAMPLES\n"
	       "  ktstr manual man run | man -l -\n"
	       "  . <(ktstr manual bash)",
};

static void print_page(const struct arguments *a)
{
	struct manual_at at = { 0 };
	char name[48];

	if (!a->verb) {
		manual_page(stdout, NULL);
		return;
	}
	snprintf(name, sizeof(name), "%s%s%s", a->verb, a->own ? " " : "", a->own ? a->own : "");
	while (manual_next(&at))
		if (!strcmp(at.name, name)) {
			manual_page(stdout, &at);
			return;
		}
	say_usage("manual man %s: no such verb; see ktstr --help", name);
}

int verb_manual(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*write)(FILE *f);
	} shells[] = { { "bash", manual_bash }, { "zsh", manual_zsh }, { "fish", manual_fish } };
	struct arguments a = { 0 };
	unsigned i = 0;

	cli_parse(&manual_argp, "manual", argc, argv, &a);
	if (a.what && !strcmp(a.what, "man")) {
		print_page(&a);
		return fflush(stdout) ? EXIT_FAILED : EXIT_OK;
	}
	while (a.what && i < sizeof(shells) / sizeof(*shells) && strcmp(a.what, shells[i].name))
		i++;
	if (!a.what || a.verb || i == sizeof(shells) / sizeof(*shells))
		say_usage("manual: man [VERB [VERB]], bash, zsh or fish; see ktstr manual --help");
	shells[i].write(stdout);
	return fflush(stdout) ? EXIT_FAILED : EXIT_OK;
}
