/* SPDX-License-Identifier: GPL-2.0-only */
/* Looking things up in argp tables. */
#ifndef KTSTR_BENCH_CLI_TABLE_H
#define KTSTR_BENCH_CLI_TABLE_H

#include <argp.h>
#include <stdbool.h>

/*
 * Call @fn for each option and heading of @argp and its children until it returns false. Returns false when @fn did.
 */
bool cli_options(const struct argp *argp, bool (*fn)(void *ctx, const struct argp_option *o), void *ctx);
/*
 * The option that a word of a command line ("--cpus", "--cpus=4", "-v") names, in full or by a prefix that only one
 * option has; else NULL.
 */
const struct argp_option *cli_option(const struct argp *argp, const char *word);

#endif
