/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/base/figures.h"

#include <stdint.h>

static int64_t get(const void *of, const struct figure_row *row)
{
	return *(const int64_t *)((const char *)of + row->offset);
}

static void set(void *of, const struct figure_row *row, int64_t value)
{
	*(int64_t *)((char *)of + row->offset) = value;
}

void figures_unknown(void *of, const struct figure_row *rows)
{
	for (; rows->name; rows++)
		set(of, rows, -1);
}

void figures_between(const void *begin, const void *end, void *delta, const struct figure_row *rows)
{
	for (; rows->name; rows++) {
		int64_t from = get(begin, rows), to = get(end, rows);

		if (rows->how == FIGURE_COUNTS)
			to = from < 0 || to < from ? -1 : to - from;
		set(delta, rows, to);
	}
}

json_t *figures_json(const void *of, const struct figure_row *rows)
{
	json_t *object = json_object();

	for (; rows->name; rows++) {
		int64_t value = get(of, rows);

		json_object_set_new(object, rows->name, value < 0 ? json_null() : json_integer(value));
	}
	return object;
}
