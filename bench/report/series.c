/* SPDX-License-Identifier: GPL-2.0-only */
/* The value of each boot in the order they were run, which shows a drift and two modes; beside it each side's median.
 */
#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report/axis.h"
#include "bench/report/html.h"
#include "bench/report/page.h"
#include "bench/result/summary.h"

/* Above so many boots in the page a mark has no tooltip of its own: the page would become large. */
#define TOOLTIPS_MAX 4000
#define LOG_RATIO 8 /* a wider range is logarithmic */

static const struct plot plot = { .width = 560, .height = 236, .left = 66, .right = 548, .top = 12, .bottom = 204 };
#define MEDIANS_WIDTH 18 /* of a side */

static bool is_shown(const struct page *p, const struct metric *m)
{
	if (!m->n || m->of_shape)
		return false;
	return p->o->metric ? !fnmatch(p->o->metric, m->name, 0) : m->usual;
}

static void add_shown(struct shown *s, const struct metric *m)
{
	for (unsigned i = 0; i < s->n; i++)
		if (!strcmp(s->name[i], m->name))
			return;
	if (s->n == SHOWN_MAX)
		return;
	s->name[s->n] = m->name;
	s->unit[s->n++] = m->unit;
}

void shown_make(const struct page *p, const struct group *g, struct shown *out)
{
	out->n = 0;
	for (unsigned i = g->first; i < g->end; i++) {
		const struct boots *b = p->c->cell[i].boots;

		for (unsigned k = 0; b && k < b->n_metrics; k++)
			if (is_shown(p, b->metric[k]))
				add_shown(out, b->metric[k]);
	}
}

/* --- order -------------------------------------------------------------- */

static int compare_runs(const void *a, const void *b)
{
	const struct report_run *x = *(const struct report_run *const *)a, *y = *(const struct report_run *const *)b;

	if (x->position != y->position)
		return x->position < y->position ? -1 : 1;
	if (x->nth != y->nth)
		return x->nth < y->nth ? -1 : 1;
	return x->cell < y->cell ? -1 : x->cell > y->cell;
}

const struct report_run **order_of_group(const struct page *p, const struct group *g, unsigned *n)
{
	const struct report_run **order = calloc(p->c->n_runs + 1, sizeof(*order));

	*n = 0;
	for (unsigned i = 0; order && i < p->c->n_runs; i++)
		if (p->c->run[i].cell >= g->first && p->c->run[i].cell < g->end)
			order[(*n)++] = &p->c->run[i];
	if (order)
		qsort(order, *n, sizeof(*order), compare_runs);
	return order;
}

/* --- drawing ------------------------------------------------------------ */

static void draw_point(const struct page *p, const struct report_run *r, unsigned side, const char *unit, double x,
		       double y, double value)
{
	char text[40];

	plot_mark(p->f, side, x, y);
	if (p->c->n_runs > TOOLTIPS_MAX) {
		html_raw(p->f, "/>");
		return;
	}
	html_raw(p->f, "><title>");
	html_print(p->f, "%s, run %ld: %s", p->c->cell[r->cell].label, r->position, value_text(text, unit, value));
	html_raw(p->f, "</title></path>");
}

static void draw_not_counted(const struct page *p, const struct report_run *r, double x)
{
	html_markup(p->f, "<path class=\"gone\" d=\"M%.1f %.1fl6 6m0 -6l-6 6\"><title>", x - 3, plot.bottom - 7);
	html_print(p->f, "%s, run %ld: %s", p->c->cell[r->cell].label, r->position, validity_name(r->validity.status));
	if (r->validity.n)
		html_print(p->f, ": %s", r->validity.reason[0]);
	html_raw(p->f, "</title></path>");
}

/* The median and its interval (with fewer than 6 boots the range). */
static void draw_median(const struct page *p, const struct axis *y, const struct metric *m, unsigned side, double x)
{
	struct summary s;
	double low, high;

	summary_make(m->value, m->n, &s);
	low = isnan(s.low) ? s.min : s.low;
	high = isnan(s.high) ? s.max : s.high;
	html_markup(p->f, "<path class=\"span s%u\" d=\"M%.1f %.1fV%.1f\"/>", side % SIDES_STYLED, x, axis_at(y, low),
		    axis_at(y, high));
	html_markup(p->f, "<path class=\"middle s%u\" d=\"M%.1f %.1fh13\"/>", side % SIDES_STYLED, x - 6.5,
		    axis_at(y, s.median));
}

static double medians_left(const struct group *g)
{
	unsigned n = g->end - g->first;

	return plot.right - MEDIANS_WIDTH * (n < 8 ? n : 8) - 6;
}

static void draw_x(FILE *f, const struct group *g, unsigned boots)
{
	double left = medians_left(g);

	html_markup(f, "<path class=\"edge\" d=\"M%.1f %.0fV%.0f\"/>", left, plot.top, plot.bottom);
	html_markup(f, "<text x=\"%.0f\" y=\"%.0f\">run 1</text>", plot.left, plot.bottom + 20);
	html_markup(f, "<text x=\"%.1f\" y=\"%.0f\" text-anchor=\"end\">run %u</text>", left - 4, plot.bottom + 20,
		    boots);
	html_markup(f, "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">%s</text>\n", plot.right, plot.bottom + 20,
		    g->end - g->first > 2 ? "medians" : "med.");
}

static bool range_of(const struct report_run *const *order, unsigned n, const char *name, double *low, double *high)
{
	*low = INFINITY;
	*high = -INFINITY;
	for (unsigned i = 0; i < n; i++) {
		double value = run_value(order[i], name);

		if (!isfinite(value))
			continue;
		*low = fmin(*low, value);
		*high = fmax(*high, value);
	}
	return *low <= *high;
}

static void draw(const struct page *p, const struct group *g, const struct report_run *const *order, unsigned n,
		 const char *name, const char *unit)
{
	double low, high, left = plot.left + 8, step;
	char label[256];
	struct axis y;

	if (!range_of(order, n, name, &low, &high))
		return;
	step = (medians_left(g) - 10 - left) / (n > 1 ? n - 1 : 1);
	axis_make(&y, low, high, low > 0 && high / low > LOG_RATIO, plot.bottom, plot.top);
	html_raw(p->f, "<figure><figcaption><strong>");
	html_text(p->f, name);
	html_raw(p->f, "</strong></figcaption>\n");
	snprintf(label, sizeof(label),
		 "%.95s of each boot, in the order they were run; the figures are in the table of "
		 "all runs",
		 name);
	plot_begin(p->f, &plot, label);
	plot_y(p->f, &plot, &y, unit);
	draw_x(p->f, g, n);
	for (unsigned i = 0; i < n; i++) {
		const struct report_run *r = order[i];
		double value = run_value(r, name), x = left + step * i;

		if (isfinite(value))
			draw_point(p, r, r->cell - g->first, unit, x, axis_at(&y, value), value);
		else if (r->validity.status)
			draw_not_counted(p, r, x);
	}
	html_raw(p->f, "\n");
	for (unsigned i = g->first; i < g->end && i < g->first + 8; i++) {
		const struct boots *b = p->c->cell[i].boots;
		const struct metric *m = b ? boots_find(b, name) : NULL;

		if (m && m->n)
			draw_median(p, &y, m, i - g->first, medians_left(g) + 6 + MEDIANS_WIDTH * (i - g->first + 0.5));
	}
	plot_end(p->f);
	html_raw(p->f, "</figure>\n");
}

void series_of_group(const struct page *p, const struct group *g)
{
	struct shown shown;
	unsigned n;
	const struct report_run **order = order_of_group(p, g, &n);

	shown_make(p, g, &shown);
	if (order && shown.n) {
		html_raw(p->f,
			 "<h3>Boot by boot</h3>\n<p>Each mark is one boot, in the order they were run; a slope is a "
			 "drift, two heights are two modes. At the right: the median and its 95% interval (with "
			 "fewer than 6 boots the range). &#215; is a run that does not count.</p>\n");
		page_legend(p, g);
		html_raw(p->f, "<div class=\"charts\">\n");
		for (unsigned i = 0; i < shown.n; i++)
			draw(p, g, order, n, shown.name[i], shown.unit[i]);
		html_raw(p->f, "</div>\n");
	}
	free(order);
}
