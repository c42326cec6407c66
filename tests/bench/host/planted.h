/* SPDX-License-Identifier: GPL-2.0-only */
/* Files of a tree that a test plants in the place of /proc and /sys. cmocka.h is included before. */
#ifndef KTSTR_TESTS_BENCH_HOST_PLANTED_H
#define KTSTR_TESTS_BENCH_HOST_PLANTED_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* The file @fmt below @root: @text and a newline. Its directories are made. */
__attribute__((format(printf, 3, 4))) static inline void planted_put(const char *root, const char *text,
								     const char *fmt, ...)
{
	char path[512], below[256];
	va_list ap;
	FILE *f;

	va_start(ap, fmt);
	vsnprintf(below, sizeof(below), fmt, ap);
	va_end(ap);
	snprintf(path, sizeof(path), "%s/%s", root, below);
	for (char *slash = path + strlen(root); (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "%s\n", text);
	fclose(f);
}

#endif
