/* SPDX-License-Identifier: GPL-2.0-only */
/* The manual pages. */

#include "bench/cli/manual.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cli/settings.h"
#include "bench/cli/table.h"
#include "bench/workloads/catalog.h"

#define MANUAL_DATE "2026-11-21"

/* --- what the tables say ------------------------------------------------ */

bool manual_shows(const struct argp_option *o)
{
	return o->name && !(o->flags & OPTION_HIDDEN);
}

const struct verb *manual_verb(const struct verb *v)
{
	while (v->name && v->flags & VERB_HIDDEN)
		v++;
	return v->name ? v : NULL;
}

bool manual_next(struct manual_at *at)
{
	const struct verb *owner = at->parent ? at->parent : at->verb, *list;

	/* Its own verbs, or what follows this one among its parent's; then what follows the parent. */
	list = at->parent ? at->verb + 1 : at->verb ? at->verb->verbs : NULL;
	list = list ? manual_verb(list) : NULL;
	if (list) {
		at->parent = owner;
		at->verb = list;
		snprintf(at->name, sizeof(at->name), "%s %s", owner->name, list->name);
		return true;
	}
	at->parent = NULL;
	at->verb = manual_verb(owner ? owner + 1 : verbs);
	if (at->verb)
		snprintf(at->name, sizeof(at->name), "%s", at->verb->name);
	return at->verb;
}

bool manual_choice(const struct argp_option *o, const char **at, char *word, size_t size)
{
	const char *from = *at ? *at : o->arg;

	while (*from) {
		size_t n = strcspn(from, "|");

		*at = from + n + (from[n] == '|');
		/* Upper case is a kind of value: TIME, N. 2M is a value. */
		if (n && n < size && !isupper((unsigned char)*from)) {
			memcpy(word, from, n);
			word[n] = '\0';
			return true;
		}
		from = *at;
	}
	return false;
}

enum manual_value manual_value(const struct argp_option *o)
{
	static const char *const files[] = { "FILE", "PATH", "HOST", "DISK", "I" };
	const char *at = NULL;
	char word[64];
	size_t n;

	if (!o->arg)
		return VALUE_NONE;
	if (!strcmp(o->arg, "K"))
		return VALUE_KERNEL;
	if (!strcmp(o->arg, "SHAPE"))
		return VALUE_SHAPE;
	n = strspn(o->arg, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (strlen(files[i]) == n && !strncmp(o->arg, files[i], n) && !strchr(o->arg, '|'))
			return VALUE_FILE;
	if (!strpbrk(o->arg, "[,= ") && manual_choice(o, &at, word, sizeof(word)))
		return VALUE_CHOICE;
	return VALUE_ANY;
}

/* "list\nfetch [SERIES...]", a line a way to call it; "[wakeup|io-randread]..." */
static bool next_workload(const char **at, char *word, size_t size)
{
	const struct workload_kind *k = workload_kinds;

	if (*at) {
		while (k->name != *at)
			k++;
		k++;
	}
	if (!k->name)
		return false;
	*at = k->name;
	snprintf(word, size, "%s", k->name);
	return true;
}

bool manual_argument_choice(const struct verb *v, const char **at, char *word, size_t size)
{
	const char *from = *at ? *at : v->argp->args_doc;

	if (v->argp->args_doc && !strncmp(v->argp->args_doc, "[WORKLOAD", strlen("[WORKLOAD")))
		return next_workload(at, word, size);
	while (from && *from) {
		size_t n = strspn(from, "abcdefghijklmnopqrstuvwxyz-");

		if (n && n < size && strchr("|] \n", from[n])) {
			memcpy(word, from, n);
			word[n] = '\0';
			*at = from + n + (from[n] == '|' ? 0 : strcspn(from + n, "\n"));
			return true;
		}
		/* Only a line's first word, and what stands beside it. */
		if (*from != '[' && *from != '|' && *from != '\n')
			from += strcspn(from, "\n");
		from += *from != '\0';
	}
	return false;
}

enum manual_value manual_argument(const struct verb *v)
{
	const char *at = NULL;
	char word[64];

	if (v->flags & VERB_COMMAND || !v->argp->args_doc)
		return VALUE_NONE;
	if (!strcmp(v->argp->args_doc, "[SHAPE]"))
		return VALUE_SHAPE;
	if (!strncmp(v->argp->args_doc, "DIR", 3) || !strncmp(v->argp->args_doc, "FILE", 4))
		return VALUE_FILE;
	return manual_argument_choice(v, &at, word, sizeof(word)) ? VALUE_CHOICE : VALUE_NONE;
}

/* --- man(7) ------------------------------------------------------------- */

static void text(FILE *f, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		/* A control character at a line's start would be a request. */
		if ((!i || s[i - 1] == '\n') && (s[i] == '.' || s[i] == '\''))
			fputs("\\&", f);
		if (s[i] == '\\')
			fputs("\\e", f);
		else if (s[i] == '-')
			fputs("\\-", f);
		else if (s[i] == '\'')
			fputs("\\(aq", f);
		else if (s[i] == '`')
			fputs("\\(ga", f);
		else if (s[i] == '~')
			fputs("\\(ti", f);
		else if (s[i] == '^')
			fputs("\\(ha", f);
		else
			fputc(s[i], f);
	}
}

static void line(FILE *f, const char *s)
{
	text(f, s, strlen(s));
	fputc('\n', f);
}

/* Lines that are indented stay as they are, others flow. "EXAMPLES" alone begins a section. */
static void paragraphs(FILE *f, const char *s)
{
	bool as_is = false, blank = false;

	while (*s) {
		size_t n = strcspn(s, "\n");
		bool indented = s[0] == ' ';

		if (n == strlen("EXAMPLES") && !strncmp(s, "EXAMPLES", n)) {
			fputs(as_is ? ".fi\n.SH EXAMPLES\n" : ".SH EXAMPLES\n", f);
			as_is = blank = false;
		} else if (!n) {
			blank = true;
		} else {
			if (indented != as_is)
				fputs(indented ? (blank ? ".PP\n.nf\n" : ".nf\n") : (blank ? ".fi\n.PP\n" : ".fi\n"),
				      f);
			else if (blank)
				fputs(as_is ? "\n" : ".PP\n", f);
			as_is = indented;
			blank = false;
			text(f, s, n);
			fputc('\n', f);
		}
		s += n + (s[n] == '\n');
	}
	if (as_is)
		fputs(".fi\n", f);
}

static bool print_option(void *ctx, const struct argp_option *o)
{
	FILE *f = ctx;

	if (!o->name && o->doc) {
		/* "The machine:" */
		fputs(".SS ", f);
		text(f, o->doc, strlen(o->doc) - (o->doc[strlen(o->doc) - 1] == ':'));
		fputc('\n', f);
	}
	if (!manual_shows(o))
		return true;
	fputs(".TP\n", f);
	if (o->key > ' ' && o->key < 127)
		fprintf(f, "\\fB\\-%c\\fR, ", o->key);
	fputs("\\fB\\-\\-", f);
	text(f, o->name, strlen(o->name));
	fputs("\\fR", f);
	if (o->arg) {
		fputs(o->flags & OPTION_ARG_OPTIONAL ? "[=\\fI" : "=\\fI", f);
		text(f, o->arg, strlen(o->arg));
		fputs(o->flags & OPTION_ARG_OPTIONAL ? "\\fR]" : "\\fR", f);
	}
	fputc('\n', f);
	line(f, o->doc);
	return true;
}

static void synopsis(FILE *f, const struct manual_at *at)
{
	const char *args = at->verb->argp->args_doc ? at->verb->argp->args_doc : "";

	fputs(".SH SYNOPSIS\n", f);
	do {
		size_t n = strcspn(args, "\n");

		fprintf(f, ".B ktstr %s\n[\\fIOPTION\\fR...]", at->name);
		if (n)
			fputc(' ', f);
		text(f, args, n);
		fputc('\n', f);
		args += n;
		if (*args++ != '\n')
			break;
		fputs(".br\n", f);
	} while (1);
}

/* "bench run" as a page's name has it: bench\-run */
static void page_name(FILE *f, const char *name)
{
	for (; *name; name++)
		if (*name == ' ' || *name == '-')
			fputs("\\-", f);
		else
			fputc(*name, f);
}

static void own_verbs(FILE *f, const struct verb *v)
{
	const struct verb *own = v->verbs ? manual_verb(v->verbs) : NULL;

	if (own)
		fputs(".SH VERBS\n", f);
	for (; own; own = manual_verb(own + 1)) {
		fprintf(f, ".TP\n.BR ktstr\\-%s\\-", v->name);
		page_name(f, own->name);
		fputs(" (1)\n", f);
		line(f, own->what);
	}
}

static void verb_page(FILE *f, const struct manual_at *at)
{
	const struct verb *v = at->verb;
	const char *doc = v->argp->doc, *after = strchr(doc, '\v');
	char *before = strndup(doc, after ? (size_t)(after - doc) : strlen(doc));

	fputs(".TH KTSTR-", f);
	for (const char *c = at->name; *c; c++)
		fputc(*c == ' ' ? '-' : toupper((unsigned char)*c), f);
	fputs(" 1 \"" MANUAL_DATE "\" \"ktstr " KTSTR_VERSION "\" \"User Commands\"\n.SH NAME\nktstr\\-", f);
	page_name(f, at->name);
	fputs(" \\- ", f);
	line(f, v->what);
	synopsis(f, at);
	fputs(".SH DESCRIPTION\n", f);
	paragraphs(f, before ? before : doc);
	own_verbs(f, v);
	fputs(".SH OPTIONS\n", f);
	cli_options(v->argp, print_option, f);
	fputs(".TP\n\\fB\\-\\-help\\fR\nGive this help\n", f);
	if (after) {
		bool examples = !strncmp(after + 1, "EXAMPLES\n", 9);

		if (!examples)
			fputs(".SH NOTES\n", f);
		paragraphs(f, after + 1);
	}
	fputs(".SH SEE ALSO\n.BR ktstr (1)", f);
	if (at->parent)
		fprintf(f, ",\n.BR ktstr\\-%s (1)", at->parent->name);
	fputc('\n', f);
	free(before);
}

static void main_page(FILE *f)
{
	fputs(".TH KTSTR 1 \"" MANUAL_DATE "\" \"ktstr " KTSTR_VERSION "\" \"User Commands\"\n"
	      ".SH NAME\nktstr \\- stock kernels in small machines, and measurements of schedulers and I/O in them\n"
	      ".SH SYNOPSIS\n.B ktstr\n\\fIVERB\\fR [\\fIOPTION\\fR...]\n.SH DESCRIPTION\n",
	      f);
	line(f, verbs_what);
	fputs(".SS Verbs\n", f);
	for (const struct verb *v = manual_verb(verbs); v; v = manual_verb(v + 1)) {
		fprintf(f, ".TP\n.BR ktstr\\-%s (1)\n", v->name);
		line(f, v->what);
	}
	fputs(".SH OPTIONS\n.TP\n\\fB\\-\\-help\\fR\nList the verbs\n.TP\n\\fB\\-\\-version\\fR\nSay which ktstr this "
	      "is\n"
	      ".SH SETTINGS\n",
	      f);
	paragraphs(f, settings_manual);
	fputs(".SH ENVIRONMENT\n.TP\n\\fBKTSTR_\\fIOPTION\\fR\nThe value of an option, as above\n", f);
	for (const struct settings_variable *v = settings_variables; v->name; v++) {
		fputs(".TP\n.B ", f);
		line(f, v->name);
		line(f, v->what);
	}
	fputs(".SH FILES\n.TP\n.I \\(ti/.config/ktstr/config\nSettings\n.TP\n.I \\(ti/.cache/ktstr\n"
	      "Kernels, QEMU, and what is made of them once\n.TP\n.I /tmp/ktstr\\-*.lock\n"
	      "Locks of this host\\(aqs LLCs and CPUs\n.SH EXIT STATUS\n",
	      f);
	paragraphs(f, verbs_exit_codes);
	fputs(".SH EXAMPLES\n", f);
	paragraphs(f, verbs_examples);
	fputs(".SH SEE ALSO\n", f);
	for (const struct verb *v = manual_verb(verbs); v; v = manual_verb(v + 1))
		fprintf(f, ".BR ktstr\\-%s (1)%s\n", v->name, manual_verb(v + 1) ? "," : "");
}

void manual_page(FILE *f, const struct manual_at *at)
{
	if (at)
		verb_page(f, at);
	else
		main_page(f);
}
