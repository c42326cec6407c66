/* SPDX-License-Identifier: GPL-2.0-only */
/* How ktstr speaks on stderr: one line that says what failed and the remedy; and the exit codes. */
#ifndef KTSTR_BENCH_BASE_SAY_H
#define KTSTR_BENCH_BASE_SAY_H

/* ktstr's own exit codes; any other is the guest command's. */
enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_INCONCLUSIVE = 2,
	EXIT_USAGE = 64,
	EXIT_UNAVAILABLE = 69,
	EXIT_INTERNAL = 70,
	EXIT_SKIPPED = 77,
	EXIT_TIMEOUT = 124,
	EXIT_NOT_FOUND = 127,
	EXIT_PANIC = 255,
};

/* Print "ktstr: " and the text as one line on stderr. */
__attribute__((format(printf, 1, 2))) void say_error(const char *fmt, ...);
/* The same, then exit(EXIT_USAGE). */
__attribute__((format(printf, 1, 2), noreturn)) void say_usage(const char *fmt, ...);

/* The remedy for a resource that ran out (descriptors, memory, processes), by errno. */
const char *say_limit(int error);
/*
 * Returns where the word at the beginning of @message came from when the user did not type it (a configuration file, a
 * variable of the environment), else NULL. Set by cli/settings.c.
 */
extern const char *(*say_origin)(const char *message);

#endif
