/* SPDX-License-Identifier: GPL-2.0-only */
/* Any program: lines of NAME VALUE [UNIT [more|less]]. Lines of another form are not for us. */
#include <ctype.h>
#include <string.h>

#include "bench/parsers/internal.h"

static bool is_rate(const char *unit)
{
	size_t n = strlen(unit);

	return (n >= 2 && !strcmp(unit + n - 2, "/s")) || (n >= 4 && !strcmp(unit + n - 4, "/sec"));
}

void parse_lines(const struct parser_text *in, struct parsed *out)
{
	struct parser_lines l = lines_of(in);

	while (lines_next(&l)) {
		char *words[5];
		unsigned n = line_words(l.line, words, 5);
		double value;
		size_t length;
		bool more;

		if (n < 2 || n > 4 || !isalpha((unsigned char)*words[0]) || !word_number(words[1], &value))
			continue;
		if (n == 4 && strcmp(words[3], "more") && strcmp(words[3], "less"))
			continue;
		more = n == 4 ? !strcmp(words[3], "more") : n == 3 && is_rate(words[2]);
		length = strlen(words[0]);
		/* "NAME: VALUE" and "NAME= VALUE" */
		if (strchr(":=", words[0][length - 1]))
			words[0][length - 1] = '\0';
		parsed_add(out, words[0], n > 2 ? words[2] : "", USUAL | (more ? MORE : LESS), value);
	}
}
