/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/matrix/lane.h"

#include <stdlib.h>
#include <string.h>

#include "bench/result/order.h"

static const char *const stop_names[] = { [STOP_COMPLETE] = "complete",
					  [STOP_PRECISION] = "precision",
					  [STOP_CEILING] = "ceiling",
					  [STOP_TIME] = "time",
					  [STOP_INTERRUPTED] = "interrupted" };

const char *lane_stop_name(enum lane_stop stop)
{
	return stop_names[stop];
}

void lane_init(struct lane *l, const struct matrix *m, unsigned group)
{
	memset(l, 0, sizeof(*l));
	l->group = group;
	l->n = plan_block(m, 0, group, l->place);
}

const struct plan_place *lane_place(const struct lane *l)
{
	return &l->place[l->at];
}

/* --- enough ------------------------------------------------------------- */

/* The metric whose interval is to be narrow: the one that was asked for, else the first usual one. */
static const struct metric *target(const struct boots *b, const char *name)
{
	if (name)
		return boots_find(b, name);
	for (unsigned i = 0; i < b->n_metrics; i++)
		if (b->metric[i]->usual)
			return b->metric[i];
	return NULL;
}

static enum enough cell_enough(const struct matrix *m, const struct records *r, unsigned cell)
{
	struct boots *b = records_boots(r, cell);
	const struct metric *metric = b ? target(b, m->metric) : NULL;
	enum enough enough = metric ? runs_enough(metric->value, metric->n, m->width) : ENOUGH_NO;

	if (b)
		boots_free(b);
	free(b);
	return enough;
}

enum lane_stop lane_enough(const struct matrix *m, const struct matrix_check *c, const struct records *r,
			   unsigned group)
{
	unsigned sides = m->list[MATRIX_SCHEDULERS].n;

	for (unsigned i = group * sides; i < (group + 1) * sides; i++)
		if (!*c->cell[i].skip && cell_enough(m, r, i) != ENOUGH_PRECISE)
			return STOP_NONE;
	return STOP_PRECISION;
}

/* --- the way ------------------------------------------------------------ */

static void stop(struct lane *l, enum lane_stop why)
{
	l->state = LANE_DONE;
	l->stop = why;
}

/* At the end of a block. False: that was the last. */
static bool next_block(struct lane *l, const struct matrix *m, const struct matrix_check *c, const struct records *r)
{
	if (!m->runs && lane_enough(m, c, r, l->group) == STOP_PRECISION) {
		stop(l, STOP_PRECISION);
		return false;
	}
	l->n = plan_block(m, ++l->block, l->group, l->place);
	l->at = 0;
	if (!l->n)
		stop(l, m->runs ? STOP_COMPLETE : STOP_CEILING);
	return l->n > 0;
}

static bool is_missing(const struct lane *l, const struct matrix_check *c, const struct records *r)
{
	const struct plan_place *p = lane_place(l);

	return !*c->cell[p->cell].skip && !l->given_up && !records_has(r, p->cell, p->index);
}

void lane_advance(struct lane *l, const struct matrix *m, const struct matrix_check *c, const struct records *r,
		  bool late)
{
	while (l->state == LANE_READY) {
		if (l->at == l->n && !next_block(l, m, c, r))
			return;
		if (is_missing(l, c, r)) {
			/* All sides have as many boots then, but for those that are missing anyway. */
			if (late && !l->invalid && !l->failed && l->at % m->list[MATRIX_SCHEDULERS].n == 0)
				stop(l, STOP_TIME);
			return;
		}
		l->at++;
		l->given_up = false;
		l->invalid = l->failed = 0;
	}
}
