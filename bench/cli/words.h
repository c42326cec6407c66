/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the words of a command line say before they are parsed: @argv[1] is the name of @verb. A guest's command is none
 * of them.
 */
#ifndef KTSTR_BENCH_CLI_WORDS_H
#define KTSTR_BENCH_CLI_WORDS_H

#include <stdbool.h>

#include "bench/cli/verb.h"

/* The value of the option @name, "" if it is given without one; NULL: it is not given. */
const char *words_typed(const struct verb *verb, int argc, char **argv, const char *name);
/* Whether they name something to do besides options: a workload or a command. @sub: a sub-verb with options too, or
 * NULL.
 */
bool words_name_work(const struct verb *verb, const struct verb *sub, int argc, char **argv);
/* The words after @verb's name without the option @name and its value, into @out. How many there are. */
int words_without(const struct verb *verb, int argc, char **argv, const char *name, char **out);
/* --help is where an error in the settings sends the user: it does without them. */
bool words_ask_for_help(const struct verb *verb, int argc, char **argv);
/*
 * The words with the first option @name, and its value, before all others. It lives as long as the process. NULL: it is
 * not given with a value.
 */
char **words_put_first(const struct verb *verb, int argc, char **argv, const char *name);

#endif
