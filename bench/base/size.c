/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/base/size.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
	const char *name;
	double factor;
};

int number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	char *end;
	unsigned long long n;

	/* strtoull() accepts "-1" and " 1". */
	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (*end)
		return -EINVAL;
	if (errno || n < min || n > max)
		return -ERANGE;
	*out = n;
	return 0;
}

/* "NUMBER[.DIGITS]UNIT" times the unit's factor, which is exact up to 2^53. */
static int scaled_parse(const char *text, const struct unit *units, uint64_t *out)
{
	char digits[32];
	size_t n = strspn(text, "0123456789.");
	const char *dot = memchr(text, '.', n);
	double value;

	if (!isdigit((unsigned char)*text) || n >= sizeof(digits) ||
	    (dot && memchr(dot + 1, '.', n - (dot + 1 - text))))
		return -EINVAL;
	memcpy(digits, text, n);
	digits[n] = '\0';
	value = strtod(digits, NULL);
	for (; units->name; units++) {
		if (strcasecmp(text + n, units->name))
			continue;
		value *= units->factor;
		if (value >= 0x1p63)
			return -ERANGE;
		*out = (uint64_t)(value + 0.5);
		return 0;
	}
	return -EINVAL;
}

int size_parse(const char *text, uint64_t *bytes)
{
	static const struct unit units[] = {
		{ "", 1 },	 { "b", 1 },	    { "k", 0x1p10 }, { "kib", 0x1p10 },
		{ "m", 0x1p20 }, { "mib", 0x1p20 }, { "g", 0x1p30 }, { "gib", 0x1p30 },
		{ "t", 0x1p40 }, { "tib", 0x1p40 }, { NULL, 0 },
	};

	return scaled_parse(text, units, bytes);
}

int count_parse(const char *text, uint64_t *count)
{
	static const struct unit units[] = { { "", 1 }, { "k", 1e3 }, { "m", 1e6 }, { "g", 1e9 }, { NULL, 0 } };

	return scaled_parse(text, units, count);
}

int duration_parse(const char *text, uint64_t *ns)
{
	static const struct unit units[] = {
		{ "", 1e9 },   { "s", 1e9 },	{ "ms", 1e6 },	 { "us", 1e3 }, { "ns", 1 },
		{ "m", 60e9 }, { "min", 60e9 }, { "h", 3600e9 }, { NULL, 0 },
	};

	return scaled_parse(text, units, ns);
}

/* Three digits: 1.23, 12.3, 123. Values beyond the last unit keep all their digits. */
static void scaled_format(char text[SIZE_TEXT], double value, double step, const char *const *units)
{
	/* 999.5 would round to 1000 */
	while (value >= (step == 1000 ? 999.5 : step) && units[1]) {
		value /= step;
		units++;
	}
	snprintf(text, SIZE_TEXT, "%.*f%s%s",
		 value == floor(value) ? 0
		 : value < 9.995       ? 2
		 : value < 99.95       ? 1
				       : 0,
		 value, **units ? " " : "", *units);
}

const char *size_format(char text[SIZE_TEXT], uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", NULL };

	scaled_format(text, (double)bytes, 1024, units);
	return text;
}

const char *duration_format(char text[SIZE_TEXT], uint64_t ns)
{
	static const char *const units[] = { "ns", "us", "ms", "s", NULL };

	scaled_format(text, (double)ns, 1000, units);
	return text;
}

const char *number_format(char text[SIZE_TEXT], double value)
{
	static const char *const units[] = { "", "k", "M", "G", NULL };

	scaled_format(text, value, 1000, units);
	return text;
}
