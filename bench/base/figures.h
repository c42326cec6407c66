/* SPDX-License-Identifier: GPL-2.0-only */
/* Structures of int64_t figures, by a table of their members: their difference and their JSON. -1: not known. */
#ifndef KTSTR_BENCH_BASE_FIGURES_H
#define KTSTR_BENCH_BASE_FIGURES_H

#include <jansson.h>
#include <stddef.h>

struct figure_row {
	const char *name; /* with its unit; NULL: the last */
	size_t offset;
	enum { FIGURE_COUNTS, FIGURE_IS } how; /* the difference of two counts; what is, is that of the end */
};

/* Set all figures of @of to -1. */
void figures_unknown(void *of, const struct figure_row *rows);
void figures_between(const void *begin, const void *end, void *delta, const struct figure_row *rows);
/* null for what is not known */
json_t *figures_json(const void *of, const struct figure_row *rows);

#endif
