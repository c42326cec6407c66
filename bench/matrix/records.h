/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The directory of a matrix:
 *   matrix.json                        what was asked for
 *   state.json                         how each cell ended, and why it has no more boots
 *   cells/KEY/run-NNN.json, .log       a boot that counts, and what it said
 *   cells/KEY/run-NNN.STATUS-K.json    one that does not (invalid, failed, skipped), the K'th try
 *   cells/KEY/.ktstr-part-...          one that runs
 * Files appear whole or not at all, and none is ever overwritten but state.json. One process at a time works in it.
 */
#ifndef KTSTR_BENCH_MATRIX_RECORDS_H
#define KTSTR_BENCH_MATRIX_RECORDS_H

#include <limits.h>

#include "bench/matrix/plan.h"
#include "bench/result/boots.h"
#include "bench/result/validity.h"

struct records {
	const struct matrix *m;
	char dir[PATH_MAX];
	int lock; /* -1: not open */
};

/* One try of a boot. */
struct record_try {
	unsigned cell, index, position;
	unsigned attempt; /* from 1 */
	uint64_t seed;
	char part[PATH_MAX], log[PATH_MAX]; /* what ktstr bench writes to */
};

/*
 * Take @dir for @m: made if it is not there; one with results only to @resume, and where these are of the same matrix.
 * What a run that was killed left half written is removed. 0, or an exit code after a line on stderr: another process
 * works there, or there is no room for the results. records_close() in any case.
 */
int records_open(struct records *r, const struct matrix *m, const char *dir, bool resume);
/* In the nested host: a copy of a directory that is open around it. */
int records_open_nested(struct records *r, const struct matrix *m, const char *dir);
void records_close(struct records *r);
/* matrix.json of @dir, for --resume without words. 0, or an exit code after a line on stderr. */
int records_load(struct matrix *m, const char *dir);

/* cells/KEY */
const char *records_cell_dir(const struct records *r, unsigned cell, char path[PATH_MAX]);
/* Whether a result that counts is there. */
bool records_has(const struct records *r, unsigned cell, unsigned index);
unsigned records_count(const struct records *r, unsigned cell);

void records_try(const struct records *r, const struct plan_place *place, struct record_try *t);
/*
 * The try ended with @code. Reads what it wrote, decides whether it counts (@v), and publishes it. 0; or -errno: it
 * could not be written, and what is there is as it was.
 */
int records_finish(const struct records *r, const struct record_try *t, int code, struct validity *v);
/* A cell that can't be had gets a record with the reason, unless it has one. 0 or -errno. */
int records_skip(const struct records *r, unsigned cell, const char *reason);
/* The last line that the try said, "" for none. */
void records_last_line(const char *log, char *line, size_t size);
/* 0 while there is room for a result; or -errno. */
int records_room(const struct records *r);

/* The boots of a cell that count; to boots_free() and free(). NULL: no memory. */
struct boots *records_boots(const struct records *r, unsigned cell);
/* state.json: replaced by @state. 0 or -errno. */
int records_state(const struct records *r, const json_t *state);

#endif
