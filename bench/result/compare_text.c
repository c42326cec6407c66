/* SPDX-License-Identifier: GPL-2.0-only */
/* A comparison for a terminal: a table, and in words what its verdicts rest on. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/result/compare.h"
#include "bench/result/order.h"
#include "bench/result/text.h"

#define WIDTH 80

enum column { METRIC, BASE, TEST, CHANGE, VERDICT, COLUMNS };
struct line {
	char cell[COLUMNS][72];
	bool heading; /* METRIC alone: a workload */
};

static void put_side(char *text, size_t size, const char *unit, const struct summary *s)
{
	char value[SIZE_TEXT + 8];

	text_value(value, unit, s->median);
	if (isnan(s->cv))
		snprintf(text, size, "%s", value);
	else
		snprintf(text, size, "%s (%.0f%%)", value, fmin(999, 100 * s->cv));
}

static void put_change(char *text, size_t size, const struct comparison *c)
{
	char change[16], low[16], high[16];

	text_percent(change, c->ratio - 1);
	text_bound(low, c->low - 1);
	text_bound(high, c->high - 1);
	if (!isfinite(c->ratio))
		snprintf(text, size, "n/a");
	else if (!isfinite(c->low) || !isfinite(c->high))
		snprintf(text, size, "%s%%", change);
	else
		snprintf(text, size, "%s [%s, %s]%%", change, low, high);
}

static bool has_caveat(const struct compare *c)
{
	return compare_caveat(c, 0);
}

/* "p50" of "wakeup_latency p50" */
static const char *short_title(const struct metric *m)
{
	const char *space = m->ppm ? strrchr(m->title, ' ') : NULL;

	return space ? space + 1 : m->title;
}

static void put_row(const struct compare *c, const struct compare_row *r, bool below_heading, struct line *l)
{
	snprintf(l->cell[METRIC], sizeof(l->cell[METRIC]), "%s", below_heading ? short_title(r->base) : r->base->title);
	put_side(l->cell[BASE], sizeof(l->cell[BASE]), r->base->unit, &r->c.base);
	put_side(l->cell[TEST], sizeof(l->cell[TEST]), r->base->unit, &r->c.test);
	put_change(l->cell[CHANGE], sizeof(l->cell[CHANGE]), &r->c);
	snprintf(l->cell[VERDICT], sizeof(l->cell[VERDICT]), "%s%s", verdict_name(r->verdict),
		 has_caveat(c) ? "*" : "");
}

static void put_absent_side(char *text, size_t size, const struct metric *m)
{
	char value[SIZE_TEXT + 8];
	struct summary s;

	if (m->n) {
		summary_make(m->value, m->n, &s);
		snprintf(text, size, "%s", text_value(value, m->unit, s.median));
	} else {
		snprintf(text, size, "n/a (N=%llu)", (unsigned long long)m->least_samples);
	}
}

static void put_absent(const struct compare_absent *a, bool below_heading, struct line *l)
{
	snprintf(l->cell[METRIC], sizeof(l->cell[METRIC]), "%s", below_heading ? short_title(a->base) : a->base->title);
	put_absent_side(l->cell[BASE], sizeof(l->cell[BASE]), a->base);
	put_absent_side(l->cell[TEST], sizeof(l->cell[TEST]), a->test);
	snprintf(l->cell[CHANGE], sizeof(l->cell[CHANGE]), "n/a");
	snprintf(l->cell[VERDICT], sizeof(l->cell[VERDICT]), "n/a");
}

/* Whether there is more than one workload, so that each needs a heading. */
static bool several(const struct compare *c)
{
	const struct metric *first = c->n ? c->row[0].base : c->n_absent ? c->absent[0].base : NULL;

	for (unsigned i = 0; i < c->n; i++)
		if (strcmp(c->row[i].base->workload, first->workload))
			return true;
	for (unsigned i = 0; i < c->n_absent; i++)
		if (strcmp(c->absent[i].base->workload, first->workload))
			return true;
	return false;
}

/* "wakeup (wakeup_latency)" */
static void put_heading(const struct compare *c, const char *workload, struct line *l)
{
	const struct metric *m = NULL;

	for (unsigned i = 0; i < c->base->n_metrics && !m; i++)
		if (!strcmp(c->base->metric[i]->workload, workload) && c->base->metric[i]->ppm)
			m = c->base->metric[i];
	if (m)
		snprintf(l->cell[METRIC], sizeof(l->cell[METRIC]), "%.30s (%.*s)", workload,
			 (int)(short_title(m) - m->title - 1), m->title);
	else
		snprintf(l->cell[METRIC], sizeof(l->cell[METRIC]), "%.30s", workload);
	l->heading = true;
}

/* Lines of one workload, and its heading where there are @several. Returns how many. */
static unsigned put_workload(const struct compare *c, const char *workload, bool heading, struct line *l)
{
	unsigned n = 0;

	if (heading)
		put_heading(c, workload, &l[n++]);
	for (unsigned i = 0; i < c->n; i++)
		if (!strcmp(c->row[i].base->workload, workload))
			put_row(c, &c->row[i], heading, &l[n++]);
	for (unsigned i = 0; i < c->n_absent; i++)
		if (!strcmp(c->absent[i].base->workload, workload))
			put_absent(&c->absent[i], heading, &l[n++]);
	if (n > heading)
		return n;
	memset(l, 0, sizeof(*l));
	return 0;
}

/* All of the table; to free(). */
static struct line *lines_of(const struct compare *c, unsigned *n)
{
	/* Each metric may be a workload of its own. */
	struct line *l = calloc(2 * (c->n + c->n_absent) + 2, sizeof(*l));
	bool heading = several(c);

	*n = 1;
	if (!l)
		return NULL;
	snprintf(l->cell[METRIC], sizeof(l->cell[METRIC]), "metric");
	snprintf(l->cell[BASE], sizeof(l->cell[BASE]), "base (CV)");
	snprintf(l->cell[TEST], sizeof(l->cell[TEST]), "new (CV)");
	snprintf(l->cell[CHANGE], sizeof(l->cell[CHANGE]), "%s", "change [95%]");
	snprintf(l->cell[VERDICT], sizeof(l->cell[VERDICT]), "verdict");
	for (unsigned i = 0; i < c->base->n_metrics; i++) {
		const char *workload = c->base->metric[i]->workload;

		if (!i || strcmp(workload, c->base->metric[i - 1]->workload))
			*n += put_workload(c, workload, heading, l + *n);
	}
	return l;
}

static void print_lines(const struct line *l, unsigned n, FILE *f)
{
	unsigned width[COLUMNS] = { 0 }, values, rest, indent = 0, between = 2;

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < COLUMNS; k++) {
			if (!l[i].heading && strlen(l[i].cell[k]) > width[k])
				width[k] = (unsigned)strlen(l[i].cell[k]);
			indent |= l[i].heading ? 2 : 0;
		}
	values = width[BASE] + width[TEST] + width[CHANGE] + width[VERDICT];
	if (indent + width[METRIC] + values + 4 * between > WIDTH)
		between = 1;
	rest = WIDTH - values - 4 * between;
	for (unsigned i = 0; i < n; i++) {
		unsigned in = i && !l[i].heading ? indent : 0;

		if (l[i].heading) {
			fprintf(f, "%s\n", l[i].cell[METRIC]);
			continue;
		}
		/* A name that is too long has a line of its own. */
		if (in + strlen(l[i].cell[METRIC]) > rest)
			fprintf(f, "%*s%s\n%*s", (int)in, "", l[i].cell[METRIC], (int)rest, "");
		else
			fprintf(f, "%*s%-*s", (int)in, "", (int)(rest - in), l[i].cell[METRIC]);
		fprintf(f, "%*s%*s%*s%*s%-*s%*s%s\n", (int)between, "", (int)width[BASE], l[i].cell[BASE],
			(int)between + (int)width[TEST], l[i].cell[TEST], (int)between, "", (int)width[CHANGE],
			l[i].cell[CHANGE], (int)between, "", l[i].cell[VERDICT]);
	}
}

/* --- above and below the table ------------------------------------------ */

static void print_header(const struct compare *c, FILE *f)
{
	struct text_lines l = { .f = f, .width = WIDTH, .indent = 2 };
	char subject[512], base[256], test[256];

	compare_subject(c, subject, sizeof(subject));
	compare_side_name(c->base, base, sizeof(base));
	compare_side_name(c->test, test, sizeof(test));
	text_words(&l, "%s, kernel %s, base %s, new %s; %u+%u boots", subject, c->base->trait[TRAIT_KERNEL], base, test,
		   c->base->n, c->test->n);
	if (c->order)
		text_words(&l, ", %s", c->order);
	text_end(&l);
}

/* "p50", or "wakeup p50" where there is more than one workload. */
static const char *title(const struct compare *c, const struct metric *m, char *text, size_t size)
{
	if (several(c))
		snprintf(text, size, "%s %s", m->workload, m->title);
	else
		snprintf(text, size, "%s", m->title);
	return text;
}

#define NAMED_MAX 3
#define REASON_MAX 256

/* Rows of @first's verdict and reason, from @first on; false: an earlier row has said it. @all: no row has another. */
static bool print_subjects(const struct compare *c, unsigned first, const char *reason, struct text_lines *l)
{
	unsigned same = 0, of_verdict = 0;
	char other[REASON_MAX], name[160];
	bool is_same[METRICS_MAX];

	for (unsigned i = 0; i < c->n; i++) {
		is_same[i] = c->row[i].verdict == c->row[first].verdict;
		of_verdict += is_same[i];
		compare_reason(c, &c->row[i], other, sizeof(other));
		is_same[i] = is_same[i] && !strcmp(reason, other);
		if (is_same[i] && i < first)
			return false;
		same += is_same[i];
	}
	for (unsigned i = first, named = 0; i < c->n && (same < of_verdict || same == 1) && named < NAMED_MAX; i++)
		if (is_same[i])
			text_words(l, "%s%s", title(c, c->row[i].base, name, sizeof(name)), ++named < same ? "," : "");
	if (same > NAMED_MAX && same < of_verdict)
		text_words(l, "and %u more", same - NAMED_MAX);
	return true;
}

static void print_reasons(const struct compare *c, FILE *f)
{
	struct text_lines l = { .f = f, .width = WIDTH, .indent = 2 };
	char reason[REASON_MAX];

	for (unsigned i = 0; i < c->n; i++) {
		if (c->row[i].verdict == VERDICT_SAME)
			continue;
		compare_reason(c, &c->row[i], reason, sizeof(reason));
		if (print_subjects(c, i, reason, &l))
			text_words(&l, "%s: %s.", verdict_name(c->row[i].verdict), reason);
		text_end(&l);
	}
	if (!c->count[VERDICT_SAME])
		return;
	text_words(&l, "same: all of the interval is within %g%%.", 100 * c->gates.threshold);
	text_end(&l);
}

/* "CLAUSE 5.6% (p50), 5.2% (rate)": one more of the list on this line, which the first begins with @clause. */
static void list_part(const struct compare *c, const struct compare_row *r, const char *clause, double part,
		      struct text_lines *l)
{
	char name[160];

	text_words(l, "%s %.3g%% (%s)", l->at ? "," : clause, 100 * part, title(c, r->base, name, sizeof(name)));
}

static void list_end(const char *rest, struct text_lines *l)
{
	if (l->at) {
		fprintf(l->f, "%s", *rest ? ":" : ".");
		text_words(l, "%s", rest);
	}
	text_end(l);
}

static void print_detectable(const struct compare *c, FILE *f)
{
	struct text_lines l = { .f = f, .width = WIDTH - 1, .indent = 2 };

	for (const struct compare_row *r = c->row; r < c->row + c->n; r++)
		if (compare_boots(r) >= 4 && compare_cv(r) > 0)
			list_part(c, r, "These runs find, 95 times of 100, changes from",
				  detectable(compare_cv(r), compare_boots(r), r->gates.threshold), &l);
	list_end("", &l);
}

/* Where the variance comes from, for what is inconclusive (TRU-13). */
static void print_variance(const struct compare *c, FILE *f)
{
	struct text_lines l = { .f = f, .width = WIDTH - 1, .indent = 2 };

	for (unsigned within = 0; within < 2; within++) {
		for (const struct compare_row *r = c->row; r < c->row + c->n; r++)
			if (r->verdict == VERDICT_INCONCLUSIVE && r->gate != GATE_BOOTS && r->gate != GATE_FLOOR &&
			    (r->between < 0.5) == within && isfinite(r->between))
				list_part(c, r, "Variance between boots:", r->between, &l);
		list_end(within ? "longer runs help more than more boots." : "more boots help, longer runs do not.",
			 &l);
	}
}

static void print_modes(const struct compare *c, const struct compare_row *r, struct text_lines *l)
{
	const struct boots *side[2] = { c->base, c->test };
	const struct summary *s[2] = { &r->c.base, &r->c.test };
	char name[160];

	for (unsigned i = 0; i < 2; i++) {
		if (!(r->modes >> i & 1))
			continue;
		text_words(l, "%s of %s has 2 modes: %u + %u boots; its median lies in or between them.",
			   title(c, r->base, name, sizeof(name)), side[i]->label, r->lower[i], s[i]->n - r->lower[i]);
		text_end(l);
	}
}

static void print_outliers(const struct compare *c, FILE *f)
{
	struct text_lines l = { .f = f, .width = WIDTH - 1, .indent = 2 };
	char name[160];

	for (const struct compare_row *r = c->row; r < c->row + c->n; r++)
		for (unsigned i = 0; i < 2; i++)
			if (r->mild[i] || r->severe[i])
				text_words(&l, "%s %u+%u (%s of %s)",
					   l.at ? "," : "Outliers, mild+severe (Tukey), which count like all:",
					   r->mild[i], r->severe[i], title(c, r->base, name, sizeof(name)),
					   i ? c->test->label : c->base->label);
	list_end("", &l);
}

/* What else a reader should know of a metric's values over boots. */
static void print_notes(const struct compare *c, FILE *f)
{
	struct text_lines l = { .f = f, .width = WIDTH, .indent = 2 };

	for (const struct compare_row *r = c->row; r < c->row + c->n; r++) {
		char name[160];

		title(c, r->base, name, sizeof(name));
		print_modes(c, r, &l);
		if (r->drift_p < DRIFT_P)
			text_words(&l,
				   "%s of %s drifts from boot to boot (tau %+.2f, p %.2g): the host changed meanwhile.",
				   name, r->drift_of_test ? c->test->label : c->base->label, r->drift_tau, r->drift_p);
		text_end(&l);
		if (r->base->lacking + r->test->lacking)
			text_words(&l, "%s: boots with too few samples for it, which do not count here: %u.", name,
				   r->base->lacking + r->test->lacking);
		text_end(&l);
	}
}

static void print_invalid(const struct boots *b, FILE *f)
{
	struct text_lines l = { .f = f, .width = WIDTH, .indent = 2 };
	unsigned all = b->n;

	for (unsigned i = 0; i < VALIDITY_STATUSES; i++)
		all += b->other[i];
	for (unsigned i = VALIDITY_VALID + 1; i < VALIDITY_STATUSES; i++) {
		if (!b->other[i])
			continue;
		text_words(&l, "%s: %u of %u runs of %s (%s); not counted.", validity_name((enum validity_status)i),
			   b->other[i], all, b->label, b->why[i]);
		text_end(&l);
	}
}

static void print_caveats(const struct compare *c, FILE *f)
{
	struct text_lines l = { .f = f, .width = WIDTH, .indent = 2 };
	const char *caveat;

	for (unsigned i = 0; (caveat = compare_caveat(c, i)); i++) {
		text_words(&l, "* %s.", caveat);
		text_end(&l);
	}
}

static void print_quantiles(const struct compare *c, FILE *f)
{
	const char *last = "";

	fprintf(f, "\n%-29s %9s %9s  %s\n", "quantiles, medians over boots", "base", "new", "change [95%]");
	for (unsigned i = 0; i < c->n_quantiles; i++) {
		const struct compare_quantile *q = &c->quantile[i];
		char a[SIZE_TEXT + 8], b[SIZE_TEXT + 8], change[72], name[160];

		if (strcmp(last, q->base->workload) && several(c))
			fprintf(f, "%s\n", q->base->workload);
		last = q->base->workload;
		snprintf(name, sizeof(name), "%s", q->base->title);
		if (!q->base->n || !q->test->n) {
			fprintf(f, "  %-27.27s n/a (N=%llu)\n", name,
				(unsigned long long)(q->base->n ? q->test : q->base)->least_samples);
			continue;
		}
		put_change(change, sizeof(change), &q->c);
		fprintf(f, "  %-27.27s %9s %9s  %s%s\n", name, text_value(a, "ns", q->c.base.median),
			text_value(b, "ns", q->c.test.median), change, q->c.low > 1 || q->c.high < 1 ? " differs" : "");
	}
}

void compare_text(const struct compare *c, FILE *f)
{
	unsigned n;
	struct line *l = lines_of(c, &n);

	print_header(c, f);
	if (l)
		print_lines(l, n, f);
	free(l);
	print_reasons(c, f);
	print_detectable(c, f);
	print_variance(c, f);
	print_outliers(c, f);
	print_notes(c, f);
	print_invalid(c->base, f);
	print_invalid(c->test, f);
	print_caveats(c, f);
	if (c->with_quantiles)
		print_quantiles(c, f);
}
