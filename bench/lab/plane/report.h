/* SPDX-License-Identifier: GPL-2.0-only */
/* The table, the goals, and both as JSON. */
#ifndef KTSTR_BENCH_LAB_PLANE_REPORT_H
#define KTSTR_BENCH_LAB_PLANE_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "bench/lab/plane/cell.h"

struct results {
	unsigned rounds, n_cells;
	double seconds;
	uint64_t poll_ns;
	const char *poll_reason;
	double load[2]; /* the machine's load average before and after */
	struct cell *cell;
};

void report_print(FILE *f, const struct results *r);
json_t *report_json(const struct results *r);

#endif
