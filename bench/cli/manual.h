/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Manual pages and shell completions, made from the same tables as --help: the verbs and their argp options. They are
 * written at build time by the verb `ktstr manual`, which no help lists.
 */
#ifndef KTSTR_BENCH_CLI_MANUAL_H
#define KTSTR_BENCH_CLI_MANUAL_H

#include <stdbool.h>
#include <stdio.h>

#include "bench/cli/verb.h"

/* One verb after the other, each followed by its own verbs: all zero before the first. */
struct manual_at {
	const struct verb *parent, *verb; /* @parent: whose own verb it is, or NULL */
	char name[48];			  /* "bench run" */
};
/* The next that is shown. False: no more. */
bool manual_next(struct manual_at *at);

/* ktstr(1), or with @at ktstr-VERB(1), ktstr-VERB-VERB(1): man(7), without warnings of man or mandoc. */
void manual_page(FILE *f, const struct manual_at *at);
void manual_bash(FILE *f);
void manual_zsh(FILE *f);
void manual_fish(FILE *f);

/* What an option's value may be, by its name in the table. */
enum manual_value { VALUE_NONE, VALUE_ANY, VALUE_CHOICE, VALUE_FILE, VALUE_KERNEL, VALUE_SHAPE };
enum manual_value manual_value(const struct argp_option *o);
/* The words of a VALUE_CHOICE, one call each: *@at is NULL at first. False: no more. */
bool manual_choice(const struct argp_option *o, const char **at, char *word, size_t size);
/*
 * A verb's words that are no options: those that it knows, one call each as above ("list", "fetch"); VALUE_CHOICE where
 * there are such, VALUE_SHAPE, VALUE_FILE, or VALUE_NONE.
 */
enum manual_value manual_argument(const struct verb *v);
bool manual_argument_choice(const struct verb *v, const char **at, char *word, size_t size);
/* An option that is shown: a name, not hidden. */
bool manual_shows(const struct argp_option *o);
/* The next verb that is shown, from @v on; NULL: none. */
const struct verb *manual_verb(const struct verb *v);

#endif
