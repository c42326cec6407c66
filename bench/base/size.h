/* SPDX-License-Identifier: GPL-2.0-only */
/* Human-readable sizes, durations and numbers, parsed from options and formatted for tables. */
#ifndef KTSTR_BENCH_BASE_SIZE_H
#define KTSTR_BENCH_BASE_SIZE_H

#include <stddef.h>
#include <stdint.h>

/* A decimal whole number from @min to @max, without sign or spaces. 0, -EINVAL, or -ERANGE. */
int number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *out);
/*
 * Bytes: "4096", "64k", "256M", "1.5G", "1T", binary multiples; "MiB" is
 * accepted for "M". 0, -EINVAL, or -ERANGE if it does not fit 63 bits.
 */
int size_parse(const char *text, uint64_t *bytes);
/* A count: "3000", "3k", "1.5M", decimal multiples. As size_parse(). */
int count_parse(const char *text, uint64_t *count);
/* Nanoseconds: "5s", "500ms", "2m", "1h", "0.5s"; a number alone is seconds. */
int duration_parse(const char *text, uint64_t *ns);

#define SIZE_TEXT 24
/* "256 MiB", "1.5 GiB", "512 B" */
const char *size_format(char text[SIZE_TEXT], uint64_t bytes);
/* "850 ns", "12.3 us", "4.07 ms", "1.25 s": three digits */
const char *duration_format(char text[SIZE_TEXT], uint64_t ns);
/* "950", "12.3 k", "4.07 M" */
const char *number_format(char text[SIZE_TEXT], double value);

#endif
