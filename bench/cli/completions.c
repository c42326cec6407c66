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
	const struct verb *verb;
};

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
	fprintf(w->f, "\t%s:--%s) ", w->verb->name, o->name);
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
	      "\tcase $verb:$prev in\n",
	      f);
	for (w.verb = manual_verb(verbs); w.verb; w.verb = manual_verb(w.verb + 1))
		cli_options(w.verb->argp, bash_value, &w);
	fprintf(f, "\tkernel:rm) words=$(%s) ;;\n", kernels);
	fputs("\tesac\n\tif [ -z \"$words$files$none\" ]; then\n\t\tcase $verb in\n", f);
	for (w.verb = manual_verb(verbs); w.verb; w.verb = manual_verb(w.verb + 1)) {
		fprintf(f, "\t\t%s) words='--help", w.verb->name);
		cli_options(w.verb->argp, bash_name, &w);
		if (manual_argument(w.verb) == VALUE_CHOICE) {
			fputc(' ', f);
			arguments(f, w.verb);
		}
		fprintf(f, "%s'", w.verb->flags & VERB_COMMAND ? " --" : "");
		if (source_of(manual_argument(w.verb)))
			fprintf(f, "\" $(%s)\"", source_of(manual_argument(w.verb)));
		fputs(" ;;\n", f);
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

	fputs("#compdef ktstr\n# zsh completion for ktstr; made by `ktstr manual zsh`.\n"
	      "_ktstr()\n{\n\tlocal -a verbs\n\tverbs=(\n",
	      f);
	for (const struct verb *v = manual_verb(verbs); v; v = manual_verb(v + 1)) {
		fprintf(f, "\t\t'%s:", v->name);
		quoted(f, v->what, strlen(v->what), "'\\''", ":\\");
		fputs("'\n", f);
	}
	fputs("\t)\n\tif (( CURRENT == 2 )); then\n\t\t_describe -t verbs verb verbs\n\t\treturn\n\tfi\n"
	      "\tlocal verb=$words[2]\n\tshift words\n\t(( CURRENT-- ))\n\tcase $verb in\n",
	      f);
	for (w.verb = manual_verb(verbs); w.verb; w.verb = manual_verb(w.verb + 1)) {
		fprintf(f, "\t%s)\n\t\t_arguments \\\n", w.verb->name);
		cli_options(w.verb->argp, zsh_option, &w);
		if (manual_argument(w.verb) == VALUE_CHOICE) {
			fprintf(f, "\t\t\t'%s:what:(", strstr(w.verb->argp->args_doc, "...") ? "*" : "1");
			arguments(f, w.verb);
			fputs(")' \\\n", f);
		}
		if (source_of(manual_argument(w.verb)))
			fprintf(f, "\t\t\t'1:shape:{compadd -- $(%s)}' \\\n", source_of(manual_argument(w.verb)));
		fprintf(f, "\t\t\t'--help[Give this help]'%s\n\t\t;;\n",
			w.verb->flags & VERB_COMMAND ? " \\\n\t\t\t'*::command:_normal'" : "");
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
	fprintf(w->f, "complete -c ktstr -n '__fish_seen_subcommand_from %s' -l %s", w->verb->name, o->name);
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

void manual_fish(FILE *f)
{
	struct writing w = { .f = f };

	fputs("# fish completion for ktstr; made by `ktstr manual fish`.\n"
	      "complete -c ktstr -f\n",
	      f);
	for (w.verb = manual_verb(verbs); w.verb; w.verb = manual_verb(w.verb + 1)) {
		fprintf(f, "complete -c ktstr -n __fish_use_subcommand -a %s -d '", w.verb->name);
		quoted(f, w.verb->what, strlen(w.verb->what), "\\'", "\\");
		fputs("'\n", f);
		cli_options(w.verb->argp, fish_option, &w);
		if (manual_argument(w.verb) != VALUE_NONE) {
			fprintf(f, "complete -c ktstr -n '__fish_seen_subcommand_from %s' -a '", w.verb->name);
			arguments(f, w.verb);
			if (source_of(manual_argument(w.verb)))
				fprintf(f, "(%s)", source_of(manual_argument(w.verb)));
			fputs("'\n", f);
		}
		if (w.verb->flags & VERB_COMMAND)
			fprintf(f,
				"complete -c ktstr -n '__fish_seen_subcommand_from %s; and contains -- -- "
				"(commandline -opc)' -F -a '(__fish_complete_command)'\n",
				w.verb->name);
	}
}
