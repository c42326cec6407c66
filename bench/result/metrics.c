/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/result/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/result/report.h"
#include "bench/result/summary.h"
#include "bench/result/text.h"

/* From the lowest to the highest. Those without a place in a verdict show where two distributions differ. */
static const struct {
	unsigned ppm;
	const char *name;
	bool usual, of_shape;
} percentiles[] = {
	{ 10000, "p1", false, true },	   { 50000, "p5", false, true },   { 100000, "p10", false, true },
	{ 250000, "p25", false, true },	   { 500000, "p50", true, false }, { 750000, "p75", false, true },
	{ 900000, "p90", false, false },   { 950000, "p95", false, true }, { 990000, "p99", true, false },
	{ 999000, "p99.9", false, false },
};
#define PERCENTILES (sizeof(percentiles) / sizeof(*percentiles))

struct metric *metrics_find(struct metric *const *metrics, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(metrics[i]->name, name))
			return metrics[i];
	return NULL;
}

/* Those of one side. */
struct list {
	struct metric **metric;
	unsigned n;
};

/* That with @what's name, a new one if need be. NULL: no room, or no memory. */
static struct metric *have(struct list *b, const struct metric *what)
{
	struct metric *m;
	char name[sizeof(what->name)];

	text_clean(name, sizeof(name), what->name);
	m = metrics_find(b->metric, b->n, name);
	if (m || b->n == METRICS_MAX)
		return m;
	m = malloc(sizeof(*m));
	if (!m)
		return NULL;
	*m = *what;
	memcpy(m->name, name, sizeof(name));
	text_clean(m->workload, sizeof(m->workload), what->workload);
	text_clean(m->title, sizeof(m->title), what->title);
	text_clean(m->unit, sizeof(m->unit), what->unit);
	return b->metric[b->n++] = m;
}

static void put(struct list *b, const struct metric *what, double value)
{
	struct metric *m = have(b, what);

	if (m && m->n < BOOTS_MAX)
		m->value[m->n++] = value;
}

/*
 * The error of a percentile of this histogram: half the distance of the percentiles one standard error of the rank to
 * both sides, sqrt(p (1 - p) / N).
 */
static double error_of(const struct hist *h, unsigned ppm)
{
	double p = ppm / 1e6, error = sqrt(p * (1 - p) / (double)h->count);
	unsigned below = (unsigned)(1e6 * fmax(0, p - error)), above = (unsigned)(1e6 * fmin(1, p + error));

	return ((double)hist_quantile(h, above) - (double)hist_quantile(h, below)) / 2;
}

static bool percentile_known(double p, uint64_t n)
{
	return quantile_known(p < 0.5 ? 1 - p : p, n);
}

static void put_percentile(struct list *b, const struct report_result *r, const char *prefix, unsigned i)
{
	struct metric what = { .unit = "ns",
			       .usual = percentiles[i].usual,
			       .of_shape = percentiles[i].of_shape,
			       .ppm = percentiles[i].ppm };
	double error = error_of(&r->latency, what.ppm);
	struct metric *m;

	snprintf(what.workload, sizeof(what.workload), "%s", prefix);
	snprintf(what.title, sizeof(what.title), "%.40s %s", r->metric, percentiles[i].name);
	snprintf(what.name, sizeof(what.name), "%.50s.%.30s.%s", prefix, r->metric, percentiles[i].name);
	m = have(b, &what);
	if (!m)
		return;
	if (!m->least_samples || r->latency.count < m->least_samples)
		m->least_samples = r->latency.count;
	if (!percentile_known(what.ppm / 1e6, r->latency.count)) {
		m->lacking++;
	} else if (m->n < BOOTS_MAX) {
		m->value[m->n++] = (double)hist_quantile(&r->latency, what.ppm);
		m->within += error * error;
	}
}

static void put_rate(struct list *b, const json_t *line, const char *prefix)
{
	struct metric m = { .title = "rate", .unit = "/s", .more_is_better = true, .usual = true };

	snprintf(m.workload, sizeof(m.workload), "%s", prefix);
	snprintf(m.name, sizeof(m.name), "%.60s.rate", prefix);
	if (json_is_number(json_object_get(line, "rate_per_s")))
		put(b, &m, json_number_value(json_object_get(line, "rate_per_s")));
}

static void put_figures(struct list *b, const json_t *line, const char *prefix)
{
	const json_t *figures = json_object_get(line, "figures"), *figure;
	size_t i;

	json_array_foreach((json_t *)figures, i, figure)
	{
		const char *name = json_string_value(json_object_get(figure, "name"));
		const char *unit = json_string_value(json_object_get(figure, "unit"));
		struct metric m = { .more_is_better = json_is_true(json_object_get(figure, "more_is_better")) };

		if (!name || !unit || !json_is_number(json_object_get(figure, "value")))
			continue;
		m.usual = json_is_true(json_object_get(figure, "usual"));
		snprintf(m.workload, sizeof(m.workload), "%s", prefix);
		snprintf(m.title, sizeof(m.title), "%.30s", name);
		snprintf(m.name, sizeof(m.name), "%.60s.%.30s", prefix, name);
		snprintf(m.unit, sizeof(m.unit), "%.7s", unit);
		put(b, &m, json_number_value(json_object_get(figure, "value")));
	}
}

/* A workload that was run more than once is told apart by its place: "wakeup#2". */
static void prefix_of(const json_t *results, size_t at, char *text, size_t size)
{
	const char *name = json_string_value(json_object_get(json_array_get(results, at), "workload"));
	unsigned nth = 1;

	for (size_t i = 0; name && i < at; i++) {
		const char *other = json_string_value(json_object_get(json_array_get(results, i), "workload"));

		nth += other && !strcmp(other, name);
	}
	snprintf(text, size, nth > 1 ? "%.40s#%u" : "%.40s", name ? name : "", nth);
}

bool metrics_add(struct metric **metrics, unsigned *n, const json_t *results)
{
	struct list b = { metrics, *n };
	struct report_result *r = malloc(sizeof(*r));
	bool ok = r;

	for (size_t i = 0; ok && i < json_array_size(results); i++) {
		json_t *line = json_array_get(results, i);
		char prefix[64];

		prefix_of(results, i, prefix, sizeof(prefix));
		ok = report_result_read(r, line);
		for (unsigned k = 0; ok && k < PERCENTILES; k++)
			put_percentile(&b, r, prefix, k);
		if (!ok)
			break;
		put_rate(&b, line, prefix);
		put_figures(&b, line, prefix);
	}
	*n = b.n;
	free(r);
	return ok;
}
