/* SPDX-License-Identifier: GPL-2.0-only */
/* Lines of the files that have settings. */
#ifndef KTSTR_BENCH_CLI_LINE_H
#define KTSTR_BENCH_CLI_LINE_H

#include <string.h>

/* @s without the blanks around it; it is cut. */
static inline char *line_trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n && strchr(" \t\r\n", s[n - 1]))
		s[--n] = '\0';
	return s;
}

#endif
