/* SPDX-License-Identifier: GPL-2.0-only */
/* A matrix as JSON: matrix.json beside the results, and what the nested host is given. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "bench/matrix/matrix.h"
#include "bench/result/order.h"

static const char *const names[] = { [MATRIX_KERNELS] = "kernels",
				     [MATRIX_TOPOLOGIES] = "topologies",
				     [MATRIX_WORKLOADS] = "workloads",
				     [MATRIX_SCHEDULERS] = "schedulers" };
static const char *const singular[] = { [MATRIX_KERNELS] = "kernel",
					[MATRIX_TOPOLOGIES] = "topology",
					[MATRIX_WORKLOADS] = "workload",
					[MATRIX_SCHEDULERS] = "scheduler" };

static json_t *list_json(const struct matrix_list *list)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < list->n; i++)
		if (json_array_append_new(
			    array, json_pack("{ss ss}", "label", list->value[i].label, "text", list->value[i].text)))
			return NULL;
	return array;
}

static json_t *cells_json(const struct matrix *m)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < m->n_cells; i++) {
		const struct matrix_cell *cell = &m->cell[i];
		json_t *object = json_pack("{ss si ss}", "key", cell->key, "group", (int)cell->group, "label",
					   matrix_label(m, cell, MATRIX_SCHEDULERS));

		for (unsigned d = 0; d < MATRIX_DIMENSIONS; d++) {
			const char *text = matrix_text(m, cell, d);

			json_object_set_new(object, singular[d], text ? json_string(text) : json_null());
		}
		json_array_append_new(array, object);
	}
	return array;
}

json_t *matrix_json(const struct matrix *m)
{
	json_t *words = json_array(), *json;
	bool bad = false;

	for (unsigned i = 0; i < m->words.n; i++)
		bad |= json_array_append_new(words, json_string(m->words.word[i])) != 0;
	json = json_pack("{ss so sI sI so}", "schema", "ktstr-matrix/1", "bench", words, "order_seed",
			 (json_int_t)m->order_seed, "seed", (json_int_t)m->seed, "cells", cells_json(m));
	for (unsigned d = 0; d < MATRIX_DIMENSIONS; d++)
		bad |= json_object_set_new(json, names[d], list_json(&m->list[d])) != 0;
	bad |= json_object_set_new(json, "runs", m->runs ? json_integer(m->runs) : json_null()) != 0;
	if (!m->runs)
		bad |= json_object_set_new(json, "auto",
					   json_pack("{sf ss? si si}", "width", m->width, "metric", m->metric, "min",
						     RUNS_AUTO_MIN, "max", RUNS_AUTO_MAX)) != 0;
	if (!json || bad) {
		json_decref(json);
		return NULL;
	}
	return json;
}

/* --- and back ----------------------------------------------------------- */

static int read_list(struct matrix *m, enum matrix_dimension d, const json_t *array)
{
	const json_t *value;
	size_t i;
	int rc = json_is_array(array) ? 0 : -EINVAL;

	json_array_foreach((json_t *)array, i, value)
	{
		const char *text = json_string_value(json_object_get(value, "text"));
		const char *label = json_string_value(json_object_get(value, "label"));

		if (!rc && (!text || !label))
			rc = -EINVAL;
		if (!rc)
			rc = matrix_add(m, d, text, label);
	}
	return rc == -E2BIG ? -EINVAL : rc;
}

static int read_words(struct matrix *m, const json_t *array)
{
	const json_t *word;
	size_t i;
	int rc = json_is_array(array) && json_array_size(array) <= MATRIX_WORDS_MAX ? 0 : -EINVAL;

	json_array_foreach((json_t *)array, i, word) if (!rc)
		rc = json_is_string(word) ? word_list_add(&m->words, json_string_value(word)) : -EINVAL;
	return rc;
}

static int read_runs(struct matrix *m, const json_t *json)
{
	const json_t *runs = json_object_get(json, "runs"), *automatic = json_object_get(json, "auto");
	const char *metric = json_string_value(json_object_get(automatic, "metric"));
	json_int_t n = json_integer_value(runs);

	if (json_is_integer(runs)) {
		m->runs = n > 0 && n <= 1000 ? (unsigned)n : 0;
		return m->runs ? 0 : -EINVAL;
	}
	m->width = json_number_value(json_object_get(automatic, "width"));
	if (metric && !(m->metric = strdup(metric)))
		return -ENOMEM;
	return m->width > 0 && isfinite(m->width) ? 0 : -EINVAL;
}

int matrix_read(struct matrix *m, const json_t *json)
{
	const char *schema = json_string_value(json_object_get(json, "schema"));
	int rc = schema && !strcmp(schema, "ktstr-matrix/1") ? 0 : -EINVAL;

	memset(m, 0, sizeof(*m));
	for (unsigned d = 0; d < MATRIX_DIMENSIONS && !rc; d++)
		rc = read_list(m, d, json_object_get(json, names[d]));
	if (!rc)
		rc = read_words(m, json_object_get(json, "bench"));
	if (!rc)
		rc = read_runs(m, json);
	m->order_seed = (uint64_t)json_integer_value(json_object_get(json, "order_seed"));
	m->seed = (uint64_t)json_integer_value(json_object_get(json, "seed"));
	if (!rc)
		rc = matrix_make_cells(m);
	return rc == -E2BIG ? -EINVAL : rc;
}

bool matrix_is_same(const struct matrix *a, const struct matrix *b)
{
	json_t *one = matrix_json(a), *other = matrix_json(b);
	bool same;

	json_object_del(one, "runs");
	json_object_del(one, "auto");
	json_object_del(other, "runs");
	json_object_del(other, "auto");
	same = one && other && json_equal(one, other);
	json_decref(one);
	json_decref(other);
	return same;
}
