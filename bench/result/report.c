/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/result/report.h"

#include <inttypes.h>
#include <string.h>

#include "bench/base/size.h"

#define BAR 40
#define LABEL 12

static const struct quantile {
	const char *name;
	unsigned ppm;
	unsigned samples_min; /* fewer say nothing about it */
} quantiles[] = {
	{ "p50", 500000, 2 },	   { "p90", 900000, 10 },	{ "p99", 990000, 100 },
	{ "p99.9", 999000, 1000 }, { "p99.99", 999900, 10000 },
};
#define QUANTILES (sizeof(quantiles) / sizeof(*quantiles))
#define QUANTILES_SHOWN 4

/* --- results ------------------------------------------------------------ */

static bool histogram_read(struct hist *h, const json_t *json)
{
	json_int_t count, min, max, low, n;
	json_t *buckets, *pair;
	double sum;
	size_t i;

	hist_init(h);
	if (json_unpack((json_t *)json, "{sI sI sI sF so}", "count", &count, "min", &min, "max", &max, "sum", &sum,
			"buckets", &buckets))
		return false;
	json_array_foreach(buckets, i, pair)
	{
		if (json_unpack(pair, "[I I]", &low, &n) || low < 0 || n < 0)
			return false;
		hist_restore(h, (uint64_t)low, (uint64_t)n);
	}
	return count >= 0 && min >= 0 && max >= 0 &&
	       hist_restore_totals(h, (uint64_t)count, (uint64_t)min, (uint64_t)max, sum);
}

bool report_result_read(struct report_result *r, json_t *line)
{
	json_t *histogram, *second = json_object_get(line, "second");

	r->source = line;
	r->has_second = second;
	return !json_unpack(line, "{ss ss so}", "workload", &r->workload, "metric", &r->metric, "histogram",
			    &histogram) &&
	       histogram_read(&r->latency, histogram) &&
	       (!second || histogram_read(&r->second, json_object_get(second, "histogram")));
}

json_t *report_result_json(const struct report_result *r)
{
	json_t *object = json_copy(r->source), *percentiles = json_object();

	json_object_set_new(object, "samples", json_integer((json_int_t)r->latency.count));
	json_object_set_new(object, "min", json_integer((json_int_t)r->latency.min));
	json_object_set_new(object, "mean", json_real(hist_mean(&r->latency)));
	json_object_set_new(object, "max", json_integer((json_int_t)r->latency.max));
	for (unsigned i = 0; i < QUANTILES; i++)
		json_object_set_new(percentiles, quantiles[i].name,
				    r->latency.count < quantiles[i].samples_min
					    ? json_null()
					    : json_integer((json_int_t)hist_quantile(&r->latency, quantiles[i].ppm)));
	json_object_set_new(object, "percentiles", percentiles);
	return object;
}

void report_table(FILE *f, const struct report_result *const *results, unsigned n)
{
	char text[SIZE_TEXT];

	fprintf(f, "%-12s %-20s %10s", "workload", "metric", "N");
	for (unsigned q = 0; q < QUANTILES_SHOWN; q++)
		fprintf(f, " %9s", quantiles[q].name);
	fprintf(f, " %9s\n", "max");
	for (unsigned i = 0; i < n; i++) {
		const struct hist *h = &results[i]->latency;

		fprintf(f, "%-12s %-20s %10" PRIu64, results[i]->workload, results[i]->metric, h->count);
		for (unsigned q = 0; q < QUANTILES_SHOWN; q++)
			fprintf(f, " %9s",
				h->count < quantiles[q].samples_min
					? "n/a"
					: duration_format(text, hist_quantile(h, quantiles[q].ppm)));
		fprintf(f, " %9s\n", h->count ? duration_format(text, h->max) : "n/a");
	}
}

void report_histogram(FILE *f, const struct report_result *r)
{
	const struct hist *h = &r->latency;
	uint64_t most = 0, first = 1, last;
	char low[SIZE_TEXT], high[SIZE_TEXT];

	if (!h->count)
		return;
	while (first * 2 <= h->min)
		first *= 2;
	for (last = first; last <= h->max && last < UINT64_C(1) << HIST_VALUE_BITS; last *= 2)
		if (hist_between(h, last, last * 2) > most)
			most = hist_between(h, last, last * 2);
	fprintf(f, "\n%s, %s\n", r->workload, r->metric);
	for (uint64_t v = first; v < last || v == first; v *= 2) {
		uint64_t n = hist_between(h, v == first ? 0 : v, v * 2);
		unsigned bar = most ? (unsigned)((n * BAR + most - 1) / most) : 0;

		bar = bar > BAR ? BAR : bar;
		fprintf(f, "%*s .. %-*s %10" PRIu64 " |%.*s%*s|\n", LABEL - 2, duration_format(low, v), LABEL - 2,
			duration_format(high, v * 2), n, (int)bar, "########################################",
			(int)(BAR - bar), "");
	}
}
