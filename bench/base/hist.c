/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/base/hist.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#define HIST_LINEAR (1u << HIST_LINEAR_BITS)
#define PPM 1000000u

static unsigned bucket_of(uint64_t value)
{
	unsigned shift;

	if (value < HIST_LINEAR)
		return (unsigned)value;
	if (value >> HIST_VALUE_BITS)
		return HIST_BUCKETS - 1;
	/* The top LINEAR_BITS bits: value >> shift is in [HALF, LINEAR). */
	shift = 64 - HIST_LINEAR_BITS - (unsigned)__builtin_clzll(value);
	return shift * HIST_HALF + (unsigned)(value >> shift);
}

uint64_t hist_lowest(unsigned i)
{
	unsigned shift;

	assert(i < HIST_BUCKETS);
	if (i < HIST_LINEAR)
		return i;
	shift = i / HIST_HALF - 1;
	return (uint64_t)(i - shift * HIST_HALF) << shift;
}

uint64_t hist_highest(unsigned i)
{
	return i + 1 < HIST_BUCKETS ? hist_lowest(i + 1) - 1 : (UINT64_C(1) << HIST_VALUE_BITS) - 1;
}

void hist_init(struct hist *h)
{
	memset(h, 0, sizeof(*h));
}

void hist_record_n(struct hist *h, uint64_t value, uint64_t n)
{
	if (!n)
		return;
	if (!h->count || value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
	if (value >> HIST_VALUE_BITS)
		h->overflows += n;
	h->count += n;
	h->sum += (double)value * (double)n;
	h->bucket[bucket_of(value)] += n;
}

void hist_record(struct hist *h, uint64_t value)
{
	hist_record_n(h, value, 1);
}

void hist_merge(struct hist *into, const struct hist *from)
{
	if (!from->count)
		return;
	if (!into->count || from->min < into->min)
		into->min = from->min;
	if (from->max > into->max)
		into->max = from->max;
	into->count += from->count;
	into->sum += from->sum;
	into->overflows += from->overflows;
	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		into->bucket[i] += from->bucket[i];
}

double hist_mean(const struct hist *h)
{
	return h->count ? h->sum / (double)h->count : 0;
}

uint64_t hist_quantile(const struct hist *h, unsigned ppm)
{
	uint64_t rank = (uint64_t)(((unsigned __int128)h->count * ppm + PPM - 1) / PPM);
	uint64_t seen = 0;

	if (!h->count)
		return 0;
	if (!rank)
		return h->min;
	/* The last bucket has no upper bound: overflows are in it. */
	for (unsigned i = 0; i < HIST_BUCKETS - 1; i++) {
		seen += h->bucket[i];
		if (seen >= rank)
			return hist_highest(i) < h->max ? hist_highest(i) : h->max;
	}
	return h->max;
}

uint64_t hist_between(const struct hist *h, uint64_t low, uint64_t high)
{
	uint64_t n = 0;

	for (unsigned i = bucket_of(low); i < HIST_BUCKETS && hist_lowest(i) < high; i++)
		if (hist_lowest(i) >= low)
			n += h->bucket[i];
	return n;
}

void hist_write_json(const struct hist *h, FILE *f)
{
	const char *comma = "";

	fprintf(f, "{\"count\":%" PRIu64 ",\"min\":%" PRIu64 ",\"max\":%" PRIu64 ",\"sum\":%.0f,\"buckets\":[",
		h->count, h->min, h->max, h->sum);
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		if (!h->bucket[i])
			continue;
		fprintf(f, "%s[%" PRIu64 ",%" PRIu64 "]", comma, hist_lowest(i), h->bucket[i]);
		comma = ",";
	}
	fputs("]}", f);
}

void hist_restore(struct hist *h, uint64_t lowest, uint64_t n)
{
	hist_record_n(h, lowest, n);
}

bool hist_restore_totals(struct hist *h, uint64_t count, uint64_t min, uint64_t max, double sum)
{
	if (count != h->count || min > max)
		return false;
	if (count && (bucket_of(min) != bucket_of(h->min) || bucket_of(max) != bucket_of(h->max)))
		return false;
	h->min = min;
	h->max = max;
	h->sum = sum;
	h->overflows = 0;
	/* The last bucket also counts overflows. If the maximum overflowed, assume that all of them did. */
	if (max >> HIST_VALUE_BITS)
		h->overflows = h->bucket[HIST_BUCKETS - 1];
	return true;
}
