/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/cli/table.h"

#include <string.h>

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
