/* SPDX-License-Identifier: GPL-2.0-only */
/* Results for people and for programs: tables, histograms in text, JSON. */
#ifndef KTSTR_BENCH_RESULT_REPORT_H
#define KTSTR_BENCH_RESULT_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "bench/base/hist.h"

#define REPORT_SAMPLES_MIN 1000

/* What one workload measured. */
struct report_result {
	json_t *source; /* the guest's own line, borrowed */
	const char *workload, *metric;
	struct hist latency;
	bool has_second; /* a latency of another kind */
	struct hist second;
};

/* From a line of ktstr-workload; false: not one, or it contradicts itself. */
bool report_result_read(struct report_result *r, json_t *line);
/* The line with samples, mean and percentiles added. */
json_t *report_result_json(const struct report_result *r);

/* A row for each: N, p50, p90, p99, p99.9, max. */
void report_table(FILE *f, const struct report_result *const *results, unsigned n);
/* A line for each octave from the least to the greatest value. */
void report_histogram(FILE *f, const struct report_result *r);
/* provenance.c: where the figures came from, out of machine_facts(). 0; or -EINVAL and @why names a key that is missing
 * or wrong, and nothing is printed. */
int report_provenance(FILE *f, const json_t *facts, char *why, size_t size);
/* "EEVDF", "CFS" (before 6.6), or the sched_ext scheduler's name. */
void report_scheduler(const json_t *environment, char *text, size_t size);

#endif
