/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/base/why.h"

#include <stdarg.h>
#include <stdio.h>

int why_fail(char *why, size_t size, int error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, size, fmt, args);
	va_end(args);
	return error;
}
