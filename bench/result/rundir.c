/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/result/rundir.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/result/text.h"

bool rundir_is(const char *path)
{
	char file[PATH_MAX + 16];

	snprintf(file, sizeof(file), "%s/matrix.json", path);
	return !access(file, F_OK);
}

/* A plain name, so that it leads nowhere else. */
static bool is_key(const char *key)
{
	return key && *key && *key != '.' && !strchr(key, '/') && strlen(key) < NAME_MAX;
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static bool read_cell(struct rundir_cell *cell, const json_t *json)
{
	json_int_t group = json_integer_value(json_object_get(json, "group"));

	*cell = (struct rundir_cell){ .key = text_of(json, "key"),
				      .label = text_of(json, "label"),
				      .kernel = text_of(json, "kernel"),
				      .topology = text_of(json, "topology"),
				      .workload = text_of(json, "workload"),
				      .scheduler = text_of(json, "scheduler"),
				      .group = group >= 0 && group < RUNDIR_CELLS_MAX ? (unsigned)group : 0 };
	if (!cell->label)
		cell->label = cell->key;
	return is_key(cell->key);
}

/* " --sched WORD", @option "" for " WORD" */
static void add_words(struct rundir *d, const char *option, const char *word)
{
	char clean[256], quoted[512], one[600];
	size_t at = strlen(d->repeat);

	text_clean(clean, sizeof(clean), word);
	text_shell_word(quoted, sizeof(quoted), clean);
	snprintf(one, sizeof(one), " %s%s%s", option, *option ? " " : "", quoted);
	if (at + strlen(one) < sizeof(d->repeat))
		strcpy(d->repeat + at, one);
}

static void put_repeat(struct rundir *d)
{
	static const struct {
		const char *list, *option;
	} lists[] = { { "kernels", "--kernel" },
		      { "topologies", "--topology" },
		      { "workloads", "-w" },
		      { "schedulers", "--sched" } };
	json_t *value;
	char number[32];
	size_t i;

	snprintf(d->repeat, sizeof(d->repeat), "ktstr bench run --out DIR");
	for (unsigned k = 0; k < sizeof(lists) / sizeof(*lists); k++)
		json_array_foreach(json_object_get(d->matrix, lists[k].list), i, value) if (text_of(value, "text"))
			add_words(d, lists[k].option, text_of(value, "text"));
	if (json_is_integer(json_object_get(d->matrix, "runs"))) {
		snprintf(number, sizeof(number), "%lld",
			 (long long)json_integer_value(json_object_get(d->matrix, "runs")));
		add_words(d, "--runs", number);
	}
	if (json_is_integer(json_object_get(d->matrix, "order_seed"))) {
		snprintf(number, sizeof(number), "%lld",
			 (long long)json_integer_value(json_object_get(d->matrix, "order_seed")));
		add_words(d, "--order-seed", number);
	}
	json_array_foreach(json_object_get(d->matrix, "bench"), i, value) if (json_is_string(value))
		add_words(d, "", json_string_value(value));
}

int rundir_read(struct rundir *d, const char *path, char *why, size_t size)
{
	char file[PATH_MAX + 16];
	const char *schema;
	json_error_t error;
	json_t *cells, *cell;
	size_t i;

	memset(d, 0, sizeof(*d));
	snprintf(d->path, sizeof(d->path), "%s", path);
	snprintf(file, sizeof(file), "%s/matrix.json", path);
	d->matrix = json_load_file(file, 0, &error);
	if (!d->matrix) {
		snprintf(why, size, "%s: line %d: %s", file, error.line, error.text);
		return -EINVAL;
	}
	schema = text_of(d->matrix, "schema");
	cells = json_object_get(d->matrix, "cells");
	if (!schema || strcmp(schema, "ktstr-matrix/1") || !json_array_size(cells) ||
	    json_array_size(cells) > RUNDIR_CELLS_MAX) {
		snprintf(why, size, "%s: not a matrix of ktstr bench run", file);
		return -EINVAL;
	}
	json_array_foreach(cells, i, cell)
	{
		if (!read_cell(&d->cell[d->n], cell)) {
			snprintf(why, size, "%s: cell %zu has no key that is a plain name", file, i);
			return -EINVAL;
		}
		d->n++;
	}
	put_repeat(d);
	return 0;
}

void rundir_free(struct rundir *d)
{
	json_decref(d->matrix);
	d->matrix = NULL;
}

const char *rundir_cell_path(const struct rundir *d, const struct rundir_cell *cell, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%.3600s/cells/%.255s", d->path, cell->key);
	return path;
}

int rundir_boots(const struct rundir *d, const struct rundir_cell *cell, struct boots *b, char *why, size_t size)
{
	char path[PATH_MAX];
	int rc = boots_read_any(b, rundir_cell_path(d, cell, path), why, size);

	text_clean(b->label, sizeof(b->label), cell->scheduler ? cell->scheduler : cell->label);
	return rc;
}

const struct rundir_cell *rundir_base(const struct rundir *d, const struct rundir_cell *cell)
{
	for (unsigned i = 0; i < d->n; i++)
		if (d->cell[i].group == cell->group)
			return &d->cell[i];
	return cell;
}
