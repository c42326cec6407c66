/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/cli/words.h"

#include <stdlib.h>
#include <string.h>

#include "bench/base/say.h"
#include "bench/cli/table.h"
#include "bench/spec/nic.h"

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1] && strcmp(word, "--");
}

struct typed_word {
	const struct argp_option *option; /* NULL: no option, or none of this verb */
	const char *value;		  /* NULL: none is given */
};

/* The option in @argv[@i], with its value. Gives the index after both; 0: from here on nothing is ktstr's. */
static int read_word(const struct verb *verb, int argc, char **argv, int i, struct typed_word *w)
{
	const struct argp_option *o;

	*w = (struct typed_word){ 0 };
	if (i >= argc || !strcmp(argv[i], "--") || (!is_option(argv[i]) && verb->flags & VERB_COMMAND))
		return 0;
	o = w->option = is_option(argv[i]) ? cli_option(verb->argp, argv[i]) : NULL;
	w->value = o ? strchr(argv[i], '=') : NULL;
	if (w->value)
		w->value++;
	/* Its value is the next word, and no option. */
	else if (o && o->arg && argv[i + 1] && (!(o->flags & OPTION_ARG_OPTIONAL) || nic_is_value(argv[i + 1])))
		w->value = argv[++i];
	return i + 1;
}

const char *words_typed(const struct verb *verb, int argc, char **argv, const char *name)
{
	struct typed_word w;

	for (int i = 2; (i = read_word(verb, argc, argv, i, &w));)
		if (w.option && w.option->name && !strcmp(w.option->name, name))
			return w.value ? w.value : "";
	return NULL;
}

bool words_name_work(const struct verb *verb, const struct verb *sub, int argc, char **argv)
{
	struct typed_word w = { 0 };

	for (int i = 2, next; i < argc; i = next) {
		next = sub ? read_word(sub, argc, argv, i, &w) : 0;
		if (w.option && w.option->name && !strcmp(w.option->name, "workload"))
			return true;
		if (!next || !w.option)
			next = read_word(verb, argc, argv, i, &w);
		if (!next || !is_option(argv[i]))
			return true;
	}
	return false;
}

int words_without(const struct verb *verb, int argc, char **argv, const char *name, char **out)
{
	struct typed_word w;
	int n = 0;

	for (int i = 2, next; i < argc; i = next) {
		next = read_word(verb, argc, argv, i, &w);
		if (next && w.option && w.option->name && !strcmp(w.option->name, name))
			continue;
		/* What is a command's is copied to its end. */
		for (next = next ? next : argc; i < next; i++)
			out[n++] = argv[i];
	}
	return n;
}

bool words_ask_for_help(const struct verb *verb, int argc, char **argv)
{
	struct typed_word w;

	for (int i = 2, next; (next = read_word(verb, argc, argv, i, &w)); i = next)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h") || !strcmp(argv[i], "-?"))
			return true;
	return false;
}

char **words_put_first(const struct verb *verb, int argc, char **argv, const char *name)
{
	static char **words; /* static: reachable to the process's end */
	struct typed_word w;
	int at = 2, next;

	while ((next = read_word(verb, argc, argv, at, &w)) &&
	       !(w.value && w.option->name && !strcmp(w.option->name, name)))
		at = next;
	if (!next)
		return NULL;
	words = calloc((size_t)argc + 1, sizeof(*words));
	if (!words)
		say_usage("out of memory; free some");
	words[0] = argv[0];
	words[1] = argv[1];
	memcpy(words + 2, argv + at, (size_t)(next - at) * sizeof(*words));
	memcpy(words + 2 + next - at, argv + 2, (size_t)(at - 2) * sizeof(*words));
	memcpy(words + next, argv + next, (size_t)(argc - next) * sizeof(*words));
	return words;
}
