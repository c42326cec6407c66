/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * By hand, not by argp_help(): glibc's loses its place in a line where its buffer ends within one, so that an option
 * stands without its name's indent or its text without its own; and it fills the lines of examples.
 */

#include "bench/cli/help.h"

#include <stdbool.h>
#include <string.h>

#include "bench/cli/table.h"

const struct verb *help_verb;

#define WIDTH 79
#define TEXT_AT 29 /* the column of what an option does */

/* @s, a word after the other; the cursor is at column @at, further lines begin at @indent. */
static void fill(FILE *f, const char *s, size_t n, unsigned at, unsigned indent)
{
	const char *end = s + n;
	bool first = true;

	while (s < end) {
		size_t word = 0;

		while (s + word < end && s[word] != ' ')
			word++;
		if (!first && at + 1 + word > WIDTH) {
			fprintf(f, "\n%*s", (int)indent, "");
			at = indent;
			first = true;
		}
		fprintf(f, "%s%.*s", first ? "" : " ", (int)word, s);
		at += (unsigned)word + !first;
		first = false;
		s += word;
		while (s < end && *s == ' ')
			s++;
	}
	fputc('\n', f);
}

static void paragraphs(FILE *f, const char *s, size_t n)
{
	const char *end = s + n;

	while (s < end) {
		size_t len = strcspn(s, "\n");

		if (len > (size_t)(end - s))
			len = (size_t)(end - s);
		if (*s == ' ')
			fprintf(f, "%.*s\n", (int)len, s);
		else
			fill(f, s, len, 0, 0);
		s += len;
		s += s < end; /* its newline */
	}
}

static void usage(FILE *f, const char *name, const char *args)
{
	const char *before = "Usage:";

	do {
		size_t n = strcspn(args, "\n");

		fprintf(f, "%6s %s [OPTION...]%s%.*s\n", before, name, n ? " " : "", (int)n, args);
		before = "or:";
		args += n;
	} while (*args++);
}

struct list {
	FILE *f;
	bool begun; /* a blank line stands before it */
};

static bool option(void *ctx, const struct argp_option *o)
{
	struct list *l = ctx;
	FILE *f = l->f;
	int at;

	if (!l->begun && o->name)
		fputc('\n', f);
	l->begun = true;
	if (!o->name) {
		if (o->doc)
			fprintf(f, "\n %s\n", o->doc);
		return true;
	}
	if (o->flags & OPTION_HIDDEN)
		return true;
	at = o->key > ' ' && o->key < 127 ? fprintf(f, "  -%c, ", o->key) : fprintf(f, "      ");
	at += fprintf(f, "--%s", o->name);
	if (o->arg)
		at += fprintf(f, o->flags & OPTION_ARG_OPTIONAL ? "[=%s]" : "=%s", o->arg);
	if (at + 2 > TEXT_AT) {
		fputc('\n', f);
		at = 0;
	}
	fprintf(f, "%*s", TEXT_AT - at, "");
	fill(f, o->doc, strlen(o->doc), TEXT_AT, TEXT_AT);
	return true;
}

static void own_verbs(FILE *f, const struct verb *v)
{
	fputs("\n Verbs of its own:\n", f);
	for (const struct verb *own = v->verbs; own->name; own++) {
		if (own->flags & VERB_HIDDEN)
			continue;
		fprintf(f, "  %-*s", TEXT_AT - 2, own->name);
		fill(f, own->what, strlen(own->what), TEXT_AT, TEXT_AT);
	}
}

void help_print(FILE *f, const char *name, const struct argp *argp)
{
	static const struct argp_option help = { "help", 0, NULL, 0, "Give this help", 0 };
	struct list list = { .f = f }, own = { .f = f };
	const char *doc = argp->doc ? argp->doc : "", *after = strchr(doc, '\v');

	usage(f, name, argp->args_doc ? argp->args_doc : "");
	paragraphs(f, doc, after ? (size_t)(after - doc) : strlen(doc));
	if (help_verb && help_verb->argp == argp && help_verb->verbs)
		own_verbs(f, help_verb);
	cli_options(argp, option, &list);
	option(&own, &help);
	if (after) {
		fputc('\n', f);
		paragraphs(f, after + 1, strlen(after + 1));
	}
}
