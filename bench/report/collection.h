/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All results of a directory, as a report shows them: cells in groups, and of each run its metrics and the curve of
 * each workload's latency. Bounded, and a file that can't be read is a run like others, with the reason.
 */
#ifndef KTSTR_BENCH_REPORT_COLLECTION_H
#define KTSTR_BENCH_REPORT_COLLECTION_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "bench/report/run.h"
#include "bench/result/boots.h"
#include "bench/result/rundir.h"

#define COLLECTION_CELLS_MAX RUNDIR_CELLS_MAX
#define COLLECTION_RUNS_MAX 20000

struct report_cell {
	char key[256], label[256];
	char kernel[256], topology[256], workload[256]; /* as they were asked for; "": the default */
	unsigned group;
	char dir[PATH_MAX];
	struct boots *boots; /* the valid ones, as ktstr bench compare has them */
	char why[512];	     /* no boots: the reason */
	unsigned runs, valid;
};

struct collection {
	char dir[PATH_MAX];
	struct rundir *rundir; /* what was asked for; NULL: there is no matrix.json */
	struct report_cell *cell;
	unsigned n_cells, n_groups;
	struct report_run *run; /* of a cell together, in the order they were run */
	unsigned n_runs;
};

/* @base: label of the cell that others are compared with; NULL: the first that was asked for. 0; or -errno and @why. */
int collection_read(struct collection *c, const char *dir, const char *base, char *why, size_t size);
void collection_free(struct collection *c);

#endif
