/* SPDX-License-Identifier: GPL-2.0-only */
/* The order of the boots (BEN-03), and a matrix as JSON and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/matrix/plan.h"
#include "bench/result/order.h"

static void make(struct matrix *m, unsigned workloads, unsigned schedulers, unsigned runs, uint64_t seed)
{
	static const char *const names[] = { "a", "b", "c", "d" };

	*m = (struct matrix){ .runs = runs, .order_seed = seed, .seed = 1, .width = runs ? 0 : 0.05 };
	for (unsigned i = 0; i < workloads; i++)
		assert_int_equal(matrix_add(m, MATRIX_WORKLOADS, names[i], names[i]), 0);
	for (unsigned i = 0; i < schedulers; i++)
		assert_int_equal(matrix_add(m, MATRIX_SCHEDULERS, names[i], names[i]), 0);
	assert_int_equal(matrix_make_cells(m), 0);
}

/* The sum of the places of each cell, and that each boot has one place. */
static void sums(const struct matrix *m, uint64_t sum[MATRIX_CELLS_MAX])
{
	unsigned seen[1000] = { 0 }, boots[MATRIX_CELLS_MAX] = { 0 };
	struct plan_place place[PLAN_BLOCK_MAX];

	memset(sum, 0, MATRIX_CELLS_MAX * sizeof(*sum));
	for (unsigned block = 0; 2 * block < plan_runs_max(m); block++)
		for (unsigned g = 0; g < m->n_groups; g++) {
			unsigned n = plan_block(m, block, g, place);

			for (unsigned i = 0; i < n; i++) {
				assert_int_equal(m->cell[place[i].cell].group, g);
				assert_in_range(place[i].index, 2 * block, 2 * block + 1);
				assert_int_equal(seen[place[i].position]++, 0);
				sum[place[i].cell] += place[i].position + 1;
				boots[place[i].cell]++;
			}
		}
	for (unsigned i = 0; i < m->n_cells; i++)
		assert_int_equal(boots[i], plan_runs_max(m));
	for (unsigned i = 0; i < plan_runs_max(m) * m->n_cells; i++)
		assert_int_equal(seen[i], 1);
}

/* BEN-03: no scheduler has all early or all late places, in a group or in all of them. */
static void sides_have_alike_places(void **state)
{
	for (uint64_t seed = 0; seed < 100; seed++)
		for (unsigned runs = 9; runs <= 10; runs++) {
			uint64_t sum[MATRIX_CELLS_MAX];
			struct matrix m;

			make(&m, 3, 3, runs, seed);
			sums(&m, sum);
			for (unsigned i = 0; i < m.n_cells; i++) {
				uint64_t base = sum[m.cell[i].group * 3];

				/* Whole blocks are exactly even. */
				if (runs == 10)
					assert_int_equal(sum[i], base);
				assert_true(sum[i] * 10 <= base * 11 && base * 10 <= sum[i] * 11);
			}
			matrix_free(&m);
		}
}

static void order_is_the_seeds(void **state)
{
	struct plan_place one[PLAN_BLOCK_MAX], two[PLAN_BLOCK_MAX];
	struct matrix a, b, longer;
	unsigned differ = 0;

	make(&a, 2, 4, 10, 1);
	make(&b, 2, 4, 10, 2);
	make(&longer, 2, 4, 20, 1);
	for (unsigned block = 0; block < 5; block++) {
		unsigned n = plan_block(&a, block, 1, one);

		/* More boots come after these, and change nothing of them. */
		assert_int_equal(plan_block(&longer, block, 1, two), n);
		assert_memory_equal(one, two, n * sizeof(*one));
		plan_block(&b, block, 1, two);
		differ += memcmp(one, two, n * sizeof(*one)) != 0;
	}
	assert_true(differ > 0);
	assert_int_equal(plan_block(&a, 5, 1, one), 0);
	matrix_free(&a);
	matrix_free(&b);
	matrix_free(&longer);
}

static void automatic_runs_are_bounded(void **state)
{
	uint64_t sum[MATRIX_CELLS_MAX];
	struct matrix m;

	make(&m, 1, 2, 0, 1);
	assert_int_equal(plan_runs_min(&m), RUNS_AUTO_MIN);
	assert_int_equal(plan_runs_max(&m), RUNS_AUTO_MAX);
	sums(&m, sum);
	matrix_free(&m);
}

static void json_and_back(void **state)
{
	for (unsigned runs = 0; runs <= 10; runs += 10) {
		struct matrix m, back;
		json_t *json;

		make(&m, 2, 2, runs, 5);
		assert_int_equal(word_list_add(&m.words, "--cpus=4"), 0);
		json = matrix_json(&m);
		assert_non_null(json);
		assert_int_equal(matrix_read(&back, json), 0);
		assert_true(matrix_is_same(&m, &back));
		assert_int_equal(back.runs, m.runs);
		assert_int_equal(back.n_cells, 4);
		assert_string_equal(back.cell[3].key, "b+b");
		back.seed++;
		assert_false(matrix_is_same(&m, &back));
		matrix_free(&back);
		/* Whatever is left out of it or is of another kind is noticed, or has a default. */
		for (const char *key = "schema"; key; key = !strcmp(key, "schema") ? "kernels" : NULL) {
			json_object_set_new(json, key, json_integer(1));
			assert_int_equal(matrix_read(&back, json), -22);
			matrix_free(&back);
		}
		json_decref(json);
		matrix_free(&m);
	}
}

static void labels(void **state)
{
	struct matrix m = { .runs = 1 };
	char why[128];

	assert_int_equal(matrix_add(&m, MATRIX_WORKLOADS, "x", "../a/b:c d+"), 0);
	assert_string_equal(m.list[MATRIX_WORKLOADS].value[0].label, "-.-a-b-c-d-");
	assert_int_equal(matrix_add(&m, MATRIX_WORKLOADS, "y", ""), 0);
	assert_string_equal(m.list[MATRIX_WORKLOADS].value[1].label, "none");
	for (unsigned i = 0; i < MATRIX_VALUES_MAX; i++)
		assert_int_equal(matrix_add_scheduler(&m, "EEVDF", why, sizeof(why)), 0);
	assert_true(matrix_add_scheduler(&m, "eevdf", why, sizeof(why)) < 0);
	assert_string_equal(why, "more than 16 schedulers");
	assert_string_equal(m.list[MATRIX_SCHEDULERS].value[15].label, "eevdf-16");
	matrix_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sides_have_alike_places),
		cmocka_unit_test(order_is_the_seeds),
		cmocka_unit_test(automatic_runs_are_bounded),
		cmocka_unit_test(json_and_back),
		cmocka_unit_test(labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
