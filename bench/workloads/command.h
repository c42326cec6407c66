/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any program, measured from outside: how long it took, what it used, and what it printed, for a parser on the host.
 * Its output goes on to our own too.
 */
#ifndef KTSTR_WORKLOADS_COMMAND_H
#define KTSTR_WORKLOADS_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

#define COMMAND_PARSE_MAX 4

struct command {
	char **argv;			      /* NULL-terminated */
	const char *parse[COMMAND_PARSE_MAX]; /* files to send to the host afterwards, by glob(7) */
	unsigned n_parse;
	bool marks; /* the window is marked */
	FILE *metrics;
};

/* Its exit code, 128 and the signal's number, or 126, 127 or 70 after a line on stderr. */
int command_run(const struct command *c);

#endif
