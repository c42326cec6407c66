/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/verb/bench_matrix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/base/say.h"
#include "bench/base/size.h"
#include "bench/result/order.h"

/* --- --dry-run ---------------------------------------------------------- */

/* Called for each boot of the plan, in its order. */
static void each_place(const struct matrix *m, unsigned runs,
		       void (*fn)(void *ctx, const struct matrix *m, const struct plan_place *place), void *ctx)
{
	struct plan_place place[PLAN_BLOCK_MAX];

	for (unsigned block = 0; 2 * block < runs; block++)
		for (unsigned rank = 0; rank < m->n_groups; rank++) {
			unsigned n = plan_block(m, block, plan_group(m, block, rank), place);

			for (unsigned i = 0; i < n; i++)
				fn(ctx, m, &place[i]);
		}
}

static void print_place(void *ctx, const struct matrix *m, const struct plan_place *place)
{
	(void)ctx;
	printf("  %4u  %s run %u\n", place->position + 1, m->cell[place->cell].key, place->index + 1);
}

static void add_place(void *ctx, const struct matrix *m, const struct plan_place *place)
{
	json_array_append_new(ctx, json_pack("{ss si si}", "cell", m->cell[place->cell].key, "index",
					     (int)place->index + 1, "position", (int)place->position + 1));
}

static int show_json(const struct matrix_arguments *a, const struct matrix_check *c)
{
	json_t *json = matrix_json(&a->matrix), *order = json_array();
	int rc;

	each_place(&a->matrix, plan_runs_min(&a->matrix), add_place, order);
	json_object_set_new(json, "order", order);
	json_object_set_new(json, "estimated_ns",
			    json_integer((json_int_t)matrix_estimate(&a->matrix, c, a->options.jobs)));
	rc = !json || json_dumpf(json, stdout, JSON_INDENT(1) | JSON_SORT_KEYS) || putchar('\n') == EOF;
	json_decref(json);
	return rc || fflush(stdout) ? EXIT_FAILED : EXIT_OK;
}

int bench_matrix_show(const struct matrix_arguments *a, const struct matrix_check *c)
{
	const struct matrix *m = &a->matrix;
	uint64_t minutes = (matrix_estimate(m, c, a->options.jobs) + 59999999999) / 60000000000;

	if (a->dry_run == DRY_RUN_JSON)
		return show_json(a, c);
	printf("%u cells, ", m->n_cells);
	if (m->runs)
		printf("%u boots of each, %u in all: about", m->runs, m->runs * m->n_cells);
	else
		printf("%d to %d boots of each: at most about", RUNS_AUTO_MIN, RUNS_AUTO_MAX);
	printf(" %llu min", (unsigned long long)minutes);
	if (c->nested)
		printf(" in one nested host");
	if (a->options.jobs > 1)
		printf(", %u side by side", a->options.jobs);
	printf("\norder seed %llu, workload seeds from %llu\n\ncells\n", (unsigned long long)m->order_seed,
	       (unsigned long long)m->seed);
	for (unsigned i = 0; i < m->n_cells; i++) {
		const struct matrix_cell *cell = &m->cell[i];

		printf("  %s%s", cell->key, cell->at[MATRIX_SCHEDULERS] ? "" : " (base)");
		printf(*c->cell[i].skip ? ": skipped: %s\n" : "%s\n", c->cell[i].skip);
	}
	printf("\norder\n");
	each_place(m, plan_runs_min(m), print_place, NULL);
	if (!m->runs)
		printf("  and so on, until the interval of each median is within %g %%\n", 100 * m->width);
	return fflush(stdout) ? EXIT_FAILED : EXIT_OK;
}

/* --- the whole ---------------------------------------------------------- */

static unsigned missing(const struct matrix *m, const struct matrix_check *c, const struct records *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->n_cells; i++)
		for (unsigned k = 0; k < plan_runs_min(m) && !*c->cell[i].skip; k++)
			n += !records_has(r, i, k);
	return n;
}

/* What the boots left, in a line for the user. An exit code. */
static int say_end(const struct matrix_arguments *a, const struct matrix_check *c, const struct records *r,
		   const struct matrix_end *end)
{
	unsigned left = missing(&a->matrix, c, r);

	if (end->signal) {
		say_error("bench run: stopped by %s; go on with --resume", strsignal(end->signal));
		return 128 + end->signal;
	}
	if (end->by_time)
		say_error("bench run: the time limit was reached; go on with --resume");
	if (end->invalid && a->options.progress != PROGRESS_NONE)
		say_error("bench run: %u invalid boot%s, repeated; see run-*.invalid-*.json in %s", end->invalid,
			  end->invalid == 1 ? "" : "s", r->dir);
	if (!left || end->by_time)
		return EXIT_OK;
	say_error("bench run: %u boot%s failed, and %s not counted; see run-*.failed-*.log in %s", left,
		  left == 1 ? "" : "s", left == 1 ? "is" : "are", r->dir);
	return EXIT_FAILED;
}

int bench_matrix_inner(struct matrix_arguments *a, struct matrix_check *c)
{
	json_t *json = json_load_file(a->inner, 0, NULL);
	struct matrix_end end;
	struct records r;
	bool ok;
	int code;

	matrix_free(&a->matrix);
	ok = json && !matrix_read(&a->matrix, json_object_get(json, "matrix")) &&
	     !matrix_check_read(&a->matrix, c, json_object_get(json, "check"));
	json_decref(json);
	if (!ok) {
		say_error("--matrix %s: not what ktstr bench run writes for the nested host", a->inner);
		return EXIT_INTERNAL;
	}
	a->options.jobs = matrix_jobs(&a->matrix, c, a->jobs);
	code = records_open_nested(&r, &a->matrix, a->out);
	if (!code)
		code = matrix_run(&a->matrix, c, &r, &a->options, &end);
	if (!code)
		code = say_end(a, c, &r, &end);
	return code;
}

/* The boots. An exit code; 1: some failed, and the others may be judged; others: there is no verdict. */
static int boot_all(struct matrix_arguments *a, struct matrix_check *c, const struct records *r, bool *ended)
{
	struct matrix_end end;
	int code;

	if (c->nested && missing(&a->matrix, c, r)) {
		code = bench_matrix_nested(a, c, r);
		*ended = code <= EXIT_FAILED;
		/* What failed there was said there; this would be the nested host's fault. */
		if (!code && missing(&a->matrix, c, r) && !a->options.time_limit_ns) {
			say_error("bench run: %u boots left no result in %s; report this as a fault, and go on with "
				  "--resume",
				  missing(&a->matrix, c, r), r->dir);
			*ended = false;
			code = EXIT_FAILED;
		}
		return code;
	}
	code = matrix_run(&a->matrix, c, r, &a->options, &end);
	*ended = !code;
	return code && !end.signal ? code : say_end(a, c, r, &end);
}

/* A cell that is known to be impossible has a record that says so. */
static int skip_cell(const struct matrix_arguments *a, const struct matrix_check *c, const struct records *r,
		     unsigned cell)
{
	int rc = records_skip(r, cell, c->cell[cell].skip);

	say_error("bench run: %s: skipped: %s", a->matrix.cell[cell].key, c->cell[cell].skip);
	if (rc)
		say_error("bench run: %s: a result can't be written: %s", r->dir, strerror(-rc));
	return rc ? EXIT_UNAVAILABLE : EXIT_OK;
}

int bench_matrix_run(struct matrix_arguments *a, struct matrix_check *c)
{
	struct records r;
	bool ended = false;
	int code = records_open(&r, &a->matrix, a->out, a->resume), compared = EXIT_OK;

	for (unsigned i = 0; i < a->matrix.n_cells && !code; i++)
		if (*c->cell[i].skip)
			code = skip_cell(a, c, &r, i);
	if (!code)
		code = boot_all(a, c, &r, &ended);
	if (ended && a->matrix.list[MATRIX_SCHEDULERS].n > 1)
		compared = compare_rundir(&a->compare, a->out);
	records_close(&r);
	return code ? code : compared;
}
