/* SPDX-License-Identifier: GPL-2.0-only */
/* What a verb's --help prints, from its argp tables. */
#ifndef KTSTR_BENCH_CLI_HELP_H
#define KTSTR_BENCH_CLI_HELP_H

#include <argp.h>
#include <stdio.h>

#include "bench/cli/verb.h"

/* The verb that is run: its help lists its own verbs. Set by main(); NULL: none. */
extern const struct verb *help_verb;

/*
 * Usage, what it does, the options in their tables' order with --help last, notes and examples, for a terminal of 80
 * columns. @name is "ktstr run". Indented lines of the text stay as they are, so that examples can be pasted.
 */
void help_print(FILE *f, const char *name, const struct argp *argp);

#endif
