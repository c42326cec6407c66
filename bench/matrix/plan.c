/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/matrix/plan.h"

#include "bench/result/order.h"
#include "bench/result/random.h"

/* A seed for each part of the order. */
static uint64_t mix(uint64_t seed, uint64_t block, uint64_t what)
{
	struct random r = { .state = seed };

	r.state ^= random_next(&r) + block;
	r.state ^= random_next(&r) + what;
	return random_next(&r);
}

unsigned plan_runs_max(const struct matrix *m)
{
	return m->runs ? m->runs : RUNS_AUTO_MAX;
}

unsigned plan_runs_min(const struct matrix *m)
{
	return m->runs ? m->runs : RUNS_AUTO_MIN;
}

unsigned plan_rank(const struct matrix *m, unsigned block, unsigned group)
{
	unsigned order[MATRIX_CELLS_MAX], rank = 0;

	order_make(m->n_groups, 1, mix(m->order_seed, block, MATRIX_CELLS_MAX), order);
	while (order[rank] != group)
		rank++;
	return rank;
}

unsigned plan_group(const struct matrix *m, unsigned block, unsigned rank)
{
	unsigned order[MATRIX_CELLS_MAX];

	order_make(m->n_groups, 1, mix(m->order_seed, block, MATRIX_CELLS_MAX), order);
	return order[rank];
}

unsigned plan_block(const struct matrix *m, unsigned block, unsigned group, struct plan_place out[PLAN_BLOCK_MAX])
{
	unsigned side[PLAN_BLOCK_MAX], sides = m->list[MATRIX_SCHEDULERS].n, first = 2 * block;
	unsigned runs = first >= plan_runs_max(m) ? 0 : plan_runs_max(m) - first > 1 ? 2 : 1;
	unsigned from = first * m->n_cells;

	if (!runs)
		return 0;
	from += plan_rank(m, block, group) * sides * runs;
	order_make(sides, runs, mix(m->order_seed, block, group), side);
	for (unsigned i = 0; i < sides * runs; i++)
		out[i] = (struct plan_place){ .cell = group * sides + side[i],
					      .index = first + (i >= sides),
					      .position = from + i };
	return sides * runs;
}
