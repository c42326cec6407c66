/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Command lines, with the error style of the house: one line that names what
 * is wrong and the mend, exit code 64.
 */
#ifndef KTSTR_BENCH_CLI_H
#define KTSTR_BENCH_CLI_H

#include <argp.h>
#include <stdbool.h>

/* ktstr's own exit codes; otherwise it is the guest command's. */
enum {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_INCONCLUSIVE = 2,
	CLI_USAGE = 64,
	CLI_UNAVAILABLE = 69,
	CLI_INTERNAL = 70,
	CLI_SKIPPED = 77,
	CLI_TIMEOUT = 124,
	CLI_NOT_FOUND = 127,
	CLI_PANIC = 255,
};

/* "ktstr: " and the text, on one line of stderr. */
__attribute__((format(printf, 1, 2))) void cli_error(const char *fmt, ...);
/* The same, then exit(CLI_USAGE). */
__attribute__((format(printf, 1, 2), noreturn)) void cli_usage(const char *fmt, ...);

/*
 * Parse the words behind the verb. Adds --help; exits with CLI_USAGE on an
 * unknown option, an unwanted argument or a missing value. @verb is "run".
 * Options of @argp and its children must not use the keys '?' and 'h'.
 */
void cli_parse(const struct argp *argp, const char *verb, int argc, char **argv, void *input);

/* Call @fn for each option of @argp and its children, headings too, until it returns false. False: it did. */
bool cli_options(const struct argp *argp, bool (*fn)(void *ctx, const struct argp_option *o), void *ctx);
/*
 * The option that a word of a command line means ("--cpus", "--cpus=4", "-v"):
 * by its whole name, or by a beginning that is no other's. NULL: none.
 */
const struct argp_option *cli_option(const struct argp *argp, const char *word);
/* The remedy for a lack of something that this process or machine has only so much of: by errno, not by what failed. */
const char *cli_limit(int error);
/* Where the word came from that a message begins with, when no user typed it; or NULL. Set by settings. */
extern const char *(*cli_origin)(const char *message);

#endif
