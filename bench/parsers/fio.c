/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fio's JSON. Jobs are added up: rates, and with json+ the bins. Percentiles without bins can't be added up, so those
 * of several jobs are left out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/parsers/internal.h"

#define METRIC "completion_latency"
#define JOBS_MAX 4096
#define NAME_SIZE 64

struct sums {
	double iops, bytes_per_s, n, clat_ns, p50, p99, p999;
	unsigned jobs;
	bool bins;
};

static void add_bins(struct parsed *out, const json_t *bins)
{
	const char *ns;
	json_t *n;
	double value;

	json_object_foreach((json_t *)bins, ns, n) if (word_number(ns, &value))
		parsed_sample(out, METRIC, value, json_number_value(n));
}

static void add_job(struct parsed *out, struct sums *s, const json_t *direction)
{
	const json_t *clat = json_object_get(direction, "clat_ns");
	const json_t *percentile = json_object_get(clat, "percentile"), *bins = json_object_get(clat, "bins");
	double n = json_number_of(clat, "N");

	if (!(json_number_of(direction, "total_ios") > 0))
		return;
	s->jobs++;
	s->iops += json_number_of(direction, "iops");
	s->bytes_per_s += json_number_of(direction, "bw_bytes");
	s->n += n;
	s->clat_ns += n * json_number_of(clat, "mean");
	s->p50 = json_number_of(percentile, "50.000000");
	s->p99 = json_number_of(percentile, "99.000000");
	s->p999 = json_number_of(percentile, "99.900000");
	s->bins |= json_object_size(bins) > 0;
	add_bins(out, bins);
}

static void put(struct parsed *out, const char *direction, const char *what, const char *unit, int flags, double value)
{
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "%s_%s", direction, what);
	parsed_add(out, name, unit, flags, value);
}

static void put_direction(struct parsed *out, const struct sums *s, const char *name)
{
	int usual = s->bins ? 0 : USUAL;

	put(out, name, "iops", "/s", MORE | USUAL, s->iops);
	put(out, name, "bw", "bytes/s", MORE, s->bytes_per_s);
	if (s->n > 0)
		put(out, name, "clat_mean", "ns", LESS, s->clat_ns / s->n);
	if (s->jobs > 1 && !s->bins)
		parsed_note(out,
			    "percentiles of %u jobs can't be added up and are left out; use --output-format=json+ or "
			    "--group_reporting",
			    s->jobs);
	if (s->jobs > 1)
		return;
	if (s->p50 > 0)
		put(out, name, "clat_p50", "ns", usual, s->p50);
	if (s->p99 > 0)
		put(out, name, "clat_p99", "ns", usual, s->p99);
	if (s->p999 > 0)
		put(out, name, "clat_p99.9", "ns", LESS, s->p999);
}

/* The bins of a bucket's low value; fio knows the exact ends and the mean. */
static void put_totals(struct parsed *out, const struct sums *read, const struct sums *write, const struct sums *trim)
{
	double n = read->n + write->n + trim->n;

	if (out->metric && n >= 1 && (uint64_t)n == out->latency.count)
		out->latency.sum = read->clat_ns + write->clat_ns + trim->clat_ns;
}

void parse_fio(const struct parser_text *in, struct parsed *out)
{
	static const char *const names[] = { "read", "write", "trim" };
	json_t *json = text_json(in), *jobs = json_object_get(json, "jobs");
	struct sums sums[3] = { 0 };

	for (size_t i = 0; i < json_array_size(jobs) && i < JOBS_MAX; i++)
		for (unsigned d = 0; d < 3; d++)
			add_job(out, &sums[d], json_object_get(json_array_get(jobs, i), names[d]));
	for (unsigned d = 0; d < 3; d++)
		if (sums[d].jobs)
			put_direction(out, &sums[d], names[d]);
	put_totals(out, &sums[0], &sums[1], &sums[2]);
	json_decref(json);
}
