/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/result/boots.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/kernel/config.h"
#include "bench/result/files.h"
#include "bench/result/report.h"
#include "bench/result/text.h"

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
	/* Of the whole result, key "fingerprint" (bench/verb/bench_fingerprint.c). */
	{ "ktstr's commit", { "tool", "commit", NULL } },
	{ "kernel build", { "kernel", "build_id", NULL } },
	{ "kernel configuration", { "kernel", "config_sha256", NULL } },
	{ "kernel command line", { "kernel", "cmdline", NULL } },
	{ "scheduler file", { "scheduler", "sha256", NULL } },
};

const char *boots_trait_name(unsigned i)
{
	return traits[i].name;
}

static void trait_text(const json_t *result, unsigned i, char text[128])
{
	const json_t *machine = json_object_get(result, i < TRAITS_OF_MACHINE ? "machine" : "fingerprint");

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
		snprintf(text, 128, TRAIT_UNKNOWN);
}

const struct metric *boots_find(const struct boots *b, const char *name)
{
	return metrics_find(b->metric, b->n_metrics, name);
}

static void count_other(struct boots *b, const struct validity *v)
{
	if (!b->other[v->status]++)
		text_clean(b->why[v->status], sizeof(b->why[v->status]), v->n ? v->reason[0] : "no reason given");
}

__attribute__((format(printf, 2, 3))) static void caveat(struct boots *b, const char *fmt, ...)
{
	char raw[sizeof(b->caveat[0])], text[sizeof(b->caveat[0])];
	va_list args;

	va_start(args, fmt);
	vsnprintf(raw, sizeof(raw), fmt, args);
	va_end(args);
	text_clean(text, sizeof(text), raw);
	for (unsigned i = 0; i < b->n_caveats; i++)
		if (!strcmp(b->caveat[i], text))
			return;
	if (b->n_caveats < CAVEATS_MAX)
		memcpy(b->caveat[b->n_caveats++], text, sizeof(text));
}

static void add_caveats(struct boots *b, const json_t *machine)
{
	const json_t *host = json_object_get(machine, "host");
	const char *kind = json_string_value(json_object_get(host, "kind")),
		   *cpu = json_string_value(json_object_get(host, "cpu"));
	char debug[128];

	if (cpu && strstr(cpu, "TCG"))
		caveat(b, "emulated: the host's CPU is %.60s", cpu);
	if (json_is_false(json_object_get(host, "timings_of_hardware")))
		caveat(b, "%.100s", kind ? kind : "the host's timings are not those of hardware");
	kernel_config_text(json_object_get(json_object_get(machine, "guest"), "kernel_debug_options"), debug,
			   sizeof(debug));
	if (*debug)
		caveat(b, "debug kernel: %.100s", debug);
}

bool boots_add(struct boots *b, const json_t *result)
{
	const json_t *results = json_object_get(result, "results");
	const char *schema = json_string_value(json_object_get(result, "schema"));
	struct validity validity;

	if (!schema || strcmp(schema, "ktstr-bench/1") || !validity_read(&validity, result))
		return false;
	if (validity.status) {
		count_other(b, &validity);
		return true;
	}
	if (!json_array_size(results) || b->n == BOOTS_MAX)
		return false;
	if (!metrics_add(b->metric, &b->n_metrics, results))
		return false;
	add_caveats(b, json_object_get(result, "machine"));
	for (unsigned i = 0; i < TRAITS; i++) {
		char raw[128], text[128];

		trait_text(result, i, raw);
		text_clean(text, sizeof(text), raw);
		if (!b->n)
			memcpy(b->trait[i], text, sizeof(text));
		b->mixed[i] |= strcmp(b->trait[i], text) != 0;
	}
	b->n++;
	return true;
}

static int add_file(void *ctx, const char *file, json_t *json, char *why, size_t size)
{
	struct boots *b = ctx;

	if (boots_add(b, json))
		return 0;
	if (b->n == BOOTS_MAX)
		snprintf(why, size, "%s: more than %d boots; compare fewer", file, BOOTS_MAX);
	else
		snprintf(why, size, "%s: not a result of ktstr bench --json", file);
	return -EINVAL;
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

int boots_read_any(struct boots *b, const char *path, char *why, size_t size)
{
	const char *name = strrchr(path, '/');

	text_clean(b->label, sizeof(b->label), name && name[1] ? name + 1 : path);
	return files_each(path, add_file, b, why, size);
}

int boots_read(struct boots *b, const char *path, char *why, size_t size)
{
	int rc = boots_read_any(b, path, why, size);

	return !rc && !b->n ? none_valid(b, path, why, size) : rc;
}

void boots_free(struct boots *b)
{
	for (unsigned i = 0; i < b->n_metrics; i++)
		free(b->metric[i]);
	b->n_metrics = 0;
}
