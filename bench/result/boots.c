/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/result/boots.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/result/report.h"

/* Where each trait stands in a machine's facts. */
static const struct {
	const char *name, *path[4];
} traits[TRAITS] = {
	{ "scheduler", { NULL } }, /* by report_scheduler() */
	{ "kernel", { "guest", "environment", "kernel", NULL } },
	{ "guest CPUs", { "guest", "topology", "shape", NULL } },
	{ "guest memory", { "guest", "memory_bytes", NULL, NULL } },
	{ "host", { "host", "kind", NULL, NULL } },
	{ "host CPU", { "host", "cpu", NULL, NULL } },
	{ "host kernel", { "host", "kernel", NULL, NULL } },
	{ "mode", { "host", "resources", "mode", NULL } },
	{ "ktstr", { "ktstr", NULL, NULL, NULL } },
};

const char *boots_trait_name(unsigned i)
{
	return traits[i].name;
}

static void trait_text(const json_t *machine, unsigned i, char text[128])
{
	if (i == TRAIT_SCHEDULER) {
		report_scheduler(json_object_get(json_object_get(machine, "guest"), "environment"), text, 128);
		return;
	}
	for (unsigned k = 0; k < 4 && traits[i].path[k]; k++)
		machine = json_object_get(machine, traits[i].path[k]);
	if (json_is_string(machine))
		snprintf(text, 128, "%s", json_string_value(machine));
	else if (json_is_integer(machine))
		snprintf(text, 128, "%lld", (long long)json_integer_value(machine));
	else
		snprintf(text, 128, "unknown");
}

static struct metric *find(const struct boots *b, const char *name)
{
	for (unsigned i = 0; i < b->n_metrics; i++)
		if (!strcmp(b->metric[i]->name, name))
			return b->metric[i];
	return NULL;
}

const struct metric *boots_find(const struct boots *b, const char *name)
{
	return find(b, name);
}

static void put(struct boots *b, const struct metric *what, double value)
{
	struct metric *m = find(b, what->name);

	if (!m && b->n_metrics < METRICS_MAX) {
		m = malloc(sizeof(*m));
		if (!m)
			return;
		*m = *what;
		m->n = 0;
		b->metric[b->n_metrics++] = m;
	}
	if (m && m->n < BOOTS_MAX)
		m->value[m->n++] = value;
}

static void put_percentiles(struct boots *b, const struct report_result *r, const char *prefix)
{
	static const struct {
		unsigned ppm;
		const char *name;
		bool usual;
	} percentiles[] = {
		{ 500000, "p50", true }, { 900000, "p90", false }, { 990000, "p99", true }, { 999000, "p99.9", false }
	};

	for (unsigned i = 0; i < sizeof(percentiles) / sizeof(*percentiles); i++) {
		struct metric m = { .unit = "ns", .usual = percentiles[i].usual };

		snprintf(m.name, sizeof(m.name), "%.60s.%.20s.%s", prefix, r->metric, percentiles[i].name);
		if (quantile_known(percentiles[i].ppm / 1e6, r->latency.count))
			put(b, &m, (double)hist_quantile(&r->latency, percentiles[i].ppm));
	}
}

static void put_rate(struct boots *b, const json_t *line, const char *prefix)
{
	struct metric m = { .unit = "/s", .more_is_better = true, .usual = true };

	snprintf(m.name, sizeof(m.name), "%.60s.rate", prefix);
	if (json_is_number(json_object_get(line, "rate_per_s")))
		put(b, &m, json_number_value(json_object_get(line, "rate_per_s")));
}

static void put_figures(struct boots *b, const json_t *line, const char *prefix)
{
	const json_t *figures = json_object_get(line, "figures"), *figure;
	size_t i;

	json_array_foreach((json_t *)figures, i, figure)
	{
		const char *name = json_string_value(json_object_get(figure, "name"));
		const char *unit = json_string_value(json_object_get(figure, "unit"));
		struct metric m = { .more_is_better = json_is_true(json_object_get(figure, "more_is_better")) };

		if (!name || !unit)
			continue;
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

static void count_other(struct boots *b, const struct validity *v)
{
	if (!b->other[v->status]++)
		snprintf(b->why[v->status], sizeof(b->why[v->status]), "%s", v->n ? v->reason[0] : "no reason given");
}

bool boots_add(struct boots *b, const json_t *result)
{
	const json_t *results = json_object_get(result, "results"), *machine = json_object_get(result, "machine");
	const char *schema = json_string_value(json_object_get(result, "schema"));
	struct report_result *r;
	struct validity validity;

	if (!schema || strcmp(schema, "ktstr-bench/1") || !validity_read(&validity, result))
		return false;
	if (validity.status) {
		count_other(b, &validity);
		return true;
	}
	if (!json_array_size(results) || b->n == BOOTS_MAX)
		return false;
	r = malloc(sizeof(*r));
	for (size_t i = 0; r && i < json_array_size(results); i++) {
		json_t *line = json_array_get(results, i);
		char prefix[64];

		prefix_of(results, i, prefix, sizeof(prefix));
		if (!report_result_read(r, line)) {
			free(r);
			return false;
		}
		put_percentiles(b, r, prefix);
		put_rate(b, line, prefix);
		put_figures(b, line, prefix);
	}
	free(r);
	for (unsigned i = 0; i < TRAITS; i++) {
		char text[128];

		trait_text(machine, i, text);
		if (!b->n)
			memcpy(b->trait[i], text, sizeof(text));
		b->mixed[i] |= strcmp(b->trait[i], text) != 0;
	}
	b->n++;
	return true;
}

static int read_file(struct boots *b, const char *path, char *why, size_t size)
{
	json_error_t error;
	json_t *json = json_load_file(path, 0, &error);
	bool ok = json && boots_add(b, json);

	if (!json)
		snprintf(why, size, "%s: line %d: %s", path, error.line, error.text);
	else if (!ok && b->n == BOOTS_MAX)
		snprintf(why, size, "%s: more than %d boots; compare fewer", path, BOOTS_MAX);
	else if (!ok)
		snprintf(why, size, "%s: not a result of ktstr bench --json", path);
	json_decref(json);
	return ok ? 0 : -EINVAL;
}

static int is_result(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return *d->d_name != '.' && n > 5 && !strcmp(d->d_name + n - 5, ".json");
}

static int read_directory(struct boots *b, const char *path, char *why, size_t size)
{
	struct dirent **names;
	int n = scandir(path, &names, is_result, alphasort), rc = n < 0 ? -errno : 0;
	char file[4096];

	if (n < 0)
		snprintf(why, size, "%s: %s", path, strerror(-rc));
	for (int i = 0; i < n; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
		if (!rc)
			rc = read_file(b, file, why, size);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	if (!rc && !n) {
		snprintf(why, size, "%s: no results (*.json) in this directory", path);
		rc = -ENOENT;
	}
	return rc;
}

static int none_valid(const struct boots *b, const char *path, char *why, size_t size)
{
	int at = snprintf(why, size, "%s: no valid result", path);

	for (unsigned i = 0; i < VALIDITY_STATUSES; i++)
		if (b->other[i] && at > 0 && (size_t)at < size)
			at += snprintf(why + at, size - (size_t)at, "; %u %s: %s", b->other[i],
				       validity_name((enum validity_status)i), b->why[i]);
	return -ENODATA;
}

int boots_read(struct boots *b, const char *path, char *why, size_t size)
{
	const char *name = strrchr(path, '/');
	struct stat st;
	int rc;

	snprintf(b->label, sizeof(b->label), "%s", name && name[1] ? name + 1 : path);
	if (stat(path, &st)) {
		snprintf(why, size, "%s: %s", path, strerror(errno));
		return -errno;
	}
	rc = S_ISDIR(st.st_mode) ? read_directory(b, path, why, size) : read_file(b, path, why, size);
	if (!rc && !b->n)
		rc = none_valid(b, path, why, size);
	return rc;
}

void boots_free(struct boots *b)
{
	for (unsigned i = 0; i < b->n_metrics; i++)
		free(b->metric[i]);
	b->n_metrics = 0;
}
