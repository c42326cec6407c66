/* SPDX-License-Identifier: GPL-2.0-only */
/* A scheduler's output with its name before each line, the same in the guest and on the host. */
#ifndef KTSTR_BPF_NAMED_LINES_H
#define KTSTR_BPF_NAMED_LINES_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Writes @data to @f; @in_line: the bytes before did not end their line. Returns whether these did not either. */
static inline bool named_lines_put(FILE *f, const char *name, bool in_line, const void *data, size_t len)
{
	const char *at = data;

	while (len) {
		const char *end = memchr(at, '\n', len);
		size_t part = end ? (size_t)(end - at) + 1 : len;

		if (!in_line)
			fprintf(f, "%s: ", name);
		fwrite(at, 1, part, f);
		in_line = !end;
		at += part;
		len -= part;
	}
	return in_line;
}

#endif
