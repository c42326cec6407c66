/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A matrix in one nested host: all that its cells need is copied there once, results that there are already too, and
 * ktstr bench run works there as it would here. Its results arrive one by one (nested_output_dir).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/base/path.h"
#include "bench/base/program.h"
#include "bench/base/say.h"
#include "bench/nested/run.h"
#include "bench/verb/bench_matrix.h"

#define MATRIX_IN_NESTED "/ktstr/matrix.json"
#define RESULT_BYTES (128 << 10) /* of a boot with its log, in the nested host's memory */
#define MIB (1u << 20)

struct files {
	struct nested_file *list;
	size_t n;
};

struct host {
	struct nested_plan plan;
	struct files binaries, files, trees;
	struct nested_disk *disks;
	const char **kernels;
	size_t n_kernels;
	char self[PATH_MAX], dir[PATH_MAX], jobs[16], path[PATH_MAX + 64];
	const char *argv[16], *env[2];
	uint64_t guest_mib; /* of the largest guest */
	bool no_memory;
};

/* --- the union of what the cells need ------------------------------------ */

static bool is_same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static void add_file(struct host *h, struct files *to, const char *host, const char *guest)
{
	struct nested_file *more;

	for (size_t i = 0; i < to->n; i++)
		if (is_same(to->list[i].host, host) && is_same(to->list[i].guest, guest))
			return;
	more = reallocarray(to->list, to->n + 1, sizeof(*more));
	if (!more) {
		h->no_memory = true;
		return;
	}
	to->list = more;
	to->list[to->n++] = (struct nested_file){ .host = host, .guest = guest };
}

static void add_files(struct host *h, struct files *to, const json_t *list)
{
	const json_t *file;
	size_t i;

	json_array_foreach((json_t *)list, i, file) add_file(h, to, json_string_value(json_object_get(file, "host")),
							     json_string_value(json_object_get(file, "guest")));
}

static void add_disks(struct host *h, const json_t *list)
{
	const json_t *disk;
	size_t i;

	json_array_foreach((json_t *)list, i, disk)
	{
		const char *path = json_string_value(json_object_get(disk, "path"));
		size_t k = 0;

		while (k < h->plan.n_disks && strcmp(h->disks[k].path, path) != 0)
			k++;
		if (k < h->plan.n_disks) {
			/* Whoever writes to it decides. */
			h->disks[k].ro &= json_is_true(json_object_get(disk, "ro"));
			continue;
		}
		h->disks[h->plan.n_disks++] =
			(struct nested_disk){ .path = path, .ro = json_is_true(json_object_get(disk, "ro")) };
	}
}

static void add_kernel(struct host *h, const char *name)
{
	for (size_t i = 0; i < h->n_kernels; i++)
		if (!strcmp(h->kernels[i], name))
			return;
	h->kernels[h->n_kernels++] = name;
}

static void add_needs(struct host *h, const json_t *needs)
{
	const char *kernel = json_string_value(json_object_get(needs, "kernel"));
	uint64_t memory = (uint64_t)json_integer_value(json_object_get(needs, "memory_mib")) - NESTED_OWN_MIB;
	unsigned cpus = (unsigned)json_integer_value(json_object_get(needs, "cpus"));

	add_files(h, &h->binaries, json_object_get(needs, "binaries"));
	add_files(h, &h->files, json_object_get(needs, "files"));
	add_files(h, &h->trees, json_object_get(needs, "trees"));
	add_disks(h, json_object_get(needs, "disks"));
	if (kernel)
		add_kernel(h, kernel);
	if (memory > h->guest_mib)
		h->guest_mib = memory;
	if (cpus > h->plan.cpus)
		h->plan.cpus = cpus;
	h->plan.guest_init = json_string_value(json_object_get(needs, "guest_init"));
}

/* --- the matrix there ----------------------------------------------------- */

/* "host", or a build tree, would be another kernel there: its image is named instead, under the same label. */
static int name_images(struct matrix *m, const struct matrix_check *c)
{
	for (unsigned i = 0; i < m->n_cells; i++) {
		const char *image = json_string_value(json_object_get(c->cell[i].needs, "image"));
		struct matrix_list *kernels = &m->list[MATRIX_KERNELS];
		char *text;

		/* Where none is named it is the default, which is in the cache. */
		if (!image || !kernels->n)
			continue;
		text = strdup(image);
		if (!text)
			return -1;
		free(kernels->value[m->cell[i].at[MATRIX_KERNELS]].text);
		kernels->value[m->cell[i].at[MATRIX_KERNELS]].text = text;
	}
	return 0;
}

/* What --matrix takes. To free(); NULL: no memory. */
static char *document(const struct matrix *m, const struct matrix_check *c)
{
	json_t *json = matrix_json(m), *whole;
	struct matrix there;
	char *text = NULL;

	if (json && !matrix_read(&there, json)) {
		if (!name_images(&there, c)) {
			whole = json_pack("{so so}", "matrix", matrix_json(&there), "check", matrix_check_json(m, c));
			text = whole ? json_dumps(whole, JSON_COMPACT) : NULL;
			json_decref(whole);
		}
		matrix_free(&there);
	}
	json_decref(json);
	return text;
}

static int set_command(struct host *h, const struct matrix_arguments *a)
{
	static char limit[32];
	enum progress_kind progress = a->options.progress;
	unsigned n = 0;

	if (program_self(h->self) || path_absolute(a->out, h->dir)) {
		say_error("this program's own path is not known; see whether /proc is mounted");
		return EXIT_INTERNAL;
	}
	if (progress == PROGRESS_AUTO)
		progress = isatty(STDERR_FILENO) ? PROGRESS_LINE : PROGRESS_PLAIN;
	snprintf(h->jobs, sizeof(h->jobs), "%u", a->options.jobs);
	snprintf(limit, sizeof(limit), "%lluns", (unsigned long long)a->options.time_limit_ns);
	snprintf(h->path, sizeof(h->path), "PATH=%s:/usr/sbin:/usr/bin:/sbin:/bin", getenv("PATH") ?: "");
	h->env[0] = h->path;
	h->argv[n++] = h->self;
	h->argv[n++] = "bench";
	h->argv[n++] = "run";
	h->argv[n++] = "--matrix=" MATRIX_IN_NESTED;
	h->argv[n++] = "--out";
	h->argv[n++] = h->dir;
	h->argv[n++] = "--jobs";
	h->argv[n++] = h->jobs;
	h->argv[n++] = "--progress";
	h->argv[n++] = progress_kinds[progress];
	if (a->options.time_limit_ns) {
		h->argv[n++] = "--time-limit";
		h->argv[n++] = limit;
	}
	h->plan.argv = h->argv;
	h->plan.env = h->env;
	return 0;
}

/* All of the cells' time-outs, should nobody there keep them. */
static uint64_t patience(const struct matrix *m, const struct matrix_check *c)
{
	uint64_t ns = 0;

	for (unsigned i = 0; i < m->n_cells; i++)
		ns += 2 * c->cell[i].timeout_ns * plan_runs_max(m);
	return ns;
}

static int make_plan(struct host *h, const struct matrix_arguments *a, const struct matrix_check *c)
{
	const struct matrix *m = &a->matrix;
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	int code = set_command(h, a);

	h->disks = calloc(m->n_cells * 16, sizeof(*h->disks));
	h->kernels = calloc(m->n_cells + 1, sizeof(*h->kernels));
	if (code || !h->disks || !h->kernels) {
		if (!code)
			say_error("out of memory");
		return code ? code : EXIT_INTERNAL;
	}
	for (unsigned i = 0; i < m->n_cells; i++)
		if (c->cell[i].needs)
			add_needs(h, c->cell[i].needs);
	add_file(h, &h->trees, h->dir, NULL);
	if (a->options.jobs > 1)
		h->plan.cpus = a->options.jobs * (c->cpus + 1);
	if ((long)h->plan.cpus > online)
		h->plan.cpus = (unsigned)online;
	h->plan.memory_mib = NESTED_OWN_MIB + h->guest_mib * a->options.jobs +
			     (uint64_t)m->n_cells * plan_runs_max(m) * RESULT_BYTES / MIB;
	h->plan.self = true;
	h->plan.binaries = h->binaries.list;
	h->plan.n_binaries = h->binaries.n;
	h->plan.files = h->files.list;
	h->plan.n_files = h->files.n;
	h->plan.trees = h->trees.list;
	h->plan.n_trees = h->trees.n;
	h->plan.disks = h->disks;
	h->plan.kernels = h->kernels;
	h->plan.timeout_ns = patience(m, c);
	return 0;
}

static void free_host(struct host *h)
{
	free(h->binaries.list);
	free(h->files.list);
	free(h->trees.list);
	free(h->disks);
	free(h->kernels);
	free(h);
}

int bench_matrix_nested(const struct matrix_arguments *a, const struct matrix_check *c, const struct records *r)
{
	struct nested_output_dir dir = { 0 };
	struct host *h = calloc(1, sizeof(*h));
	char *text = document(&a->matrix, c), why[1024];
	int code = EXIT_INTERNAL;

	if (h && text)
		code = make_plan(h, a, c);
	else
		say_error("out of memory");
	if (!code && h->no_memory) {
		say_error("out of memory");
		code = EXIT_INTERNAL;
	}
	if (!code) {
		dir.host = r->dir;
		dir.guest = h->dir;
		h->plan.output_dirs = &dir;
		h->plan.n_output_dirs = 1;
		h->plan.data = (struct nested_data){ .guest = MATRIX_IN_NESTED, .bytes = text, .len = strlen(text) };
		code = nested_run(&h->plan, why, sizeof(why));
		if (code < 0) {
			say_error("%s", why);
			code = nested_exit_code(code);
		}
	}
	if (h)
		free_host(h);
	free(text);
	return code;
}
