/* SPDX-License-Identifier: GPL-2.0-only */
/* The line with which a function says why it failed, left to its caller to print. */
#ifndef KTSTR_BENCH_BASE_WHY_H
#define KTSTR_BENCH_BASE_WHY_H

#include <stddef.h>

/* Writes the line to @why, cut at @size. Returns @error. */
__attribute__((format(printf, 4, 5))) int why_fail(char *why, size_t size, int error, const char *fmt, ...);

#endif
