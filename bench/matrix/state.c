/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/matrix/state.h"

#include "bench/base/json.h"

static const char *stop_of(const struct matrix_check *c, unsigned cell, const struct lane *l)
{
	if (*c->cell[cell].skip)
		return "skipped";
	return l->stop == STOP_NONE ? NULL : lane_stop_name(l->stop);
}

void state_write(const struct matrix *m, const struct matrix_check *c, const struct records *r,
		 const struct lane *lanes)
{
	json_t *cells = json_array(), *state;

	for (unsigned i = 0; i < m->n_cells; i++) {
		json_t *cell = json_object();

		json_put_text(cell, "key", m->cell[i].key);
		json_put_count(cell, "runs", records_count(r, i));
		json_put_text(cell, "stop", stop_of(c, i, &lanes[m->cell[i].group]));
		json_put_text(cell, "skipped", *c->cell[i].skip ? c->cell[i].skip : NULL);
		json_array_append_new(cells, cell);
	}
	state = json_pack("{ss so}", "schema", "ktstr-matrix-state/1", "cells", cells);
	records_state(r, state);
	json_decref(state);
}
