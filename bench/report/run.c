/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/report/run.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/result/boots.h"
#include "bench/result/report.h"

double curve_quantile(unsigned point)
{
	return 1 - pow(10, -(double)point / CURVE_DECADE);
}

static void copy_text(char *out, size_t size, const json_t *text)
{
	const char *s = json_string_value(text);

	snprintf(out, size, "%s", s ? s : "");
}

/* --- metrics and curves ------------------------------------------------- */

/* The metrics of one boot are those of a side that has no other. */
static int read_values(struct report_run *r, const json_t *result)
{
	struct boots *one = calloc(1, sizeof(*one));
	int rc = one ? 0 : -ENOMEM;

	if (one && !boots_add(one, result))
		validity_add(&r->validity, VALIDITY_FAILED, "not a result of ktstr bench --json");
	if (one && one->n_metrics)
		r->value = calloc(one->n_metrics, sizeof(*r->value));
	if (one && one->n_metrics && !r->value)
		rc = -ENOMEM;
	for (unsigned i = 0; !rc && i < one->n_metrics; i++) {
		const struct metric *m = one->metric[i];

		if (!m->n)
			continue;
		snprintf(r->value[r->n_values].name, sizeof(r->value->name), "%s", m->name);
		r->value[r->n_values++].value = m->value[0];
	}
	if (one)
		boots_free(one);
	free(one);
	return rc;
}

static void fill_curve(struct run_curve *c, const struct hist *h)
{
	c->samples = h->count;
	for (unsigned i = 0; i < CURVE_POINTS; i++)
		c->ns[i] = (double)hist_quantile(h, (unsigned)lround(1e6 * curve_quantile(i)));
}

/* As bench/result names metrics: a workload that was run more than once is told apart by its place. */
static void curve_name(const json_t *results, size_t at, const struct report_result *line, char name[96])
{
	unsigned nth = 1;

	for (size_t i = 0; i < at; i++) {
		const char *other = json_string_value(json_object_get(json_array_get(results, i), "workload"));

		nth += other && !strcmp(other, line->workload);
	}
	if (nth > 1)
		snprintf(name, 96, "%.40s#%u.%.30s", line->workload, nth, line->metric);
	else
		snprintf(name, 96, "%.40s.%.30s", line->workload, line->metric);
}

static int read_curves(struct report_run *r, const json_t *results)
{
	struct report_result *line = malloc(sizeof(*line));
	size_t n = json_array_size(results), i;
	const json_t *result;

	n = n < CURVES_MAX ? n : CURVES_MAX;
	r->curve = calloc(n ? n : 1, sizeof(*r->curve));
	if (!line || !r->curve) {
		free(line);
		return -ENOMEM;
	}
	json_array_foreach((json_t *)results, i, result)
	{
		struct run_curve *c = &r->curve[r->n_curves];

		if (i >= n || !report_result_read(line, (json_t *)result) || !line->latency.count)
			continue;
		curve_name(results, i, line, c->name);
		fill_curve(c, &line->latency);
		r->n_curves++;
	}
	free(line);
	return 0;
}

/* --- the file ----------------------------------------------------------- */

static void read_identity(struct report_run *r, const json_t *result)
{
	const json_t *run = json_object_get(result, "run"), *noise = json_object_get(result, "noise");
	const json_t *guest = json_object_get(json_object_get(result, "machine"), "guest");
	const json_t *environment = json_object_get(guest, "environment");

	r->position = (long)json_integer_value(json_object_get(run, "position"));
	r->attempt = (long)json_integer_value(json_object_get(run, "attempt"));
	copy_text(r->boot_id, sizeof(r->boot_id), json_object_get(run, "boot_id"));
	copy_text(r->kernel, sizeof(r->kernel), json_object_get(environment, "kernel"));
	if (*r->kernel)
		report_scheduler(environment, r->scheduler, sizeof(r->scheduler));
	r->noise = json_is_object(noise) ? json_deep_copy(noise) : NULL;
}

int run_read(struct report_run *r, const char *path)
{
	json_error_t error;
	json_t *result = json_load_file(path, 0, &error);
	int rc = 0;

	if (!result) {
		validity_add(&r->validity, VALIDITY_FAILED, "can't be read: line %d: %s", error.line, error.text);
		return 0;
	}
	if (!json_is_object(result) || !validity_read(&r->validity, result))
		validity_add(&r->validity, VALIDITY_FAILED, "not a result of ktstr bench --json");
	read_identity(r, result);
	if (!r->validity.status)
		rc = read_values(r, result);
	if (!rc && !r->validity.status)
		rc = read_curves(r, json_object_get(result, "results"));
	json_decref(result);
	return rc;
}

void run_free(struct report_run *r)
{
	json_decref(r->noise);
	free(r->value);
	free(r->curve);
	free(r->file);
}

double run_value(const struct report_run *r, const char *name)
{
	for (unsigned i = 0; i < r->n_values; i++)
		if (!strcmp(r->value[i].name, name))
			return r->value[i].value;
	return NAN;
}

const struct run_curve *run_curve(const struct report_run *r, const char *name)
{
	for (unsigned i = 0; i < r->n_curves; i++)
		if (!strcmp(r->curve[i].name, name))
			return &r->curve[i];
	return NULL;
}
