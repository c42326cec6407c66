/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A latency histogram of fixed size, log-linear like HDR's: values below 2048
 * have a bucket each, every octave above has 1024, up to 2^43 ns (2.4 hours).
 * A percentile is therefore never below the true one and at most 1/1024 of it
 * above: three significant digits. Allocates nothing and needs no library,
 * since the guest's workload uses it too.
 */
#ifndef KTSTR_BENCH_BASE_HIST_H
#define KTSTR_BENCH_BASE_HIST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define HIST_LINEAR_BITS 11 /* buckets of width 1 */
#define HIST_VALUE_BITS 43
#define HIST_HALF (1u << (HIST_LINEAR_BITS - 1)) /* buckets of an octave */
#define HIST_BUCKETS ((1u << HIST_LINEAR_BITS) + (HIST_VALUE_BITS - HIST_LINEAR_BITS) * HIST_HALF)

struct hist {
	uint64_t count;
	uint64_t min, max; /* exact; 0 when empty */
	double sum;
	uint64_t overflows; /* values of 2^43 and more: counted in the last bucket */
	uint64_t bucket[HIST_BUCKETS];
};

void hist_init(struct hist *h);
void hist_record(struct hist *h, uint64_t value);
/* @n times the same value. */
void hist_record_n(struct hist *h, uint64_t value, uint64_t n);
void hist_merge(struct hist *into, const struct hist *from);
double hist_mean(const struct hist *h);

/*
 * The quantile @ppm / 1000000 (990000: p99) by the nearest-rank rule: the highest
 * value of its bucket, capped at max. 0 when empty. Computed in integers, so that
 * p99.9 of 1000 samples is the 999th and not the 1000th.
 */
uint64_t hist_quantile(const struct hist *h, unsigned ppm);
/* Samples in [low, high). A bucket counts as a whole, by its lowest value. */
uint64_t hist_between(const struct hist *h, uint64_t low, uint64_t high);

/* The bounds of bucket @i: lowest value, and highest. */
uint64_t hist_lowest(unsigned i);
uint64_t hist_highest(unsigned i);

/*
 * Sparse JSON: {"count":,"min":,"max":,"sum":,"buckets":[[lowest value, count],...]}.
 * Values rather than bucket indexes, so that a reader need not know the bucket layout.
 */
void hist_write_json(const struct hist *h, FILE *f);
/* The reverse: first each pair, then the exact totals. False: the totals contradict the pairs. */
void hist_restore(struct hist *h, uint64_t lowest, uint64_t n);
bool hist_restore_totals(struct hist *h, uint64_t count, uint64_t min, uint64_t max, double sum);

#endif
