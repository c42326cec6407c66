/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/result/export.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/base/json.h"
#include "bench/result/report.h"

#define BLOCK 4096 /* of each request of the io-* workloads */

static const json_t *facts_of(const json_t *result)
{
	return json_object_get(json_object_get(json_object_get(result, "machine"), "guest"), "environment");
}

static double stddev(const struct hist *h)
{
	double mean = hist_mean(h), sum = 0;

	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		double middle = ((double)hist_lowest(i) + (double)hist_highest(i)) / 2;

		sum += (double)h->bucket[i] * (middle - mean) * (middle - mean);
	}
	return h->count ? sqrt(sum / (double)h->count) : 0;
}

/* --- fio ---------------------------------------------------------------- */

static const struct {
	const char *workload, *direction;
} fio_jobs[] = {
	{ "io-randread", "read" }, { "io-randwrite", "write" }, { "io-fsync", "write" }, { "io-tmpfs", "read" }
};

static const char *direction_of(const char *workload)
{
	for (unsigned i = 0; i < sizeof(fio_jobs) / sizeof(*fio_jobs); i++)
		if (!strcmp(fio_jobs[i].workload, workload))
			return fio_jobs[i].direction;
	return NULL;
}

static json_t *percentiles(const struct hist *h)
{
	/* fio's own list. */
	static const unsigned ppm[] = { 10000,	50000,	100000, 200000, 300000, 400000, 500000, 600000, 700000,
					800000, 900000, 950000, 990000, 995000, 999000, 999500, 999900 };
	json_t *object = json_object();
	char key[32];

	for (unsigned i = 0; i < sizeof(ppm) / sizeof(*ppm); i++) {
		snprintf(key, sizeof(key), "%u.%06u", ppm[i] / 10000, ppm[i] % 10000 * 100);
		json_put_count(object, key, hist_quantile(h, ppm[i]));
	}
	return object;
}

static json_t *summary(const struct hist *h)
{
	return json_pack("{sI sI sf sf sI}", "min", (json_int_t)h->min, "max", (json_int_t)h->max, "mean", hist_mean(h),
			 "stddev", stddev(h), "N", (json_int_t)h->count);
}

static json_t *latency(const struct hist *h)
{
	json_t *object = summary(h), *bins = json_object();
	char key[32];

	if (!h->count) {
		json_decref(bins);
		return object;
	}
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		if (!h->bucket[i])
			continue;
		snprintf(key, sizeof(key), "%llu", (unsigned long long)hist_lowest(i));
		json_put_count(bins, key, h->bucket[i]);
	}
	json_object_set_new(object, "percentile", percentiles(h));
	json_object_set_new(object, "bins", bins);
	return object;
}

static json_t *direction_json(const struct hist *h, double seconds)
{
	double iops = seconds > 0 ? (double)h->count / seconds : 0;

	return json_pack("{sI sI sI sI sf sI sI so so}", "io_bytes", (json_int_t)(h->count * BLOCK), "io_kbytes",
			 (json_int_t)(h->count * BLOCK / 1024), "bw_bytes", (json_int_t)(iops * BLOCK), "bw",
			 (json_int_t)(iops * BLOCK / 1024), "iops", iops, "runtime", (json_int_t)(seconds * 1000),
			 "total_ios", (json_int_t)h->count, "clat_ns", latency(h), "lat_ns", summary(h));
}

static json_t *fio_job(const struct report_result *r, const char *direction)
{
	static const char *const directions[] = { "read", "write", "trim" };
	double seconds = json_number_value(json_object_get(r->source, "measured_ns")) / 1e9;
	static const struct hist none;
	json_t *job = json_pack("{ss si si si s{ss ss}}", "jobname", r->workload, "groupid", 0, "error", 0, "elapsed",
				(int)ceil(seconds < 1e6 ? seconds : 1e6), "job options", "name", r->workload, "bs",
				"4k");

	for (unsigned i = 0; i < 3; i++)
		json_object_set_new(
			job, directions[i],
			direction_json(strcmp(directions[i], direction) != 0 ? &none : &r->latency, seconds));
	json_put_count(job, "job_runtime", (uint64_t)(seconds < 1e6 ? seconds * 1000 : 0));
	return job;
}

json_t *export_fio(const json_t *result)
{
	const json_t *results = json_object_get(result, "results");
	struct report_result *r = malloc(sizeof(*r));
	json_t *jobs = json_array();

	for (size_t i = 0; r && i < json_array_size(results); i++) {
		const char *direction;

		if (!report_result_read(r, json_array_get(results, i)))
			continue;
		direction = direction_of(r->workload);
		if (direction)
			json_array_append_new(jobs, fio_job(r, direction));
	}
	free(r);
	if (!json_array_size(jobs)) {
		json_decref(jobs);
		return NULL;
	}
	return json_pack("{ss so so}", "fio version", "ktstr-" KTSTR_VERSION, "jobs", jobs, "disk_util", json_array());
}

/* --- schbench ----------------------------------------------------------- */

static json_t *schbench_json(const json_t *result, const struct report_result *r)
{
	static const struct {
		unsigned ppm;
		const char *key;
	} quantiles[] = { { 200000, "wakeup_latency_pct20.0" },
			  { 500000, "wakeup_latency_pct50.0" },
			  { 900000, "wakeup_latency_pct90.0" },
			  { 990000, "wakeup_latency_pct99.0" },
			  { 999000, "wakeup_latency_pct99.9" } };
	const json_t *environment = facts_of(result);
	const char *ops = json_string_value(json_object_get(environment, "sched_ext"));
	json_t *values = json_object(), *normal = json_object();

	json_put_text(normal, "version", json_string_value(json_object_get(environment, "kernel")));
	json_put_text(normal, "hostname", "ktstr");
	json_put_text(normal, "sched_ext", ops ? ops : "disabled");
	json_put_text(normal, "cmdline", "ktstr bench wakeup");
	/* Microseconds, as schbench has them. */
	for (unsigned i = 0; i < sizeof(quantiles) / sizeof(*quantiles); i++)
		json_put_count(values, quantiles[i].key, hist_quantile(&r->latency, quantiles[i].ppm) / 1000);
	json_put_count(values, "wakeup_latency_min", r->latency.min / 1000);
	json_put_count(values, "wakeup_latency_max", r->latency.max / 1000);
	json_put_count(values, "runtime",
		       (uint64_t)(json_number_value(json_object_get(r->source, "measured_ns")) / 1e9));
	return json_pack("{so so}", "normal", normal, "int", values);
}

json_t *export_schbench(const json_t *result)
{
	const json_t *results = json_object_get(result, "results");
	struct report_result *r = malloc(sizeof(*r));
	json_t *json = NULL;

	for (size_t i = 0; r && !json && i < json_array_size(results); i++)
		if (report_result_read(r, json_array_get(results, i)) && !strcmp(r->workload, "wakeup"))
			json = schbench_json(result, r);
	free(r);
	return json;
}
