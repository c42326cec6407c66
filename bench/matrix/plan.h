/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * In which order the boots come. Pure functions.
 *
 * Boots are planned in blocks of two of each cell. Within a block the groups come one after the other, in a random
 * order; and a group's cells come in a random order and then in the same backwards (ABBA), so that a drift that is even
 * within these boots hits all schedulers alike, and each is compared with those that ran next to it. A last block of
 * one boot each is half of that. The same seed gives the same order, and a block does not depend on how many follow.
 */
#ifndef KTSTR_BENCH_MATRIX_PLAN_H
#define KTSTR_BENCH_MATRIX_PLAN_H

#include "bench/matrix/matrix.h"

#define PLAN_BLOCK_MAX (2 * MATRIX_VALUES_MAX)

struct plan_place {
	unsigned cell, index; /* of the boot among its cell's, from 0 */
	unsigned position;    /* among all boots, from 0 */
};

/* The group's boots in block @block; returns how many: 0 when there is no such block. */
unsigned plan_block(const struct matrix *m, unsigned block, unsigned group, struct plan_place out[PLAN_BLOCK_MAX]);
/* Which group is the @rank'th of the block. */
unsigned plan_group(const struct matrix *m, unsigned block, unsigned rank);
unsigned plan_rank(const struct matrix *m, unsigned block, unsigned group);
/* How many boots a cell may have at most, and has at least, whatever they measure. */
unsigned plan_runs_max(const struct matrix *m);
unsigned plan_runs_min(const struct matrix *m);

#endif
