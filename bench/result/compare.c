/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/result/compare.h"

#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/base/size.h"
#include "bench/result/order.h"
#include "bench/result/rank.h"

/* Below what a clock read and a wake-up cost, a difference of latencies is nobody's. */
#define LATENCY_FLOOR_NS 500
#define DRIFT_P 0.01

static bool wanted(const struct metric *m, const char *glob)
{
	return glob ? !fnmatch(glob, m->name, 0) : m->usual;
}

static void judge(struct compare *out)
{
	for (unsigned i = 0; i < out->n; i++) {
		struct compare_row *r = &out->row[i];

		r->verdict = comparison_judge(&r->c, &r->gates, &r->gate);
		out->count[r->verdict]++;
	}
}

static void fill(struct compare_row *r, const struct metric *a, const struct metric *b, const struct gates *gates,
		 uint64_t seed)
{
	unsigned lower;
	double p;

	r->base = a;
	r->test = b;
	r->gates = *gates;
	r->gates.more_is_better = a->more_is_better;
	r->gates.floor = strcmp(a->unit, "ns") ? 0 : LATENCY_FLOOR_NS;
	comparison_make(a->value, a->n, b->value, b->n, seed, BOOTSTRAP_DEFAULT, &r->c);
	r->modes = two_modes(a->value, a->n, &lower) | two_modes(b->value, b->n, &lower) << 1;
	drift(a->value, a->n, &r->drift_p);
	drift(b->value, b->n, &p);
	r->drift_p = fmin(r->drift_p, p);
}

int compare_make(struct compare *out, const struct boots *base, const struct boots *test, const char *glob,
		 const struct gates *gates, enum correction how, uint64_t seed)
{
	struct comparison *all;

	*out = (struct compare){ .base = base, .test = test, .row = calloc(METRICS_MAX, sizeof(*out->row)) };
	all = calloc(METRICS_MAX, sizeof(*all));
	if (!out->row || !all) {
		free(all);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < base->n_metrics; i++) {
		const struct metric *a = base->metric[i], *b = boots_find(test, a->name);

		if (b && wanted(a, glob))
			fill(&out->row[out->n++], a, b, gates, seed);
	}
	for (unsigned i = 0; i < out->n; i++)
		all[i] = out->row[i].c;
	comparison_correct(all, out->n, how);
	for (unsigned i = 0; i < out->n; i++)
		out->row[i].c.p_adjusted = all[i].p_adjusted;
	free(all);
	judge(out);
	return 0;
}

void compare_free(struct compare *c)
{
	free(c->row);
	c->row = NULL;
}

unsigned compare_delta(const struct boots *base, const struct boots *test, FILE *f)
{
	unsigned lines = 0;

	for (unsigned i = 0; i < TRAITS; i++) {
		const char *name = boots_trait_name(i);

		if (base->mixed[i] || test->mixed[i]) {
			fprintf(f, "%s: differs between the boots of %s\n", name,
				base->mixed[i] ? base->label : test->label);
			lines++;
		} else if (i != TRAIT_SCHEDULER && strcmp(base->trait[i], test->trait[i])) {
			fprintf(f, "%s: %s in %s, %s in %s\n", name, base->trait[i], base->label, test->trait[i],
				test->label);
			lines++;
		}
	}
	return lines;
}

/* --- text --------------------------------------------------------------- */

static const char *value_text(char text[SIZE_TEXT], const struct metric *m, double value)
{
	if (!strcmp(m->unit, "ns"))
		return duration_format(text, (uint64_t)value);
	return number_format(text, value);
}

static void with_cv(char *text, size_t size, const struct metric *m, const struct summary *s)
{
	char value[SIZE_TEXT];

	snprintf(text, size, isnan(s->cv) ? "%s" : "%s %.0f%%", value_text(value, m, s->median), 100 * s->cv);
}

static void side_line(const struct boots *b, FILE *f)
{
	fprintf(f, "%s: %u boot%s under %s, kernel %s\n", b->label, b->n, b->n == 1 ? "" : "s",
		b->trait[TRAIT_SCHEDULER], b->trait[TRAIT_KERNEL]);
}

static void advice(const struct compare *c, FILE *f)
{
	double worst = 0, threshold = c->n ? c->row[0].gates.threshold : 0;
	unsigned boots = c->base->n < c->test->n ? c->base->n : c->test->n, needed;

	for (unsigned i = 0; i < c->n; i++)
		worst = fmax(worst, fmax(c->row[i].c.base.cv, c->row[i].c.test.cv));
	if (!(worst > 0) || boots < 4)
		return;
	fprintf(f, "%u boots that vary by up to %.1f%%: changes of %.1f%% are found 95 times of 100.\n", boots,
		100 * worst, 100 * detectable(worst, boots, threshold));
	needed = boots_needed(worst, 2 * threshold, threshold, BOOTS_MAX);
	if (c->count[VERDICT_INCONCLUSIVE] && needed > boots)
		fprintf(f, "To find %.0f%% as well, run %u boots.\n", 200 * threshold, needed);
}

void compare_text(const struct compare *c, FILE *f)
{
	side_line(c->base, f);
	side_line(c->test, f);
	fprintf(f, "\n%-30.30s %-13.13s %-13.13s %7s  %s\n", "median, variation over boots", c->base->label,
		c->test->label, "change", "verdict");
	for (unsigned i = 0; i < c->n; i++) {
		const struct compare_row *r = &c->row[i];
		char a[40], b[40];

		with_cv(a, sizeof(a), r->base, &r->c.base);
		with_cv(b, sizeof(b), r->test, &r->c.test);
		fprintf(f, "%-30.30s %-13.13s %-13.13s %+6.1f%%  %s\n", r->base->name, a, b, 100 * (r->c.ratio - 1),
			verdict_name(r->verdict));
	}
	fprintf(f, "\n");
	for (unsigned i = 0; i < c->n; i++) {
		const struct compare_row *r = &c->row[i];
		char reason[128];

		verdict_reason(&r->c, &r->gates, r->verdict, r->gate, reason, sizeof(reason));
		fprintf(f, "%s is %s: %s\n", r->base->name, verdict_name(r->verdict), reason);
		if (r->modes)
			fprintf(f, "%s: the boots of %s fall into two modes\n", r->base->name,
				r->modes & 1 ? c->base->label : c->test->label);
		if (r->drift_p < DRIFT_P)
			fprintf(f, "%s: drifts from boot to boot (p %.2g)\n", r->base->name, r->drift_p);
	}
	fprintf(f, "%u test%s, corrected together.\n", c->n, c->n == 1 ? "" : "s");
	advice(c, f);
}

void compare_markdown(const struct compare *c, FILE *f)
{
	fprintf(f, "| metric | %s (%u boots) | %s (%u boots) | change | 95%% interval | p | verdict |\n",
		c->base->label, c->base->n, c->test->label, c->test->n);
	fprintf(f, "|---|---:|---:|---:|---:|---:|---|\n");
	for (unsigned i = 0; i < c->n; i++) {
		const struct compare_row *r = &c->row[i];
		char a[40], b[40];

		with_cv(a, sizeof(a), r->base, &r->c.base);
		with_cv(b, sizeof(b), r->test, &r->c.test);
		fprintf(f, "| %s | %s | %s | %+.1f%% | %.3f..%.3f | %.3g | %s |\n", r->base->name, a, b,
			100 * (r->c.ratio - 1), r->c.low, r->c.high, r->c.p_adjusted, verdict_name(r->verdict));
	}
}

/* --- JSON --------------------------------------------------------------- */

/* JSON has no NaN. */
static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *summary_json(const struct summary *s)
{
	return json_pack("{si so so so so so so so}", "n", (int)s->n, "median", number(s->median), "low",
			 number(s->low), "high", number(s->high), "mean", number(s->mean), "cv", number(s->cv), "min",
			 number(s->min), "max", number(s->max));
}

static json_t *row_json(const struct compare_row *r)
{
	char reason[128];

	verdict_reason(&r->c, &r->gates, r->verdict, r->gate, reason, sizeof(reason));
	return json_pack("{ss ss sb so so so so so so so sb sb ss ss}", "metric", r->base->name, "unit", r->base->unit,
			 "more_is_better", r->base->more_is_better, "base", summary_json(&r->c.base), "test",
			 summary_json(&r->c.test), "ratio", number(r->c.ratio), "low", number(r->c.low), "high",
			 number(r->c.high), "p", number(r->c.p), "p_adjusted", number(r->c.p_adjusted),
			 "base_two_modes", r->modes & 1, "test_two_modes", r->modes >> 1, "verdict",
			 verdict_name(r->verdict), "reason", reason);
}

static json_t *side_json(const struct boots *b)
{
	json_t *o = json_pack("{ss si}", "label", b->label, "boots", (int)b->n);
	char key[32];

	for (unsigned i = 0; i < TRAITS; i++) {
		snprintf(key, sizeof(key), "%s", boots_trait_name(i));
		for (char *p = key; *p; p++)
			*p = *p == ' ' ? '_' : *p;
		json_object_set_new(o, key, b->mixed[i] ? json_null() : json_string(b->trait[i]));
	}
	return o;
}

json_t *compare_json(const struct compare *c)
{
	json_t *rows = json_array();

	for (unsigned i = 0; i < c->n; i++)
		json_array_append_new(rows, row_json(&c->row[i]));
	return json_pack("{ss so so so}", "schema", "ktstr-compare/1", "base", side_json(c->base), "test",
			 side_json(c->test), "metrics", rows);
}
