/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr bench show: what was run, on what, and how it ended, on one page. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/base/say.h"
#include "bench/base/size.h"
#include "bench/cli/parse.h"
#include "bench/result/files.h"
#include "bench/result/rundir.h"
#include "bench/result/text.h"
#include "bench/verb/bench_verbs.h"

#define WIDTH 80
#define NAME 12 /* columns of what stands before a value */

static error_t parse(int key, char *arg, struct argp_state *state)
{
	const char **path = state->input;

	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	if (*path)
		say_usage("bench show %s: a second one; show one at a time", arg);
	*path = arg;
	return 0;
}

const struct argp bench_show_argp = {
	.parser = parse,
	.args_doc = "DIR",
	.doc = "Say what was run, on which machine, and how each run ended. DIR is what ktstr bench run left, one of "
	       "its "
	       "cells, or a file of ktstr bench --json.\v"
	       "EXAMPLES\n"
	       "  ktstr bench show r\n"
	       "  ktstr bench show r/cells/eevdf",
};

/* "kernel      7.3, build-id 1fe9", wrapped. Nothing where @text is empty. */
static void line(const char *name, const char *text)
{
	struct text_lines l = { .f = stdout, .width = WIDTH, .indent = NAME };
	char clean[2048];

	text_clean(clean, sizeof(clean), text);
	if (!*clean)
		return;
	printf("%-*s", NAME - 1, name);
	l.at = NAME - 1;
	text_words(&l, "%s", clean);
	text_end(&l);
}

static const char *at(const json_t *json, const char *a, const char *b, const char *c)
{
	json = json_object_get(json_object_get(json, a), b);
	if (c)
		json = json_object_get(json, c);
	return json_string_value(json);
}

static void show_kernel(const json_t *result)
{
	const char *release = at(result, "fingerprint", "kernel", "release"),
		   *id = at(result, "fingerprint", "kernel", "build_id"),
		   *config = at(result, "fingerprint", "kernel", "config_sha256");
	char text[512];

	if (!release)
		release = json_string_value(json_object_get(
			json_object_get(json_object_get(json_object_get(result, "machine"), "guest"), "environment"),
			"kernel"));
	snprintf(text, sizeof(text), "%s%s%s%s%.16s", release ? release : "unknown", id ? ", build-id " : "",
		 id ? id : "", config ? ", configuration " : "", config ? config : "");
	line("kernel", text);
}

static void show_scheduler(const json_t *result)
{
	const json_t *scheduler = json_object_get(json_object_get(result, "fingerprint"), "scheduler");
	const char *digest = json_string_value(json_object_get(scheduler, "sha256")),
		   *ops = json_string_value(json_object_get(scheduler, "ops"));
	json_t *word;
	char text[1024] = "";
	size_t i, n = 0;

	json_array_foreach(json_object_get(scheduler, "argv"), i, word) if (json_is_string(word) && n < sizeof(text))
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? " " : "", json_string_value(word));
	if (n < sizeof(text))
		snprintf(text + n, sizeof(text) - n, "%s%s%s%.16s", ops ? ", ops " : "", ops ? ops : "",
			 digest ? ", SHA-256 " : "", digest ? digest : "");
	line("scheduler", n ? text : json_is_null(scheduler) ? "the kernel's own" : "");
}

static void show_machine(const json_t *result)
{
	const json_t *host = json_object_get(json_object_get(result, "machine"), "host"),
		     *guest = json_object_get(json_object_get(result, "machine"), "guest");
	const char *kind = json_string_value(json_object_get(host, "kind")),
		   *cpu = json_string_value(json_object_get(host, "cpu")),
		   *kernel = json_string_value(json_object_get(host, "kernel")),
		   *mode = at(host, "resources", "mode", NULL), *shape = at(guest, "topology", "shape", NULL),
		   *commit = at(result, "fingerprint", "tool", "commit"),
		   *version = json_string_value(json_object_get(result, "ktstr"));
	char text[1024], size[SIZE_TEXT];

	snprintf(text, sizeof(text), "%s, %s", shape ? shape : "unknown",
		 size_format(size, (uint64_t)json_integer_value(json_object_get(guest, "memory_bytes"))));
	line("guest", text);
	snprintf(text, sizeof(text), "%s, Linux %s (%s), mode %s", cpu ? cpu : "unknown", kernel ? kernel : "unknown",
		 kind ? kind : "unknown", mode ? mode : "unknown");
	line("host", text);
	snprintf(text, sizeof(text), "%s%s%s", version ? version : "unknown", commit ? ", commit " : "",
		 commit ? commit : "");
	line("ktstr", text);
}

static void show_workloads(const json_t *result)
{
	json_t *w, *value;
	const char *key;
	size_t i;

	json_array_foreach(json_object_get(result, "results"), i, w)
	{
		const char *name = json_string_value(json_object_get(w, "workload"));
		char text[1024], number[SIZE_TEXT];
		size_t n = (size_t)snprintf(
			text, sizeof(text), "%.64s for %s", name ? name : "?",
			duration_format(number, (uint64_t)json_integer_value(json_object_get(w, "duration_ns"))));

		json_object_foreach(json_object_get(w, "config"), key,
				    value) if (json_is_integer(value) && n < sizeof(text))
			n += (size_t)snprintf(text + n, sizeof(text) - n, ", %.32s=%lld", key,
					      (long long)json_integer_value(value));
		line(i ? "" : "workload", text);
	}
}

/* Of the first valid one: boots_read() has told whether the others are alike. */
static int keep_first(void *ctx, const char *file, json_t *json, char *why, size_t size)
{
	json_t **first = ctx;
	struct validity v;

	(void)file;
	(void)why;
	(void)size;
	if (!*first && validity_read(&v, json) && !v.status)
		*first = json_incref(json);
	return 0;
}

static void show_side(const struct boots *b, const char *path)
{
	json_t *first = NULL;
	char why[512];

	if (!files_each(path, keep_first, &first, why, sizeof(why)) && first) {
		show_kernel(first);
		show_scheduler(first);
		show_machine(first);
		show_workloads(first);
	}
	for (unsigned i = 0; i < b->n_caveats; i++)
		line("*", b->caveat[i]);
	for (unsigned i = 0; i < TRAITS; i++)
		if (b->mixed[i]) {
			snprintf(why, sizeof(why), "%s differs from boot to boot", boots_trait_name(i));
			line("mixed", why);
		}
	json_decref(first);
}

static void show_runs(const struct boots *b)
{
	char text[512];

	snprintf(text, sizeof(text), "%u valid", b->n);
	line("runs", text);
	for (unsigned i = VALIDITY_VALID + 1; i < VALIDITY_STATUSES; i++)
		if (b->other[i]) {
			snprintf(text, sizeof(text), "%u %s: %s", b->other[i], validity_name((enum validity_status)i),
				 b->why[i]);
			line("", text);
		}
}

static void show_cell(const struct rundir *d, const struct rundir_cell *cell)
{
	struct boots *b = calloc(1, sizeof(*b));
	char why[512] = "out of memory", path[PATH_MAX];

	printf("\n");
	line("cell", cell->key);
	if (b && !rundir_boots(d, cell, b, why, sizeof(why))) {
		show_runs(b);
		show_side(b, rundir_cell_path(d, cell, path));
	} else {
		line("runs", why);
	}
	if (b)
		boots_free(b);
	free(b);
}

static int show_rundir(const char *path)
{
	struct rundir *d = calloc(1, sizeof(*d));
	char why[512] = "out of memory", text[128], runs[32] = "until precise";
	json_int_t n;

	if (!d || rundir_read(d, path, why, sizeof(why))) {
		say_error("bench show: %s", why);
		if (d)
			rundir_free(d);
		free(d);
		return EXIT_UNAVAILABLE;
	}
	n = json_integer_value(json_object_get(d->matrix, "runs"));
	if (n)
		snprintf(runs, sizeof(runs), "%lld each", (long long)n);
	line("directory", path);
	line("asked for", d->repeat);
	snprintf(text, sizeof(text), "%u cell%s, runs: %s, order seed %lld, seed %lld", d->n, d->n == 1 ? "" : "s",
		 runs, (long long)json_integer_value(json_object_get(d->matrix, "order_seed")),
		 (long long)json_integer_value(json_object_get(d->matrix, "seed")));
	line("matrix", text);
	for (unsigned i = 0; i < d->n; i++)
		show_cell(d, &d->cell[i]);
	rundir_free(d);
	free(d);
	return EXIT_OK;
}

static int show_one(const char *path)
{
	struct boots *b = calloc(1, sizeof(*b));
	char why[512] = "out of memory";
	int code = EXIT_UNAVAILABLE;

	if (b && !boots_read_any(b, path, why, sizeof(why))) {
		line("results", path);
		show_runs(b);
		show_side(b, path);
		code = EXIT_OK;
	} else {
		say_error("bench show: %s", why);
	}
	if (b)
		boots_free(b);
	free(b);
	return code;
}

int verb_bench_show(int argc, char **argv)
{
	const char *path = NULL;
	int code;

	cli_parse(&bench_show_argp, "bench show", argc, argv, &path);
	if (!path)
		say_usage("bench show: name what ktstr bench run left, a cell of it, or a result file");
	code = rundir_is(path) ? show_rundir(path) : show_one(path);
	return fflush(stdout) ? EXIT_FAILED : code;
}
