/* SPDX-License-Identifier: GPL-2.0-only */
/* One result file: its metrics, and the curve of each workload's latency. */
#ifndef KTSTR_BENCH_REPORT_RUN_H
#define KTSTR_BENCH_REPORT_RUN_H

#include <jansson.h>
#include <stdint.h>

#include "bench/result/validity.h"

#define CURVES_MAX 32 /* of one run: more workloads than that have no curve */

/* Points of a curve, by -log10(1 - quantile): each decade of what lies above it has the same width. To p99.9. */
#define CURVE_DECADE 24
#define CURVE_POINTS (3 * CURVE_DECADE + 1)
double curve_quantile(unsigned point);

struct run_curve {
	char name[96]; /* "wakeup.wakeup_latency", as the metrics' names begin */
	uint64_t samples;
	double ns[CURVE_POINTS];
};

struct run_value {
	char name[96];
	double value;
};

struct report_run {
	unsigned cell, nth; /* of that cell */
	char *file;	    /* below the directory */
	long position;	    /* in the order of all boots, from 1; 0: not known */
	long attempt;
	char boot_id[48];
	char scheduler[128], kernel[128]; /* "": it did not come as far */
	struct validity validity;
	struct run_value *value;
	unsigned n_values;
	struct run_curve *curve;
	unsigned n_curves;
	json_t *noise; /* an object, or NULL */
};

/* Reads @path into @r, which is zeroed; one that can't be read is "failed". 0 or -ENOMEM; run_free() in any case. */
int run_read(struct report_run *r, const char *path);
void run_free(struct report_run *r);

/* The value of metric @name; NaN: this run has none. */
double run_value(const struct report_run *r, const char *name);
/* The curve of @name; NULL: this run has none. */
const struct run_curve *run_curve(const struct report_run *r, const char *name);

#endif
