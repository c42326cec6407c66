/* SPDX-License-Identifier: GPL-2.0-only */
/* What workloads measured, as metrics: one number a boot each. */
#ifndef KTSTR_BENCH_RESULT_METRICS_H
#define KTSTR_BENCH_RESULT_METRICS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define METRICS_MAX 256
#define BOOTS_MAX 200

struct metric {
	char name[96];	   /* "messaging.message_latency.p99" */
	char workload[64]; /* "messaging", "wakeup#2" */
	char title[56];	   /* "message_latency p99": the name within its workload */
	char unit[8];	   /* "ns", "/s", "" */
	bool more_is_better;
	bool usual;    /* judged unless others are asked for: p50, p99 and the rate */
	bool of_shape; /* of the table of quantiles alone, never judged */
	unsigned ppm;  /* of a percentile; 0: it is none */
	double value[BOOTS_MAX];
	unsigned n;
	/*
	 * The squares of the errors that a percentile has since a boot had only so many samples, summed over the boots:
	 * by the percentiles one standard error of the rank below and above.
	 */
	double within;
	unsigned lacking;	/* boots with too few samples for this percentile, which have no value here */
	uint64_t least_samples; /* of any boot; 0 where that is no matter */
};

/*
 * Each of one boot's "results", added to those of boots before it: METRICS_MAX @metrics at most, to free(), of which
 * there are @n. False: one of them is malformed, or no memory.
 */
bool metrics_add(struct metric **metrics, unsigned *n, const json_t *results);
struct metric *metrics_find(struct metric *const *metrics, unsigned n, const char *name);

#endif
