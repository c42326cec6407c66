/* SPDX-License-Identifier: GPL-2.0-only */
/* Parse a verb's command line by its argp tables, with errors of one line and exit code 64. */
#ifndef KTSTR_BENCH_CLI_PARSE_H
#define KTSTR_BENCH_CLI_PARSE_H

#include <argp.h>

/*
 * Parse the words that follow the verb. Adds --help; exits with EXIT_USAGE on an unknown option, an unexpected argument
 * or a missing value. @verb is "run". Options of @argp and its children must not use the keys '?' and 'h'.
 */
void cli_parse(const struct argp *argp, const char *verb, int argc, char **argv, void *input);

#endif
