/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/base/bits.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned bits_count(const struct bits *b)
{
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(b->word) / sizeof(*b->word); i++)
		n += (unsigned)__builtin_popcountl(b->word[i]);
	return n;
}

bool bits_equal(const struct bits *a, const struct bits *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static int number(const char **at)
{
	char *end;
	long n;

	if (!isdigit((unsigned char)**at))
		return -EINVAL;
	n = strtol(*at, &end, 10);
	*at = end;
	return n < BITS_MAX ? (int)n : -EINVAL;
}

int bits_parse(struct bits *b, const char *text)
{
	memset(b, 0, sizeof(*b));
	text += strspn(text, " \t\n");
	while (*text) {
		int first = number(&text), last = first;

		if (*text == '-') {
			text++;
			last = number(&text);
		}
		if (first < 0 || last < first)
			return -EINVAL;
		for (int i = first; i <= last; i++)
			bits_add(b, (unsigned)i);
		if (*text == ',' && text[1])
			text++;
		else if (text[strspn(text, " \t\n")])
			return -EINVAL;
		else
			break;
	}
	return 0;
}

const char *bits_format(const struct bits *b, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < BITS_MAX && len < size; i++) {
		unsigned first = i;

		if (!bits_has(b, i))
			continue;
		while (bits_has(b, i + 1))
			i++;
		len += (size_t)snprintf(text + len, size - len, first < i ? "%s%u-%u" : "%s%u", len ? "," : "", first,
					i);
	}
	return text;
}
