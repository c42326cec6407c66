/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/parsers/internal.h"

void parse_hackbench(const struct parser_text *in, struct parsed *out)
{
	struct parser_lines l = lines_of(in);
	double seconds;

	while (lines_next(&l)) {
		const char *time = line_after(l.line, "Time:");

		if (time && word_number(time, &seconds))
			parsed_add(out, "time", "s", LESS | USUAL, seconds);
	}
}
