/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/base/say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *(*say_origin)(const char *message);

const char *say_limit(int error)
{
	switch (error) {
	case EMFILE:
		return "raise the limit of open files (ulimit -n)";
	case ENFILE:
		return "raise the machine's limit of open files (sysctl fs.file-max)";
	case ENOMEM:
		return "free memory, or raise the limit of locked memory (ulimit -l)";
	case EAGAIN:
		return "raise the limit of processes (ulimit -u)";
	case EPERM:
	case ENOSYS:
		return "this system does not allow it; see ktstr doctor";
	default:
		return "see ktstr doctor";
	}
}

/* Any step may run out of descriptors. Its message ends with strerror(), and the remedy is always the same. */
static void add_limit(char *line, size_t size)
{
	static const int limits[] = { EMFILE, ENFILE };
	size_t n = strlen(line);

	for (unsigned i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		const char *text = strerror(limits[i]);
		size_t len = strlen(text);

		if (n >= len && !strcmp(line + n - len, text))
			snprintf(line + n, size - n, "; %s", say_limit(limits[i]));
	}
}

static void print(const char *fmt, va_list ap)
{
	char line[1024];
	const char *origin;

	vsnprintf(line, sizeof(line), fmt, ap);
	/* Names may contain newlines; a message is one line. */
	for (char *p = line; *p; p++)
		if (*p == '\n')
			*p = ' ';
	add_limit(line, sizeof(line));
	origin = say_origin ? say_origin(line) : NULL;
	if (origin)
		fprintf(stderr, "ktstr: %s (%s)\n", line, origin);
	else
		fprintf(stderr, "ktstr: %s\n", line);
}

void say_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print(fmt, ap);
	va_end(ap);
}

void say_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print(fmt, ap);
	va_end(ap);
	exit(EXIT_USAGE);
}
