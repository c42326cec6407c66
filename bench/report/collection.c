/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/report/collection.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/report/run.h"

/* --- cells -------------------------------------------------------------- */

static struct report_cell *add_cell(struct collection *c, const char *key)
{
	struct report_cell *cells, *cell;

	if (c->n_cells == COLLECTION_CELLS_MAX)
		return NULL;
	cells = realloc(c->cell, (c->n_cells + 1) * sizeof(*cells));
	if (!cells)
		return NULL;
	c->cell = cells;
	cell = memset(&cells[c->n_cells++], 0, sizeof(*cell));
	snprintf(cell->key, sizeof(cell->key), "%s", key);
	snprintf(cell->label, sizeof(cell->label), "%s", key);
	return cell;
}

static int is_result(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return *d->d_name != '.' && n > 5 && !strcmp(d->d_name + n - 5, ".json") && strcmp(d->d_name, "matrix.json") &&
	       strcmp(d->d_name, "state.json");
}

static void free_names(struct dirent **names, int n)
{
	for (int i = 0; i < n; i++)
		free(names[i]);
	if (n >= 0)
		free(names);
}

static bool has_results(const char *dir)
{
	struct dirent **names;
	int n = scandir(dir, &names, is_result, NULL);

	free_names(names, n);
	return n > 0;
}

static int take_cells(struct collection *c)
{
	for (unsigned i = 0; i < c->rundir->n; i++) {
		const struct rundir_cell *from = &c->rundir->cell[i];
		struct report_cell *cell = add_cell(c, from->key);

		if (!cell)
			return -ENOMEM;
		cell->group = from->group;
		snprintf(cell->label, sizeof(cell->label), "%s", from->label);
		snprintf(cell->kernel, sizeof(cell->kernel), "%s", from->kernel ? from->kernel : "");
		snprintf(cell->topology, sizeof(cell->topology), "%s", from->topology ? from->topology : "");
		snprintf(cell->workload, sizeof(cell->workload), "%s", from->workload ? from->workload : "");
		rundir_cell_path(c->rundir, from, cell->dir);
	}
	return 0;
}

/* Without a matrix.json each directory below that has results is a cell, or else the directory itself. */
static int find_cells(struct collection *c, char *why, size_t size)
{
	char path[PATH_MAX];
	struct dirent **names;
	struct stat st;
	int n;

	snprintf(path, sizeof(path), "%.3000s/cells", c->dir);
	if (stat(path, &st))
		snprintf(path, sizeof(path), "%.3000s", c->dir);
	n = scandir(path, &names, NULL, alphasort);
	if (n < 0) {
		snprintf(why, size, "%.300s: %s", path, strerror(errno));
		return -errno;
	}
	for (int i = 0; i < n; i++) {
		char dir[PATH_MAX];
		struct report_cell *cell;

		snprintf(dir, sizeof(dir), "%.3300s/%.255s", path, names[i]->d_name);
		if (*names[i]->d_name == '.' || !has_results(dir))
			continue;
		cell = add_cell(c, names[i]->d_name);
		if (cell)
			snprintf(cell->dir, sizeof(cell->dir), "%s", dir);
	}
	free_names(names, n);
	if (!c->n_cells && has_results(path)) {
		const char *name = strrchr(path, '/');
		struct report_cell *cell = add_cell(c, name && name[1] ? name + 1 : path);

		if (cell)
			snprintf(cell->dir, sizeof(cell->dir), "%s", path);
	}
	if (c->n_cells)
		return 0;
	snprintf(why, size, "%.300s: no results in it; name the directory of ktstr bench run --out", c->dir);
	return -ENOENT;
}

static int read_matrix(struct collection *c, char *why, size_t size)
{
	int rc;

	if (!rundir_is(c->dir))
		return find_cells(c, why, size);
	c->rundir = malloc(sizeof(*c->rundir));
	if (!c->rundir) {
		snprintf(why, size, "out of memory");
		return -ENOMEM;
	}
	rc = rundir_read(c->rundir, c->dir, why, size);
	return rc ? rc : take_cells(c);
}

/* --- runs --------------------------------------------------------------- */

static int compare_runs(const void *a, const void *b)
{
	const struct report_run *x = a, *y = b;

	if (x->cell != y->cell)
		return x->cell < y->cell ? -1 : 1;
	if (x->position != y->position)
		return x->position < y->position ? -1 : 1;
	if (x->attempt != y->attempt)
		return x->attempt < y->attempt ? -1 : 1;
	return strcmp(x->file, y->file);
}

static int add_run(struct collection *c, unsigned cell, const char *name)
{
	struct report_run *r = &c->run[c->n_runs];
	const char *top = c->cell[cell].dir + strlen(c->dir);
	char path[PATH_MAX];

	memset(r, 0, sizeof(*r));
	r->cell = cell;
	if (asprintf(&r->file, "%s%s%s", *top == '/' ? top + 1 : top, *top ? "/" : "", name) < 0) {
		r->file = NULL;
		return -ENOMEM;
	}
	c->n_runs++;
	snprintf(path, sizeof(path), "%.3800s/%.255s", c->cell[cell].dir, name);
	c->cell[cell].runs++;
	return run_read(r, path);
}

static void none_valid(struct report_cell *cell)
{
	size_t at = (size_t)snprintf(cell->why, sizeof(cell->why), "no valid run");

	for (unsigned i = 0; i < VALIDITY_STATUSES && at < sizeof(cell->why); i++)
		if (cell->boots->other[i])
			at += (size_t)snprintf(cell->why + at, sizeof(cell->why) - at, "; %u %s: %s",
					       cell->boots->other[i], validity_name((enum validity_status)i),
					       cell->boots->why[i]);
}

static int read_cell(struct collection *c, unsigned i, char *why, size_t size)
{
	struct report_cell *cell = &c->cell[i];
	struct dirent **names;
	int n = scandir(cell->dir, &names, is_result, alphasort), rc = 0;
	struct report_run *runs;

	cell->boots = calloc(1, sizeof(*cell->boots));
	runs = realloc(c->run, (c->n_runs + (n > 0 ? (unsigned)n : 0) + 1) * sizeof(*runs));
	if (runs)
		c->run = runs;
	if (!cell->boots || !runs)
		rc = -ENOMEM;
	for (int k = 0; k < n && !rc; k++) {
		if (c->n_runs == COLLECTION_RUNS_MAX) {
			snprintf(why, size, "%.300s: more than %d results", c->dir, COLLECTION_RUNS_MAX);
			rc = -E2BIG;
		} else {
			rc = add_run(c, i, names[k]->d_name);
		}
	}
	free_names(names, n);
	if (!rc && !boots_read_any(cell->boots, cell->dir, cell->why, sizeof(cell->why)))
		cell->valid = cell->boots->n;
	if (!rc && !cell->valid && !*cell->why)
		none_valid(cell);
	if (rc == -ENOMEM)
		snprintf(why, size, "out of memory");
	return rc;
}

/* The base of each group goes first. */
static void put_base_first(struct collection *c, const char *base)
{
	for (unsigned i = 1; i < c->n_cells; i++) {
		struct report_cell cell = c->cell[i];
		unsigned k = i;

		if (strcmp(cell.label, base))
			continue;
		for (; k && c->cell[k - 1].group == cell.group; k--)
			c->cell[k] = c->cell[k - 1];
		c->cell[k] = cell;
	}
}

/* Cells of a group together, in the order they were asked for. */
static void sort_groups(struct collection *c)
{
	for (unsigned i = 1; i < c->n_cells; i++) {
		struct report_cell cell = c->cell[i];
		unsigned k = i;

		for (; k && c->cell[k - 1].group > cell.group; k--)
			c->cell[k] = c->cell[k - 1];
		c->cell[k] = cell;
	}
}

static bool has_label(const struct collection *c, const char *label)
{
	for (unsigned i = 0; i < c->n_cells; i++)
		if (!strcmp(c->cell[i].label, label))
			return true;
	return false;
}

int collection_read(struct collection *c, const char *dir, const char *base, char *why, size_t size)
{
	size_t n = strlen(dir);
	int rc;

	*c = (struct collection){ 0 };
	if (n > 3000) {
		snprintf(why, size, "%.40s...: the path is too long", dir);
		return -ENAMETOOLONG;
	}
	snprintf(c->dir, sizeof(c->dir), "%s", dir);
	while (n > 1 && c->dir[n - 1] == '/')
		c->dir[--n] = '\0';
	rc = read_matrix(c, why, size);
	if (rc)
		return rc;
	if (base && !has_label(c, base)) {
		snprintf(why, size, "--base %.100s: no such cell in %.300s; the first is %.100s", base, c->dir,
			 c->cell[0].label);
		return -ENOENT;
	}
	sort_groups(c);
	if (base || !c->rundir)
		put_base_first(c, base ? base : "eevdf");
	for (unsigned i = 0; i < c->n_cells; i++) {
		if (!i || c->cell[i].group != c->cell[i - 1].group)
			c->n_groups++;
		rc = read_cell(c, i, why, size);
		if (rc)
			return rc;
	}
	qsort(c->run, c->n_runs, sizeof(*c->run), compare_runs);
	for (unsigned i = 1; i < c->n_runs; i++)
		c->run[i].nth = c->run[i].cell == c->run[i - 1].cell ? c->run[i - 1].nth + 1 : 0;
	return 0;
}

void collection_free(struct collection *c)
{
	for (unsigned i = 0; i < c->n_runs; i++)
		run_free(&c->run[i]);
	for (unsigned i = 0; i < c->n_cells; i++) {
		if (c->cell[i].boots)
			boots_free(c->cell[i].boots);
		free(c->cell[i].boots);
	}
	free(c->run);
	free(c->cell);
	if (c->rundir)
		rundir_free(c->rundir);
	free(c->rundir);
}
