/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stress-ng's metrics: "stress-ng: metrc: [PID] NAME OPS REAL USER SYSTEM OPS/S(real) OPS/S(CPU) ...". Its manual says
 * that bogo operations are no measure of performance; they are what it has.
 */
#include <stdio.h>
#include <string.h>

#include "bench/parsers/internal.h"

#define WORDS_MAX 16
#define NUMBERS 6

static const struct {
	const char *name, *unit;
	int flags;
} columns[NUMBERS] = { { NULL, NULL, 0 },
		       { NULL, NULL, 0 },
		       { "user", "s", LESS },
		       { "system", "s", LESS },
		       { "rate", "ops/s", MORE | USUAL },
		       { "cpu_rate", "ops/s", MORE } };

static void take(struct parsed *out, char *text)
{
	char *words[WORDS_MAX];
	unsigned n = line_words(text, words, WORDS_MAX);
	double value[NUMBERS];
	char name[96];

	if (n < 1 + NUMBERS)
		return;
	for (unsigned i = 0; i < NUMBERS; i++)
		if (!word_number(words[i + 1], &value[i]))
			return;
	for (unsigned i = 0; i < NUMBERS; i++) {
		snprintf(name, sizeof(name), "%.16s_%s", words[0], columns[i].name ? columns[i].name : "");
		if (columns[i].name)
			parsed_add(out, name, columns[i].unit, columns[i].flags, value[i]);
	}
}

void parse_stress_ng(const struct parser_text *in, struct parsed *out)
{
	struct parser_lines l = lines_of(in);

	while (lines_next(&l)) {
		char *bracket = strchr(l.line, ']');

		if (line_after(l.line, "stress-ng:") && bracket)
			take(out, bracket + 1);
	}
}
