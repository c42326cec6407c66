/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/cli.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct parse {
	const struct argp *argp;
	const char *verb;
	char name[64];
	void *input;
};

static void print(const char *fmt, va_list ap)
{
	char line[1024];

	vsnprintf(line, sizeof(line), fmt, ap);
	/* A name may hold anything; an error is one line. */
	for (char *p = line; *p; p++)
		if (*p == '\n')
			*p = ' ';
	fprintf(stderr, "ktstr: %s\n", line);
}

void cli_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print(fmt, ap);
	va_end(ap);
}

void cli_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print(fmt, ap);
	va_end(ap);
	exit(CLI_USAGE);
}

/* Whether @word is an option that exists: then it lacks its value, or has one too many. */
static const struct argp_option *find_option(const struct argp *argp, const char *word)
{
	size_t n = strcspn(word, "=");

	for (const struct argp_option *o = argp->options; o && (o->name || o->key || o->doc); o++) {
		if (o->name && !strncmp(word, "--", 2) && strlen(o->name) == n - 2 && !memcmp(word + 2, o->name, n - 2))
			return o;
		if (word[0] == '-' && word[1] != '-' && word[1] && word[1] == o->key)
			return o;
	}
	for (const struct argp_child *c = argp->children; c && c->argp; c++) {
		const struct argp_option *o = find_option(c->argp, word);

		if (o)
			return o;
	}
	return NULL;
}

__attribute__((noreturn)) static void bad_option(const struct parse *p, const char *word)
{
	const struct argp_option *o = find_option(p->argp, word);

	if (o && o->arg)
		cli_usage("%s: wants a value %s; see ktstr %s --help", word, o->arg, p->verb);
	if (o)
		cli_usage("%s: takes no value; see ktstr %s --help", word, p->verb);
	cli_usage("%s: unknown or ambiguous option; see ktstr %s --help", word, p->verb);
}

static error_t parse_common(int key, char *arg, struct argp_state *state)
{
	struct parse *p = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = p->input;
		return 0;
	case '?':
		argp_help(p->argp, stdout, ARGP_HELP_STD_HELP & ~ARGP_HELP_EXIT_ERR, p->name);
		fflush(stdout);
		exit(ferror(stdout) ? CLI_FAILED : CLI_OK);
	case ARGP_KEY_ERROR:
		/* getopt stopped behind a word, or within it ("-vx"). */
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
		{ 0 },
	};
	const struct argp_child children[] = { { argp, 0, NULL, 0 }, { 0 } };
	const struct argp whole = {
		.options = options,
		.parser = parse_common,
		.children = children,
	};
	struct parse p = { .argp = &whole, .verb = verb, .input = input };
	int at = argc;
	error_t rc;

	snprintf(p.name, sizeof(p.name), "ktstr %s", verb);
	/* argp's own messages take two lines: they are silenced, and ours come from ARGP_KEY_ERROR. */
	rc = argp_parse(&whole, argc, argv, ARGP_IN_ORDER | ARGP_NO_ERRS | ARGP_NO_EXIT | ARGP_NO_HELP, &at, &p);
	if (rc)
		cli_usage("%s: %s", verb, strerror(rc));
	if (at < argc)
		cli_usage("%s: not wanted here; see ktstr %s --help", argv[at], verb);
}
