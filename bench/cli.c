/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/help.h"

struct parse {
	const struct argp *argp, *own; /* with --help, and the verb's */
	const char *verb;
	char name[64];
	void *input;
};

const char *(*cli_origin)(const char *message);

const char *cli_limit(int error)
{
	switch (error) {
	case EMFILE:
		return "raise the limit of open files (ulimit -n)";
	case ENFILE:
		return "this machine has no more open files to give (sysctl fs.file-max)";
	case ENOMEM:
		return "free memory, or raise the limit of locked memory (ulimit -l)";
	case EAGAIN:
		return "raise the limit of processes (ulimit -u)";
	case EPERM:
	case ENOSYS:
		return "this system does not allow it; see ktstr doctor";
	default:
		return "see ktstr doctor for what this machine has";
	}
}

/* Any step may be the one that finds no descriptor: the rooms below say so, and the remedy is the same for all. */
static void add_limit(char *line, size_t size)
{
	static const int limits[] = { EMFILE, ENFILE };
	size_t n = strlen(line);

	for (unsigned i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		const char *text = strerror(limits[i]);
		size_t len = strlen(text);

		if (n >= len && !strcmp(line + n - len, text))
			snprintf(line + n, size - n, "; %s", cli_limit(limits[i]));
	}
}

static void print(const char *fmt, va_list ap)
{
	char line[1024];
	const char *origin;

	vsnprintf(line, sizeof(line), fmt, ap);
	/* A name may hold anything; an error is one line. */
	for (char *p = line; *p; p++)
		if (*p == '\n')
			*p = ' ';
	add_limit(line, sizeof(line));
	origin = cli_origin ? cli_origin(line) : NULL;
	if (origin)
		fprintf(stderr, "ktstr: %s (%s)\n", line, origin);
	else
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

bool cli_options(const struct argp *argp, bool (*fn)(void *ctx, const struct argp_option *o), void *ctx)
{
	for (const struct argp_option *o = argp->options; o && (o->name || o->key || o->doc); o++)
		if (!fn(ctx, o))
			return false;
	for (const struct argp_child *c = argp->children; c && c->argp; c++)
		if (!cli_options(c->argp, fn, ctx))
			return false;
	return true;
}

struct search {
	const char *word;
	size_t n;
	const struct argp_option *exact, *begin;
	unsigned begins;
};

static bool match(void *ctx, const struct argp_option *o)
{
	struct search *s = ctx;
	bool is_long = !strncmp(s->word, "--", 2);

	if (is_long && o->name && !strncmp(s->word + 2, o->name, s->n - 2)) {
		if (strlen(o->name) == s->n - 2)
			s->exact = o;
		s->begin = o;
		s->begins++;
	}
	if (!is_long && s->word[0] == '-' && s->word[1] && s->word[1] == o->key)
		s->exact = o;
	return !s->exact;
}

const struct argp_option *cli_option(const struct argp *argp, const char *word)
{
	struct search s = { .word = word, .n = strcspn(word, "=") };

	cli_options(argp, match, &s);
	return s.exact ? s.exact : s.begins == 1 ? s.begin : NULL;
}

__attribute__((noreturn)) static void bad_option(const struct parse *p, const char *word)
{
	const struct argp_option *o = cli_option(p->argp, word);

	/* Of "-vx" it is the x. */
	for (const char *c = word + 1; word[1] != '-' && *c && (!o || !o->arg); c++) {
		const char letter[] = { '-', *c, '\0' };

		o = cli_option(p->argp, letter);
		if (!o)
			cli_usage("%s: unknown option; see ktstr %s --help", letter, p->verb);
	}
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
	case 'h':
		help_print(stdout, p->name, p->own);
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
		cli_usage("%s: %s", verb, strerror(rc));
	if (at < argc)
		cli_usage("%s: not wanted here; see ktstr %s --help", argv[at], verb);
}
