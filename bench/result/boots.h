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

#include "bench/result/metrics.h"
#include "bench/result/validity.h"

#define TRAITS_OF_MACHINE 9
#define TRAITS (TRAITS_OF_MACHINE + 5)
#define CAVEATS_MAX 4

struct boots {
	char label[96];
	unsigned n; /* valid ones: all else here is theirs alone */
	struct metric *metric[METRICS_MAX];
	unsigned n_metrics;
	/* The kernel, host and so on of the first boot, and whether those of others differ; by boots_trait_name(). */
	char trait[TRAITS][128];
	bool mixed[TRAITS];
	/* What makes figures less than those of the same kernel on hardware: a nested host, emulation, debug options.
	 */
	char caveat[CAVEATS_MAX][128];
	unsigned n_caveats;
	/* By status: how many others there were, and the first reason of each kind. */
	unsigned other[VALIDITY_STATUSES];
	char why[VALIDITY_STATUSES][VALIDITY_REASON_SIZE];
};

const char *boots_trait_name(unsigned i);
/* The scheduler is what usually differs. */
#define TRAIT_SCHEDULER 0
#define TRAIT_KERNEL 1
#define TRAIT_SHAPE 2
#define TRAIT_HOST 4
#define TRAIT_HOST_CPU 5
#define TRAIT_HOST_KERNEL 6
#define TRAIT_SCHEDULER_FILE (TRAITS - 1)
#define TRAIT_UNKNOWN "unknown"

/*
 * @path: a result file, or a directory with one or more ("*.json"), of which one at least is valid. 0; or -errno and
 * @why: one line that names the file. boots_free() in any case; @b is zeroed.
 */
int boots_read(struct boots *b, const char *path, char *why, size_t size);
/* That there are results and none is valid is no error of boots_read_any(): @b has their number and why they are not.
 */
int boots_read_any(struct boots *b, const char *path, char *why, size_t size);
/* One boot's result, schema "ktstr-bench/1"; false: it is none. One that is not valid is only counted. */
bool boots_add(struct boots *b, const json_t *result);
void boots_free(struct boots *b);
const struct metric *boots_find(const struct boots *b, const char *name);

#endif
