/* SPDX-License-Identifier: GPL-2.0-only */
/* The product of the dimensions. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/matrix/matrix.h"

const char *matrix_text(const struct matrix *m, const struct matrix_cell *cell, enum matrix_dimension d)
{
	return m->list[d].n ? m->list[d].value[cell->at[d]].text : NULL;
}

const char *matrix_label(const struct matrix *m, const struct matrix_cell *cell, enum matrix_dimension d)
{
	return m->list[d].n ? m->list[d].value[cell->at[d]].label : NULL;
}

static unsigned values(const struct matrix *m, enum matrix_dimension d)
{
	return m->list[d].n ? m->list[d].n : 1;
}

static void set_key(const struct matrix *m, struct matrix_cell *cell)
{
	size_t n = 0;

	for (unsigned d = 0; d < MATRIX_DIMENSIONS; d++) {
		if (m->list[d].n < 2)
			continue;
		n += (size_t)snprintf(cell->key + n, sizeof(cell->key) - n, "%s%s", n ? "+" : "",
				      m->list[d].value[cell->at[d]].label);
	}
	/* Of a single cell the scheduler says most. */
	if (!n)
		snprintf(cell->key, sizeof(cell->key), "%s", matrix_label(m, cell, MATRIX_SCHEDULERS));
}

int matrix_make_cells(struct matrix *m)
{
	unsigned n = 1;
	int rc = m->list[MATRIX_SCHEDULERS].n ? 0 : matrix_add(m, MATRIX_SCHEDULERS, MATRIX_EEVDF, MATRIX_EEVDF);

	for (unsigned d = 0; d < MATRIX_DIMENSIONS; d++)
		n *= values(m, d);
	if (rc || n > MATRIX_CELLS_MAX)
		return rc ? rc : -E2BIG;
	free(m->cell);
	m->cell = calloc(n, sizeof(*m->cell));
	if (!m->cell)
		return -ENOMEM;
	m->n_cells = n;
	m->n_groups = n / m->list[MATRIX_SCHEDULERS].n;
	for (unsigned i = 0; i < n; i++) {
		struct matrix_cell *cell = &m->cell[i];
		unsigned rest = i;

		/* The last dimension, the scheduler, changes fastest. */
		for (unsigned d = MATRIX_DIMENSIONS; d-- > 0;) {
			cell->at[d] = rest % values(m, d);
			rest /= values(m, d);
		}
		cell->group = i / m->list[MATRIX_SCHEDULERS].n;
		set_key(m, cell);
	}
	return 0;
}

int matrix_words(const struct matrix *m, const struct matrix_cell *cell, const char *const *extra,
		 struct word_list *out)
{
	static const char *const options[] = {
		[MATRIX_KERNELS] = "--kernel", [MATRIX_TOPOLOGIES] = "--topology", [MATRIX_SCHEDULERS] = "--scheduler"
	};
	int rc = 0;

	for (; extra && *extra && !rc; extra++)
		rc = word_list_add(out, *extra);
	for (unsigned d = 0; d < MATRIX_DIMENSIONS && !rc; d++) {
		const char *text = matrix_text(m, cell, d);

		if (!text || (d == MATRIX_SCHEDULERS && !strcmp(text, MATRIX_EEVDF)))
			continue;
		if (options[d])
			rc = word_list_add(out, options[d]);
		if (!rc)
			rc = word_list_add(out, text);
	}
	/* Last, for they may end in the words of a command. */
	for (unsigned i = 0; i < m->words.n && !rc; i++)
		rc = word_list_add(out, m->words.word[i]);
	return rc;
}

const char *matrix_group_text(const struct matrix *m, unsigned group, char text[MATRIX_KEY_MAX])
{
	const struct matrix_cell *cell = &m->cell[group * m->list[MATRIX_SCHEDULERS].n];
	const char *workload = matrix_label(m, cell, MATRIX_WORKLOADS),
		   *shape = matrix_label(m, cell, MATRIX_TOPOLOGIES);
	const char *kernel = matrix_label(m, cell, MATRIX_KERNELS);

	snprintf(text, MATRIX_KEY_MAX, "%s%s%s%s%s%s", workload ? workload : "",
		 shape ? (workload ? " on " : "on ") : "", shape ? shape : "",
		 kernel && (workload || shape) ? ", " : "", kernel ? "kernel " : "", kernel ? kernel : "");
	return text;
}

void matrix_free(struct matrix *m)
{
	for (unsigned d = 0; d < MATRIX_DIMENSIONS; d++)
		while (m->list[d].n)
			free(m->list[d].value[--m->list[d].n].text);
	word_list_free(&m->words);
	free(m->metric);
	free(m->cell);
	memset(m, 0, sizeof(*m));
}
