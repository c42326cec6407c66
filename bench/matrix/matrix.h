/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What ktstr bench run is asked for, as a value: lists of kernels, topologies, workloads and schedulers, whose product
 * are the cells; the words that all cells have in common; how many boots, and the seeds. Where a list is empty, the
 * common words or ktstr bench's defaults decide.
 *
 * Cells that differ in the scheduler alone are a group: comparisons are made within it, the first scheduler is the
 * base. The cells of a group stand side by side.
 */
#ifndef KTSTR_BENCH_MATRIX_MATRIX_H
#define KTSTR_BENCH_MATRIX_MATRIX_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/spec/list.h"

enum matrix_dimension { MATRIX_KERNELS, MATRIX_TOPOLOGIES, MATRIX_WORKLOADS, MATRIX_SCHEDULERS, MATRIX_DIMENSIONS };

#define MATRIX_VALUES_MAX 16 /* of each dimension */
#define MATRIX_CELLS_MAX 256
#define MATRIX_WORDS_MAX 256
#define MATRIX_LABEL_MAX 56
#define MATRIX_KEY_MAX (MATRIX_DIMENSIONS * MATRIX_LABEL_MAX)
#define MATRIX_EEVDF "eevdf" /* the kernel's own scheduler */

struct matrix_value {
	char *text; /* what ktstr bench is given */
	char label[MATRIX_LABEL_MAX];
};

struct matrix_list {
	struct matrix_value value[MATRIX_VALUES_MAX];
	unsigned n;
};

struct matrix_cell {
	unsigned at[MATRIX_DIMENSIONS]; /* which value of each list; 0 where a list is empty */
	unsigned group;
	char key[MATRIX_KEY_MAX]; /* its directory: the labels of what varies */
};

struct matrix {
	struct matrix_list list[MATRIX_DIMENSIONS];
	struct word_list words; /* for ktstr bench, of all cells */
	unsigned runs;		/* boots of each cell; 0: by @width */
	double width;		/* --runs auto: of the interval, as a part of the median */
	char *metric;		/* whose interval; NULL: the first */
	uint64_t order_seed;
	uint64_t seed; /* of the workloads of the first boot of each cell; the second has the next */
	struct matrix_cell *cell;
	unsigned n_cells, n_groups;
};

/* One more value with a label of its own, made of @name: what is no plain character becomes '-'. 0, -E2BIG, -ENOMEM. */
int matrix_add(struct matrix *m, enum matrix_dimension d, const char *text, const char *name);
/*
 * What --sched takes: eevdf in any case; @FILE or @FILE:NAME, profiles (lines NAME = WORDS, # begins a comment);
 * PATH:ARGUMENTS of a program; else what ktstr bench --scheduler takes. 0; or -EINVAL, -E2BIG, -ENOMEM and @why.
 */
int matrix_add_scheduler(struct matrix *m, const char *text, char *why, unsigned size);

/* The cells of the lists, with keys. Without a scheduler EEVDF is added. 0, -E2BIG or -ENOMEM. */
int matrix_make_cells(struct matrix *m);
/* The words of ktstr bench for @cell, behind "bench"; @extra go first. 0 or -ENOMEM; word_list_free() in any case. */
int matrix_words(const struct matrix *m, const struct matrix_cell *cell, const char *const *extra,
		 struct word_list *out);
/* The value's text or NULL where the list is empty. */
const char *matrix_text(const struct matrix *m, const struct matrix_cell *cell, enum matrix_dimension d);
const char *matrix_label(const struct matrix *m, const struct matrix_cell *cell, enum matrix_dimension d);
/* "wakeup on 1n2l, kernel 7.3"; "" where no list but the schedulers' has values. */
const char *matrix_group_text(const struct matrix *m, unsigned group, char text[MATRIX_KEY_MAX]);

/* Schema "ktstr-matrix/1", and back. NULL: no memory, or a word that is not UTF-8. */
json_t *matrix_json(const struct matrix *m);
/* 0; -EINVAL: no such document; -ENOMEM. matrix_free() in any case. */
int matrix_read(struct matrix *m, const json_t *json);
/* Whether both ask for the same but for the number of boots: then results of one go on with the other. */
bool matrix_is_same(const struct matrix *a, const struct matrix *b);
void matrix_free(struct matrix *m);

#endif
