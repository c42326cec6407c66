/* SPDX-License-Identifier: GPL-2.0-only */
/* A comparison as JSON; the schema is in ktstr-compare-1.schema.json. */
#include <stdio.h>

#include "bench/base/json.h"
#include "bench/result/compare.h"
#include "bench/result/order.h"

static json_t *summary_json(const struct summary *s)
{
	return json_pack("{si so so so so so so so}", "n", (int)s->n, "median", json_real_or_null(s->median), "low",
			 json_real_or_null(s->low), "high", json_real_or_null(s->high), "mean",
			 json_real_or_null(s->mean), "cv", json_real_or_null(s->cv), "min", json_real_or_null(s->min),
			 "max", json_real_or_null(s->max));
}

static json_t *outliers_json(const struct compare_row *r, unsigned side)
{
	return json_pack("{si si}", "mild", (int)r->mild[side], "severe", (int)r->severe[side]);
}

static json_t *row_json(const struct compare *c, const struct compare_row *r)
{
	char reason[256];
	json_t *row;

	compare_reason(c, r, reason, sizeof(reason));
	row = json_pack("{ss ss sb so so so so so so so sb sb ss ss}", "metric", r->base->name, "unit", r->base->unit,
			"more_is_better", r->base->more_is_better, "base", summary_json(&r->c.base), "test",
			summary_json(&r->c.test), "ratio", json_real_or_null(r->c.ratio), "low",
			json_real_or_null(r->c.low), "high", json_real_or_null(r->c.high), "p",
			json_real_or_null(r->c.p), "p_adjusted", json_real_or_null(r->c.p_adjusted), "base_two_modes",
			r->modes & 1, "test_two_modes", r->modes >> 1, "verdict", verdict_name(r->verdict), "reason",
			reason);
	json_object_set_new(row, "workload", json_string(r->base->workload));
	json_object_set_new(row, "drift_p", json_real_or_null(r->drift_p));
	json_object_set_new(row, "drift_tau", json_real_or_null(r->drift_tau));
	json_object_set_new(row, "drift_of", json_string(r->drift_of_test ? "test" : "base"));
	json_object_set_new(row, "base_outliers", outliers_json(r, 0));
	json_object_set_new(row, "test_outliers", outliers_json(r, 1));
	json_object_set_new(row, "variance_between_boots", json_real_or_null(r->between));
	json_object_set_new(row, "detectable",
			    compare_boots(r) < 4 ? json_null()
						 : json_real_or_null(detectable(compare_cv(r), compare_boots(r),
										r->gates.threshold)));
	return row;
}

static json_t *side_json(const struct boots *b)
{
	json_t *o = json_pack("{ss si}", "label", b->label, "boots", (int)b->n), *others = json_object();
	char key[32];

	for (unsigned i = 0; i < TRAITS; i++) {
		snprintf(key, sizeof(key), "%s", boots_trait_name(i));
		for (char *p = key; *p; p++)
			*p = *p == ' ' || *p == '\'' ? '_' : *p;
		json_object_set_new(o, key, b->mixed[i] ? json_null() : json_string(b->trait[i]));
	}
	for (unsigned i = VALIDITY_VALID + 1; i < VALIDITY_STATUSES; i++)
		if (b->other[i])
			json_object_set_new(others, validity_name((enum validity_status)i),
					    json_pack("{si ss}", "runs", (int)b->other[i], "reason", b->why[i]));
	json_object_set_new(o, "not_counted", others);
	return o;
}

static json_t *caveats_json(const struct compare *c)
{
	json_t *list = json_array();
	const char *caveat;

	for (unsigned i = 0; (caveat = compare_caveat(c, i)); i++)
		json_array_append_new(list, json_string(caveat));
	return list;
}

static json_t *quantile_json(const struct compare_quantile *q)
{
	bool known = q->base->n && q->test->n;

	return json_pack("{ss ss sf so so so so so}", "workload", q->base->workload, "metric", q->base->name,
			 "quantile", q->base->ppm / 1e6, "base",
			 known ? json_real_or_null(q->c.base.median) : json_null(), "test",
			 known ? json_real_or_null(q->c.test.median) : json_null(), "ratio",
			 known ? json_real_or_null(q->c.ratio) : json_null(), "low",
			 known ? json_real_or_null(q->c.low) : json_null(), "high",
			 known ? json_real_or_null(q->c.high) : json_null());
}

json_t *compare_json(const struct compare *c)
{
	json_t *rows = json_array(), *quantiles = json_array(), *absent = json_array(), *o;

	for (unsigned i = 0; i < c->n; i++)
		json_array_append_new(rows, row_json(c, &c->row[i]));
	for (unsigned i = 0; i < c->n_quantiles; i++)
		json_array_append_new(quantiles, quantile_json(&c->quantile[i]));
	for (unsigned i = 0; i < c->n_absent; i++)
		json_array_append_new(absent, json_pack("{ss sI sI}", "metric", c->absent[i].base->name, "base_samples",
							(json_int_t)c->absent[i].base->least_samples, "test_samples",
							(json_int_t)c->absent[i].test->least_samples));
	o = json_pack("{ss so so so}", "schema", "ktstr-compare/1", "base", side_json(c->base), "test",
		      side_json(c->test), "metrics", rows);
	json_object_set_new(o, "too_few_samples", absent);
	json_object_set_new(o, "quantiles", quantiles);
	json_object_set_new(o, "caveats", caveats_json(c));
	json_object_set_new(o, "alpha", json_real(c->gates.alpha));
	json_object_set_new(o, "threshold", json_real(c->gates.threshold));
	json_object_set_new(o, "correction", json_string(c->how == CORRECTION_HOLM ? "holm" : "bh"));
	json_object_set_new(o, "order", c->order ? json_string(c->order) : json_null());
	json_object_set_new(o, "repeat", c->repeat ? json_string(c->repeat) : json_null());
	return o;
}
