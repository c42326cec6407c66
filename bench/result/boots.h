/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One side of a comparison: the results of several boots (files of ktstr bench --json), as one number a boot and
 * metric; and what the boots ran on, so that nobody compares unlike things unawares.
 */
#ifndef KTSTR_BENCH_RESULT_BOOTS_H
#define KTSTR_BENCH_RESULT_BOOTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "bench/result/summary.h"
#include "bench/result/validity.h"

#define METRICS_MAX 256
#define BOOTS_MAX 200
#define TRAITS 9

struct metric {
	char name[96]; /* "messaging.message_latency.p99" */
	char unit[8];  /* "ns", "/s", "" */
	bool more_is_better;
	bool usual; /* judged unless others are asked for: p50, p99 and the rate */
	double value[BOOTS_MAX];
	unsigned n;
};

struct boots {
	char label[96];
	unsigned n; /* valid ones: all else here is theirs alone */
	struct metric *metric[METRICS_MAX];
	unsigned n_metrics;
	/* The kernel, host and so on of the first boot, and whether those of others differ; by boots_trait_name(). */
	char trait[TRAITS][128];
	bool mixed[TRAITS];
	/* By status: how many others there were, and the first reason of each kind. */
	unsigned other[VALIDITY_STATUSES];
	char why[VALIDITY_STATUSES][VALIDITY_REASON_SIZE];
};

const char *boots_trait_name(unsigned i);
/* The scheduler is what usually differs. */
#define TRAIT_SCHEDULER 0
#define TRAIT_KERNEL 1

/*
 * @path: a result file, or a directory with one or more ("*.json"), of which one at least is valid. 0; or -errno and
 * @why: one line that names the file. boots_free() in any case; @b is zeroed.
 */
int boots_read(struct boots *b, const char *path, char *why, size_t size);
/* One boot's result, schema "ktstr-bench/1"; false: it is none. One that is not valid is only counted. */
bool boots_add(struct boots *b, const json_t *result);
void boots_free(struct boots *b);
const struct metric *boots_find(const struct boots *b, const char *name);

#endif
