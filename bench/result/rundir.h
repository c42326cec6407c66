/* SPDX-License-Identifier: GPL-2.0-only */
/* The directory that ktstr bench run leaves: matrix.json, what was asked, and cells/KEY with the results of each cell.
 */
#ifndef KTSTR_BENCH_RESULT_RUNDIR_H
#define KTSTR_BENCH_RESULT_RUNDIR_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>

#include "bench/result/boots.h"

#define RUNDIR_CELLS_MAX 256

struct rundir_cell {
	const char *key;					      /* "" is never one: a plain file name */
	const char *label, *kernel, *topology, *workload, *scheduler; /* NULL: the default */
	unsigned group; /* cells that differ in the scheduler alone; the first of them is the base */
};

struct rundir {
	char path[PATH_MAX];
	json_t *matrix; /* schema "ktstr-matrix/1" */
	struct rundir_cell cell[RUNDIR_CELLS_MAX];
	unsigned n;
	char repeat[2048]; /* the command that asks for the same, as a shell takes it; cut where it is longer */
};

/* Whether @path is such a directory: it has a matrix.json. */
bool rundir_is(const char *path);
/* 0; or -errno and @why: one line that names the file. rundir_free() in any case. */
int rundir_read(struct rundir *d, const char *path, char *why, size_t size);
void rundir_free(struct rundir *d);
/* The directory of @cell. */
const char *rundir_cell_path(const struct rundir *d, const struct rundir_cell *cell, char path[PATH_MAX]);
/* As boots_read_any(), under the scheduler as it was asked for. */
int rundir_boots(const struct rundir *d, const struct rundir_cell *cell, struct boots *b, char *why, size_t size);
/* The cell that @cell is compared with: the first of its group, itself perhaps. */
const struct rundir_cell *rundir_base(const struct rundir *d, const struct rundir_cell *cell);

#endif
