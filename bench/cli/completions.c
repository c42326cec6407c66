/* SPDX-License-Identifier: GPL-2.0-only */
/* Completions of bash, zsh and fish. */
#include <string.h>

#include "bench/cli/manual.h"
#include "bench/cli/table.h"

static const char kernels[] = "ktstr kernel list 2>/dev/null | cut -d\" \" -f1";
static const char shapes[] = "ktstr topo 2>/dev/null | sed \"1d; s/ .*//\"";

static const char *source_of(enum manual_value value)
{
	return value == VALUE_KERNEL ? kernels : value == VALUE_SHAPE ? shapes : NULL;
}

struct writing {
	FILE *f;
	const char *name; /* "bench run", as this shell has it */
	char condition[128];
};

/* Options of a verb: those of its parent, too, where it hands them on. */
static void each_option(const struct manual_at *at, bool (*fn)(void *ctx, const struct argp_option *o),
			struct writing *w)
{
	cli_options(at->verb->argp, fn, w);
	if (at->parent && at->verb->flags & VERB_MACHINE)
		cli_options(at->parent->argp, fn, w);
}

/* The names of a verb's own verbs, each after a blank. */
static void own_verbs(FILE *f, const struct verb *v)
{
	for (const struct verb *own = v->verbs ? manual_verb(v->verbs) : NULL; own; own = manual_verb(own + 1))
		fprintf(f, " %s", own->name);
}

/* 'bench run'|'bench compare' of all verbs, for case. */
static void pairs(FILE *f)
{
	struct manual_at at = { 0 };
	const char *bar = "";

	while (manual_next(&at))
		if (at.parent) {
			fprintf(f, "%s'%s'", bar, at.name);
			bar = "|";
		}
}

/* A pattern of case: a blank is escaped. */
static const char *pattern(const char *name, char text[64])
{
	char *to = text;

	for (; *name && to < text + 60; name++) {
		if (*name == ' ')
			*to++ = '\\';
		*to++ = *name;
	}
	*to = '\0';
	return text;
}

/* A description up to where its details begin: at a semicolon, a sentence's end, the colon after more than a word. */
static size_t brief(const char *doc)
{
	size_t n = 0, open = 0;

	while (doc[n] && doc[n] != ';' && strncmp(doc + n, ". ", 2) && !(doc[n] == ':' && memchr(doc, ' ', n))) {
		if (doc[n] == '(')
			open = n;
		if (doc[n] == ')')
			open = 0;
		n++;
	}
	/* Not within parentheses. */
	if (doc[n] && open > 1)
		n = open - 1;
	return n;
}

static void arguments(FILE *f, const struct verb *v)
{
	const char *at = NULL;
	char word[64];

	for (unsigned i = 0; manual_argument_choice(v, &at, word, sizeof(word)); i++)
		fprintf(f, "%s%s", i ? " " : "", word);
}

/* Within single quotes of a shell; @special are escaped besides. */
static void quoted(FILE *f, const char *s, size_t n, const char *quote, const char *special)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\'') {
			fputs(quote, f);
			continue;
		}
		if (strchr(special, s[i]))
			fputc('\\', f);
		fputc(s[i], f);
	}
}

static void choices(FILE *f, const struct argp_option *o, const char *between)
{
	const char *at = NULL;
	char word[64];

	for (unsigned i = 0; manual_choice(o, &at, word, sizeof(word)); i++)
		fprintf(f, "%s%s", i ? between : "", word);
}

/* --- bash --------------------------------------------------------------- */

static bool bash_name(void *ctx, const struct argp_option *o)
{
	if (manual_shows(o))
		fprintf(((struct writing *)ctx)->f, " --%s", o->name);
	return true;
}

static bool bash_value(void *ctx, const struct argp_option *o)
{
	const struct writing *w = ctx;
	enum manual_value value = manual_shows(o) ? manual_value(o) : VALUE_NONE;

	if (value == VALUE_NONE || o->flags & OPTION_ARG_OPTIONAL)
		return true;
	fprintf(w->f, "\t%s:--%s) ", w->name, o->name);
	if (value == VALUE_CHOICE) {
		fputs("words='", w->f);
		choices(w->f, o, " ");
		fputs("' ;;\n", w->f);
	} else if (value == VALUE_FILE) {
		fputs("files=1 ;;\n", w->f);
	} else if (source_of(value)) {
		fprintf(w->f, "%swords=$(%s) ;;\n", value == VALUE_KERNEL ? "files=1 " : "", source_of(value));
	} else {
		fputs("none=1 ;;\n", w->f);
	}
	return true;
}

void manual_bash(FILE *f)
{
	struct writing w = { .f = f };
	struct manual_at at = { 0 };
	char name[64];

	fputs("# bash completion for ktstr; made by `ktstr manual bash`.\n"
	      "_ktstr()\n{\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]}\n"
	      "\tlocal words='' files='' none='' i\n\n"
	      "\tCOMPREPLY=()\n"
	      "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -W '",
	      f);
	for (const struct verb *v = manual_verb(verbs); v; v = manual_verb(v + 1))
		fprintf(f, "%s ", v->name);
	fputs("--help --version' -- \"$cur\")\n\t\treturn\n\tfi\n"
	      "\t# Behind -- all is the guest's command.\n"
	      "\tfor ((i = 2; i < COMP_CWORD; i++)); do\n"
	      "\t\tif [ \"${COMP_WORDS[i]}\" = -- ]; then\n"
	      "\t\t\tif [ $((i + 1)) -eq \"$COMP_CWORD\" ]; then\n"
	      "\t\t\t\tmapfile -t COMPREPLY < <(compgen -c -- \"$cur\")\n"
	      "\t\t\telse\n"
	      "\t\t\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	      "\t\t\tfi\n\t\t\treturn\n\t\tfi\n\tdone\n"
	      "\t# --name=value is three words.\n"
	      "\tif [ \"$cur\" = = ]; then\n\t\tcur=''\n"
	      "\telif [ \"$prev\" = = ]; then\n\t\tprev=${COMP_WORDS[COMP_CWORD - 2]}\n\tfi\n"
	      "\tif [ \"$COMP_CWORD\" -gt 2 ]; then\n\t\tcase \"$verb ${COMP_WORDS[2]}\" in\n\t\t",
	      f);
	pairs(f);
	fputs(") verb=\"$verb ${COMP_WORDS[2]}\" ;;\n\t\tesac\n\tfi\n\tcase $verb:$prev in\n", f);
	while (manual_next(&at)) {
		w.name = pattern(at.name, name);
		each_option(&at, bash_value, &w);
	}
	fprintf(f, "\tkernel:rm) words=$(%s) ;;\n", kernels);
	fputs("\tesac\n\tif [ -z \"$words$files$none\" ]; then\n\t\tcase $verb in\n", f);
	while (manual_next(&at)) {
		enum manual_value value = manual_argument(at.verb);

		fprintf(f, "\t\t%s) words='--help", pattern(at.name, name));
		each_option(&at, bash_name, &w);
		if (value == VALUE_CHOICE) {
			fputc(' ', f);
			arguments(f, at.verb);
		}
		own_verbs(f, at.verb);
		fprintf(f, "%s'", at.verb->flags & VERB_COMMAND ? " --" : "");
		if (source_of(value))
			fprintf(f, "\" $(%s)\"", source_of(value));
		fprintf(f, "%s ;;\n", value == VALUE_FILE ? " files=1" : "");
	}
	fputs("\t\tesac\n\tfi\n"
	      "\tif [ -n \"$words\" ]; then mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\"); fi\n"
	      "\tif [ -n \"$files\" ]; then\n"
	      "\t\tcompopt -o filenames 2>/dev/null\n"
	      "\t\tmapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- \"$cur\")\n\tfi\n"
	      "}\ncomplete -F _ktstr ktstr\n",
	      f);
}

/* --- zsh ---------------------------------------------------------------- */

static bool zsh_option(void *ctx, const struct argp_option *o)
{
	const struct writing *w = ctx;
	enum manual_value value = manual_value(o);

	if (!manual_shows(o))
		return true;
	fprintf(w->f, "\t\t\t'*--%s%s[", o->name, !o->arg ? "" : o->flags & OPTION_ARG_OPTIONAL ? "=-" : "=");
	quoted(w->f, o->doc, brief(o->doc), "'\\''", "[]:\\");
	fputc(']', w->f);
	if (value != VALUE_NONE) {
		fputs(o->flags & OPTION_ARG_OPTIONAL ? "::" : ":", w->f);
		quoted(w->f, o->arg, strlen(o->arg), "'\\''", "[]:\\");
		fputc(':', w->f);
	}
	if (value == VALUE_CHOICE) {
		fputc('(', w->f);
		choices(w->f, o, " ");
		fputc(')', w->f);
	}
	if (value == VALUE_FILE)
		fputs("_files", w->f);
	if (source_of(value))
		fprintf(w->f, "{%scompadd -- $(%s)}", value == VALUE_KERNEL ? "_files; " : "", source_of(value));
	fputs("' \\\n", w->f);
	return true;
}

void manual_zsh(FILE *f)
{
	struct writing w = { .f = f };
	struct manual_at at = { 0 };
	char name[64];

	fputs("#compdef ktstr\n# zsh completion for ktstr; made by `ktstr manual zsh`.\n"
	      "_ktstr()\n{\n\tlocal -a verbs\n\tverbs=(\n",
	      f);
	for (const struct verb *v = manual_verb(verbs); v; v = manual_verb(v + 1)) {
		fprintf(f, "\t\t'%s:", v->name);
		quoted(f, v->what, strlen(v->what), "'\\''", ":\\");
		fputs("'\n", f);
	}
	fputs("\t)\n\tif (( CURRENT == 2 )); then\n\t\t_describe -t verbs verb verbs\n\t\treturn\n\tfi\n"
	      "\tlocal verb=$words[2]\n\tshift words\n\t(( CURRENT-- ))\n\tif (( CURRENT > 2 )); then\n\t\tcase "
	      "\"$verb $words[2]\" in\n\t\t",
	      f);
	pairs(f);
	fputs(") verb=\"$verb $words[2]\"; shift words; (( CURRENT-- )) ;;\n\t\tesac\n\tfi\n\tcase $verb in\n", f);
	while (manual_next(&at)) {
		enum manual_value value = manual_argument(at.verb);

		fprintf(f, "\t%s)\n\t\t_arguments \\\n", pattern(at.name, name));
		each_option(&at, zsh_option, &w);
		if (value == VALUE_CHOICE) {
			fprintf(f, "\t\t\t'%s:what:(", strstr(at.verb->argp->args_doc, "...") ? "*" : "1");
			arguments(f, at.verb);
			own_verbs(f, at.verb);
			fputs(")' \\\n", f);
		}
		if (value == VALUE_FILE)
			fputs("\t\t\t'*:what:_files' \\\n", f);
		if (source_of(value))
			fprintf(f, "\t\t\t'1:shape:{compadd -- $(%s)}' \\\n", source_of(value));
		fprintf(f, "\t\t\t'--help[Give this help]'%s\n\t\t;;\n",
			at.verb->flags & VERB_COMMAND ? " \\\n\t\t\t'*::command:_normal'" : "");
	}
	fputs("\tesac\n}\n_ktstr \"$@\"\n", f);
}

/* --- fish --------------------------------------------------------------- */

static bool fish_option(void *ctx, const struct argp_option *o)
{
	const struct writing *w = ctx;
	enum manual_value value = manual_value(o);

	if (!manual_shows(o))
		return true;
	fprintf(w->f, "complete -c ktstr -n '%s' -l %s", w->condition, o->name);
	if (o->key > ' ' && o->key < 127)
		fprintf(w->f, " -s %c", o->key);
	if (value != VALUE_NONE && !(o->flags & OPTION_ARG_OPTIONAL))
		fputs(value == VALUE_FILE || value == VALUE_KERNEL ? " -r -F" : " -x", w->f);
	if (value == VALUE_CHOICE) {
		fputs(" -a '", w->f);
		choices(w->f, o, " ");
		fputc('\'', w->f);
	}
	if (source_of(value))
		fprintf(w->f, " -a '(%s)'", source_of(value));
	fputs(" -d '", w->f);
	quoted(w->f, o->doc, brief(o->doc), "\\'", "\\");
	fputs("'\n", w->f);
	return true;
}

static void fish_words(FILE *f, const struct manual_at *at, enum manual_value value, const char *condition)
{
	fprintf(f, "complete -c ktstr -n '%s' -a '", condition);
	arguments(f, at->verb);
	own_verbs(f, at->verb);
	if (source_of(value))
		fprintf(f, "(%s)", source_of(value));
	fputs("'\n", f);
}

void manual_fish(FILE *f)
{
	struct writing w = { .f = f };
	struct manual_at at = { 0 };

	fputs("# fish completion for ktstr; made by `ktstr manual fish`.\n"
	      "complete -c ktstr -f\n",
	      f);
	while (manual_next(&at)) {
		enum manual_value value = manual_argument(at.verb);

		snprintf(w.condition, sizeof(w.condition), "__fish_seen_subcommand_from %s%s%s",
			 at.parent ? at.parent->name : at.verb->name,
			 at.parent ? "; and __fish_seen_subcommand_from " : "", at.parent ? at.verb->name : "");
		if (!at.parent) {
			fprintf(f, "complete -c ktstr -n __fish_use_subcommand -a %s -d '", at.verb->name);
			quoted(f, at.verb->what, strlen(at.verb->what), "\\'", "\\");
			fputs("'\n", f);
		}
		each_option(&at, fish_option, &w);
		if (value == VALUE_FILE)
			fprintf(f, "complete -c ktstr -n '%s' -F\n", w.condition);
		else if (value != VALUE_NONE || at.verb->verbs)
			fish_words(f, &at, value, w.condition);
		if (at.verb->flags & VERB_COMMAND)
			fprintf(f,
				"complete -c ktstr -n '%s; and contains -- -- "
				"(commandline -opc)' -F -a '(__fish_complete_command)'\n",
				w.condition);
	}
}
