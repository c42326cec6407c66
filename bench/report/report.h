/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A directory of results as one page of HTML that needs nothing else: no network, no script, no other file. Charts are
 * SVG with a table beside each.
 */
#ifndef KTSTR_BENCH_REPORT_REPORT_H
#define KTSTR_BENCH_REPORT_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "bench/report/collection.h"
#include "bench/result/verdict.h"

struct report_options {
	struct gates gates;
	enum correction correction;
	const char *metric; /* a glob, or NULL: the usual ones */
	bool across;	    /* judge also where more than the scheduler differs */
};

/* 0 or -ENOMEM; errors of @f are for the caller to look for (ferror). */
int report_write(FILE *f, const struct collection *c, const struct report_options *o);

#endif
