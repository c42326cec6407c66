/* SPDX-License-Identifier: GPL-2.0-only */
/* perf bench: "Total time: 0.863 [sec]", "9.9 usecs/op", "100928 ops/sec"; with -f simple one number, in seconds. */
#include <string.h>

#include "bench/parsers/internal.h"

static void take(struct parsed *out, char *line)
{
	const char *total = line_after(line, "Total time:");
	char *words[3];
	double value;
	unsigned n;

	if (total) {
		if (strstr(total, "[sec]") && text_number(total, &value))
			parsed_add(out, "time", "s", LESS | USUAL, value);
		return;
	}
	n = line_words(line, words, 3);
	if (!n || n > 2 || !word_number(words[0], &value))
		return;
	if (n == 1)
		parsed_add(out, "time", "s", LESS | USUAL, value);
	else if (!strcmp(words[1], "usecs/op"))
		parsed_add(out, "time_per_op", "ns", LESS, value * 1000);
	else if (!strcmp(words[1], "ops/sec"))
		parsed_add(out, "ops", "/s", MORE, value);
}

void parse_perf(const struct parser_text *in, struct parsed *out)
{
	struct parser_lines l = lines_of(in);

	while (lines_next(&l))
		if (*l.line != '#')
			take(out, l.line);
}
