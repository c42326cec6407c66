/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages on stderr, one line each: what failed, why, and the remedy. And the exit codes. */
#ifndef KTSTR_BENCH_BASE_SAY_H
#define KTSTR_BENCH_BASE_SAY_H

/* ktstr's own exit codes; all others are the guest command's. */
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

/* The remedy when a resource (descriptors, memory, processes) is exhausted, by errno. */
const char *say_limit(int error);
/*
 * If the option that @message starts with was not typed but set in a configuration file or an environment variable,
 * returns the name of that file or variable; else NULL. Set by cli/settings.c.
 */
extern const char *(*say_origin)(const char *message);

#endif
