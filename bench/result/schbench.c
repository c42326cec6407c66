/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/result/schbench.h"

#include <stdio.h>

static const struct {
	unsigned ppm;
	const char *name;
} percentiles[] = {
	{ 200000, "20.0" }, { 500000, "50.0" }, { 900000, "90.0" }, { 990000, "99.0" }, { 999000, "99.9" },
};

static void put(json_t *object, const char *label, const char *key, uint64_t ns)
{
	char name[64];

	snprintf(name, sizeof(name), "%s_%s", label, key);
	json_object_set_new(object, name, json_integer((json_int_t)(ns / 1000)));
}

static void put_latency(json_t *object, const char *label, const struct hist *h)
{
	if (!h || !h->count)
		return;
	for (unsigned i = 0; i < sizeof(percentiles) / sizeof(*percentiles); i++) {
		char key[16];

		snprintf(key, sizeof(key), "pct%s", percentiles[i].name);
		put(object, label, key, hist_quantile(h, percentiles[i].ppm));
	}
	put(object, label, "min", h->min);
	put(object, label, "max", h->max);
}

json_t *schbench_json(const struct hist *wakeup, const struct hist *request, uint64_t measured_ns, const json_t *facts)
{
	const json_t *environment = json_object_get(json_object_get(facts, "guest"), "environment");
	const char *kernel = json_string_value(json_object_get(environment, "kernel"));
	const char *ops = json_string_value(json_object_get(environment, "sched_ext"));
	json_t *values = json_object();

	put_latency(values, "wakeup_latency", wakeup);
	put_latency(values, "request_latency", request);
	json_object_set_new(values, "runtime", json_integer((json_int_t)(measured_ns / 1000000000u)));
	return json_pack("{s{ss ss} so}", "normal", "version", kernel ? kernel : "unknown", "sched_ext",
			 ops ? ops : "disabled", "int", values);
}
