/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/result/compare.h"

#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/result/order.h"
#include "bench/result/rank.h"
#include "bench/result/text.h"

/* Below what a clock read and a wake-up cost, a difference of latencies is nobody's. */
#define LATENCY_FLOOR_NS 500

static bool wanted(const struct metric *m, const char *glob)
{
	return !m->of_shape && (glob ? !fnmatch(glob, m->name, 0) : m->usual);
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
	double p, tau, variance[2] = { NAN, NAN };
	const struct metric *of[2] = { a, b };
	const struct summary *over[2] = { &r->c.base, &r->c.test };
	unsigned worse;

	r->base = a;
	r->test = b;
	r->gates = *gates;
	r->gates.more_is_better = a->more_is_better;
	r->gates.floor = strcmp(a->unit, "ns") ? 0 : LATENCY_FLOOR_NS;
	comparison_make(a->value, a->n, b->value, b->n, seed, BOOTSTRAP_DEFAULT, &r->c);
	r->modes = two_modes(a->value, a->n, &r->lower[0]) | two_modes(b->value, b->n, &r->lower[1]) << 1;
	r->drift_tau = drift(a->value, a->n, &r->drift_p);
	tau = drift(b->value, b->n, &p);
	r->drift_of_test = p < r->drift_p;
	if (r->drift_of_test) {
		r->drift_p = p;
		r->drift_tau = tau;
	}
	for (unsigned i = 0; i < 2; i++) {
		outliers(of[i]->value, of[i]->n, &r->mild[i], &r->severe[i]);
		variance[i] = pow(over[i]->cv * over[i]->mean, 2);
	}
	worse = variance[1] > variance[0];
	r->between = a->ppm && variance[worse] > 0 ? fmax(0, 1 - of[worse]->within / of[worse]->n / variance[worse])
						   : NAN;
}

static void fill_quantiles(struct compare *out, uint64_t seed)
{
	for (unsigned i = 0; i < out->base->n_metrics; i++) {
		const struct metric *a = out->base->metric[i], *b = boots_find(out->test, a->name);
		struct compare_quantile *q = &out->quantile[out->n_quantiles];

		if (!a->ppm || !b)
			continue;
		*q = (struct compare_quantile){ .base = a, .test = b };
		if (a->n && b->n)
			comparison_make(a->value, a->n, b->value, b->n, seed, BOOTSTRAP_DEFAULT, &q->c);
		out->n_quantiles++;
	}
}

int compare_make(struct compare *out, const struct boots *base, const struct boots *test, const char *glob,
		 const struct gates *gates, enum correction how, uint64_t seed)
{
	struct comparison *all;

	*out = (struct compare){ .base = base,
				 .test = test,
				 .row = calloc(METRICS_MAX, sizeof(*out->row)),
				 .absent = calloc(METRICS_MAX, sizeof(*out->absent)),
				 .quantile = calloc(METRICS_MAX, sizeof(*out->quantile)),
				 .gates = *gates,
				 .how = how };
	all = calloc(METRICS_MAX, sizeof(*all));
	if (!out->row || !out->absent || !out->quantile || !all) {
		free(all);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < base->n_metrics; i++) {
		const struct metric *a = base->metric[i], *b = boots_find(test, a->name);

		if (!b || !wanted(a, glob))
			continue;
		if (a->n && b->n)
			fill(&out->row[out->n++], a, b, gates, seed);
		else
			out->absent[out->n_absent++] = (struct compare_absent){ a, b };
	}
	for (unsigned i = 0; i < out->n; i++)
		all[i] = out->row[i].c;
	comparison_correct(all, out->n, how);
	for (unsigned i = 0; i < out->n; i++)
		out->row[i].c.p_adjusted = all[i].p_adjusted;
	free(all);
	judge(out);
	fill_quantiles(out, seed);
	return 0;
}

void compare_free(struct compare *c)
{
	free(c->row);
	free(c->absent);
	free(c->quantile);
	c->row = NULL;
	c->absent = NULL;
	c->quantile = NULL;
}

/* What was not recorded by one of the two can't be told apart from the other's. */
static bool unlike(const struct boots *base, const struct boots *test, unsigned i)
{
	if (i == TRAIT_SCHEDULER || i == TRAIT_SCHEDULER_FILE || !strcmp(base->trait[i], test->trait[i]))
		return false;
	return i < TRAITS_OF_MACHINE ||
	       (strcmp(base->trait[i], TRAIT_UNKNOWN) && strcmp(test->trait[i], TRAIT_UNKNOWN));
}

unsigned compare_delta(const struct boots *base, const struct boots *test, FILE *f)
{
	unsigned lines = 0;

	for (unsigned i = 0; i < TRAITS; i++) {
		const char *name = boots_trait_name(i);

		if (base->mixed[i] || test->mixed[i]) {
			lines++;
			if (f)
				fprintf(f, "%s: differs between the boots of %s\n", name,
					base->mixed[i] ? base->label : test->label);
		} else if (unlike(base, test, i)) {
			lines++;
			if (f)
				fprintf(f, "%s: %s in %s, %s in %s\n", name, base->trait[i], base->label,
					test->trait[i], test->label);
		}
	}
	return lines;
}

/* --- in words ----------------------------------------------------------- */

unsigned compare_boots(const struct compare_row *r)
{
	return r->c.base.n < r->c.test.n ? r->c.base.n : r->c.test.n;
}

double compare_cv(const struct compare_row *r)
{
	return fmax(r->c.base.cv, r->c.test.cv);
}

/* How many boots would find a change of this size, or call it none. */
static void put_advice(const struct compare_row *r, char *text, size_t size)
{
	double cv = compare_cv(r), threshold = r->gates.threshold, change = fabs(r->c.ratio - 1);
	bool find = change > threshold;
	unsigned n = find ? boots_needed(cv, change, threshold, BOOTS_MAX)
			  : boots_for_same(cv, change, threshold, BOOTS_MAX);
	char percent[16];

	*text = '\0';
	if (!(cv > 0) || !isfinite(change))
		return;
	text_percent(percent, r->c.ratio - 1);
	/* A change close to the threshold stays close to it. */
	if (n)
		snprintf(text, size, "; %u boots a side %s (CV %.2g%%)",
			 n > compare_boots(r) ? n : compare_boots(r) + 2,
			 find ? "would find such a change" : "would show that it is none", 100 * cv);
	else
		snprintf(text, size, "; %u boots a side would not do (CV %.2g%%, %s%%): %s", BOOTS_MAX, 100 * cv,
			 percent, r->between < 0.5 ? "measure longer" : "make the host quieter");
}

static void put_boundary(const struct compare *c, const struct compare_row *r, char *text, size_t size)
{
	char floor[SIZE_TEXT + 8];

	if (r->gates.floor > 0)
		snprintf(text, size, "%g%% and %s", 100 * c->gates.threshold,
			 text_value(floor, r->base->unit, r->gates.floor));
	else
		snprintf(text, size, "%g%%", 100 * c->gates.threshold);
}

void compare_reason(const struct compare *c, const struct compare_row *r, char *text, size_t size)
{
	char advice[128], boundary[64], family[48], change[16];

	put_advice(r, advice, sizeof(advice));
	put_boundary(c, r, boundary, sizeof(boundary));
	text_percent(change, r->c.ratio - 1);
	*family = '\0';
	if (c->n > 1)
		snprintf(family, sizeof(family), " (%s, %u metrics)",
			 c->how == CORRECTION_HOLM ? "Holm" : "Benjamini-Hochberg", c->n);
	switch (r->gate) {
	case GATE_BOOTS:
		snprintf(text, size, "n=%u can't reach %g; %s", compare_boots(r), c->gates.alpha,
			 r->base->lacking + r->test->lacking ? "run longer (--duration), for more boots to have it"
							     : "run at least 4 boots a side");
		break;
	case GATE_P:
		snprintf(text, size, "p %.2g%s is not below %g%s", r->c.p_adjusted, family, c->gates.alpha, advice);
		break;
	case GATE_INTERVAL:
		snprintf(text, size, "the interval holds 0%s", advice);
		break;
	case GATE_THRESHOLD:
		snprintf(text, size, "%s%% is within %g%%, its interval is not%s", change, 100 * c->gates.threshold,
			 advice);
		break;
	case GATE_FLOOR:
		snprintf(text, size, "%s%%, but not beyond %s", change, boundary);
		break;
	case GATE_NONE:
		if (r->verdict == VERDICT_SAME)
			snprintf(text, size, "all of the interval is within %g%%", 100 * c->gates.threshold);
		else
			snprintf(text, size, "p %.2g%s, beyond %s", r->c.p_adjusted, family, boundary);
	}
}

const char *compare_caveat(const struct compare *c, unsigned i)
{
	const struct boots *a = c->base, *b = c->test;

	if (i < a->n_caveats)
		return a->caveat[i];
	i -= a->n_caveats;
	for (unsigned k = 0; k < b->n_caveats; k++) {
		bool there = false;

		for (unsigned n = 0; n < a->n_caveats; n++)
			there |= !strcmp(a->caveat[n], b->caveat[k]);
		if (!there && !i--)
			return b->caveat[k];
	}
	return NULL;
}

void compare_side_name(const struct boots *b, char *text, size_t size)
{
	const char *slash = strrchr(b->label, '/'), *program = slash ? slash + 1 : b->label;
	char name[sizeof(b->label)], ran[sizeof(b->trait[0])];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(program, " :"), program);
	snprintf(ran, sizeof(ran), "%.*s", (int)strcspn(b->trait[TRAIT_SCHEDULER], " "), b->trait[TRAIT_SCHEDULER]);
	/* eevdf ran EEVDF, ./scx_mine -v ran "mine (sched_ext)", fifo ran "ktstr_fifo (sched_ext)". */
	if (b->mixed[TRAIT_SCHEDULER] || !*name || strcasestr(ran, name) || strcasestr(name, ran))
		snprintf(text, size, "%s", b->label);
	else
		snprintf(text, size, "%s (%s)", b->label, ran);
}

void compare_subject(const struct compare *c, char *text, size_t size)
{
	const char *last = "";
	size_t at = 0;

	*text = '\0';
	for (unsigned i = 0; i < c->base->n_metrics && at < size; i++) {
		const char *workload = c->base->metric[i]->workload;

		if (strcmp(workload, last))
			at += (size_t)snprintf(text + at, size - at, "%s%s", *last ? ", " : "", workload);
		last = workload;
	}
	if (at < size)
		snprintf(text + at, size - at, " on %s", c->base->trait[TRAIT_SHAPE]);
}
