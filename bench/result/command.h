/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The result of a program that was measured from outside (bench/workloads/command.c): out of the guest's lines, an
 * entry as workloads have one. Its figures are what the program used, what the parser found in its output, and what it
 * reported by itself on the metric descriptor.
 */
#ifndef KTSTR_BENCH_RESULT_COMMAND_H
#define KTSTR_BENCH_RESULT_COMMAND_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "bench/parsers/parser.h"

enum { COMMAND_STDOUT, COMMAND_STDERR, COMMAND_FILE, COMMAND_OUTPUTS };

struct command_result {
	const struct parser *parser; /* NULL: none */
	struct {
		char *text;
		size_t len;
	} output[COMMAND_OUTPUTS];
	json_t *figures;
};

/*
 * A line of the guest's. False: it is none of a program's. The last one gives @entry, "workload" being the program's
 * name; else NULL. With a parser, "parsed" in the entry's "command" says whether it found something, and "note" what it
 * left out.
 */
bool command_result_line(struct command_result *c, const json_t *line, json_t **entry);
void command_result_free(struct command_result *c);

/* The figures of an entry, a line each. */
void command_result_print(FILE *f, const json_t *entry);

#endif
