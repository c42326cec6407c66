/* SPDX-License-Identifier: GPL-2.0-only */
/* Latency by percentile: of each side the median over boots as a line, and from the lowest to the highest boot as a
 * band. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report/axis.h"
#include "bench/report/html.h"
#include "bench/report/page.h"
#include "bench/result/summary.h"

#define NAMES_MAX 64

struct side_curve {
	unsigned boots;
	double low[CURVE_POINTS], middle[CURVE_POINTS], high[CURVE_POINTS]; /* NaN: nothing lies there */
	unsigned known; /* points before this one have ten samples beyond them in half of the boots */
};

static const struct plot plot = { .width = 560, .height = 340, .left = 66, .right = 548, .top = 12, .bottom = 306 };

static double x_of(double point)
{
	return plot.left + point * (plot.right - plot.left) / (CURVE_POINTS - 1);
}

/* --- figures ------------------------------------------------------------ */

static void make_point(const struct collection *c, unsigned cell, const char *name, unsigned point,
		       struct side_curve *s)
{
	double value[SAMPLES_MAX], q = curve_quantile(point);
	unsigned n = 0, known = 0;

	for (unsigned i = 0; i < c->n_runs && n < SAMPLES_MAX; i++) {
		const struct run_curve *r = c->run[i].cell == cell ? run_curve(&c->run[i], name) : NULL;

		/* A percentile beyond the last sample is only the maximum again. */
		if (!r || (double)r->samples * (1 - q) < 1 - 1e-6)
			continue;
		known += quantile_known(q, r->samples);
		value[n++] = r->ns[point];
	}
	s->low[point] = s->middle[point] = s->high[point] = NAN;
	s->boots = point ? s->boots : n;
	/* Of less than half of the boots a median would be another figure. */
	if (!n || 2 * n < s->boots)
		return;
	sort_values(value, n, value);
	s->low[point] = value[0];
	s->high[point] = value[n - 1];
	s->middle[point] = quantile(value, n, 0.5);
	if (2 * known >= s->boots)
		s->known = point + 1;
}

/* How many points there are, from the first. */
static unsigned length(const struct side_curve *s)
{
	unsigned n = 0;

	while (n < CURVE_POINTS && isfinite(s->middle[n]))
		n++;
	return n;
}

/* --- drawing ------------------------------------------------------------ */

static void draw_line(FILE *f, const struct axis *y, const double *value, unsigned from, unsigned end)
{
	for (unsigned i = from; i < end; i++)
		html_markup(f, "%s%.1f %.1f", i == from ? "M" : "L", x_of(i), axis_at(y, value[i]));
}

static void draw_band(FILE *f, const struct axis *y, const struct side_curve *s, unsigned side)
{
	unsigned n = length(s);

	if (n < 2 || s->boots < 2)
		return;
	html_markup(f, "<path class=\"band s%u\" d=\"", side % SIDES_STYLED);
	draw_line(f, y, s->high, 0, n);
	for (unsigned i = n; i--;)
		html_markup(f, "L%.1f %.1f", x_of(i), axis_at(y, s->low[i]));
	html_raw(f, "Z\"/>\n");
}

static void draw_curve(FILE *f, const struct axis *y, const struct side_curve *s, unsigned side)
{
	unsigned n = length(s), known = s->known < n ? s->known : n;

	html_markup(f, "<path class=\"line s%u\" d=\"", side % SIDES_STYLED);
	draw_line(f, y, s->middle, 0, known);
	html_raw(f, "\"/>\n");
	if (known >= n)
		return;
	html_markup(f, "<path class=\"line few s%u\" d=\"", side % SIDES_STYLED);
	draw_line(f, y, s->middle, known ? known - 1 : 0, n);
	html_raw(f, "\"/>\n");
}

static void draw_x(FILE *f)
{
	static const struct {
		double quantile;
		const char *name;
	} ticks[] = { { 0, "min" }, { 0.5, "p50" }, { 0.9, "p90" }, { 0.99, "p99" }, { 0.999, "p99.9" } };

	for (unsigned i = 0; i < sizeof(ticks) / sizeof(*ticks); i++) {
		double x = x_of(-log10(1 - ticks[i].quantile) * CURVE_DECADE);

		html_markup(f, "<path class=\"grid\" d=\"M%.1f %.0fV%.0f\"/>", x, plot.top, plot.bottom);
		html_markup(f, "<text x=\"%.1f\" y=\"%.0f\" text-anchor=\"%s\">%s</text>\n", x, plot.bottom + 20,
			    ticks[i].quantile > 0.99 ? "end" : "middle", ticks[i].name);
	}
}

/* Values at a place, shown while the pointer is over it: by the style sheet, for the page has no script. */
static void draw_reading(const struct page *p, const struct group *g, const struct side_curve *s, unsigned point)
{
	double width = x_of(1) - x_of(0), x = x_of(point);
	unsigned line = 0;
	FILE *f = p->f;
	char text[40];

	html_markup(f,
		    "<g class=\"hit\"><rect x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"%.0f\"/><g class=\"read\">"
		    "<path d=\"M%.1f %.0fV%.0f\"/>",
		    x - width, plot.top, 2 * width, plot.bottom - plot.top, x, plot.top, plot.bottom);
	html_markup(f, "<text x=\"%.0f\" y=\"%.0f\">%s%.4g</text>", plot.left + 10, plot.top + 18,
		    point ? "p" : "min, p", 100 * curve_quantile(point));
	for (unsigned i = g->first; i < g->end && line < SIDES_STYLED; i++) {
		const struct side_curve *of = &s[i - g->first];

		if (!isfinite(of->middle[point]))
			continue;
		html_markup(f, "<text class=\"s%u\" x=\"%.0f\" y=\"%.0f\">", (i - g->first) % SIDES_STYLED,
			    plot.left + 10, plot.top + 18 + 17 * ++line);
		html_print(f, "%.24s %s", p->c->cell[i].label, value_text(text, "ns", of->middle[point]));
		html_raw(f, "</text>");
	}
	html_raw(f, "</g></g>\n");
}

static void draw(const struct page *p, const struct group *g, const struct side_curve *s, const char *name)
{
	double low = INFINITY, high = 0;
	unsigned n = g->end - g->first;
	char label[256];
	struct axis y;

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < length(&s[i]); k++) {
			low = fmin(low, s[i].low[k]);
			high = fmax(high, s[i].high[k]);
		}
	axis_make(&y, fmax(low, 1), fmax(high, 1), true, plot.bottom, plot.top);
	snprintf(label, sizeof(label), "%.95s by percentile; the figures are in the table below", name);
	plot_begin(p->f, &plot, label);
	plot_y(p->f, &plot, &y, "ns");
	draw_x(p->f);
	for (unsigned i = 0; i < n; i++)
		draw_band(p->f, &y, &s[i], i);
	for (unsigned i = n; i--;)
		draw_curve(p->f, &y, &s[i], i);
	for (unsigned k = 0; k < CURVE_POINTS; k += 2)
		draw_reading(p, g, s, k);
	plot_end(p->f);
}

/* --- the table ---------------------------------------------------------- */

static void table_value(FILE *f, const struct boots *b, const char *metric, const char *label)
{
	const struct metric *m = b ? boots_find(b, metric) : NULL;
	struct summary s;
	char text[40], low[40], high[40];

	html_raw(f, "<td role=\"cell\"");
	html_attr(f, "data-label", label);
	html_raw(f, ">");
	if (m && m->n) {
		summary_make(m->value, m->n, &s);
		html_print(f, "%s", value_text(text, m->unit, s.median));
		html_print(f, " (%s .. %s)", value_text(low, m->unit, s.min), value_text(high, m->unit, s.max));
	} else {
		html_raw(f, "too few samples");
	}
	html_raw(f, "</td>");
}

static void table(const struct page *p, const struct group *g, const char *name)
{
	static const char *const percentiles[] = { "p50", "p90", "p99", "p99.9" };

	html_raw(p->f, "<details><summary>Table: median over boots, and lowest to highest boot</summary>"
		       "<div class=\"scroll\"><table class=\"plain\"><thead><tr><th scope=\"col\">percentile</th>");
	for (unsigned i = g->first; i < g->end; i++) {
		html_raw(p->f, "<th scope=\"col\">");
		html_text(p->f, p->c->cell[i].label);
		html_raw(p->f, "</th>");
	}
	html_raw(p->f, "</tr></thead><tbody>\n");
	for (unsigned k = 0; k < sizeof(percentiles) / sizeof(*percentiles); k++) {
		char metric[128];

		snprintf(metric, sizeof(metric), "%s.%s", name, percentiles[k]);
		html_markup(p->f, "<tr><th scope=\"row\">%s</th>", percentiles[k]);
		for (unsigned i = g->first; i < g->end; i++)
			table_value(p->f, p->c->cell[i].boots, metric, p->c->cell[i].label);
		html_raw(p->f, "</tr>\n");
	}
	html_raw(p->f, "</tbody></table></div></details>\n");
}

static unsigned add_name(const char **names, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return n;
	names[n] = name;
	return n + 1;
}

static void figure(const struct page *p, const struct group *g, const char *name, struct side_curve *s)
{
	memset(s, 0, (g->end - g->first) * sizeof(*s));
	for (unsigned i = g->first; i < g->end; i++)
		for (unsigned k = 0; k < CURVE_POINTS; k++)
			make_point(p->c, i, name, k, &s[i - g->first]);
	html_raw(p->f, "<figure class=\"curve\"><figcaption><strong>");
	html_text(p->f, name);
	html_raw(p->f, "</strong></figcaption>\n");
	draw(p, g, s, name);
	table(p, g, name);
	html_raw(p->f, "</figure>\n");
}

void curves_of_group(const struct page *p, const struct group *g)
{
	struct side_curve *s = calloc(g->end - g->first, sizeof(*s));
	const char *names[NAMES_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < p->c->n_runs; i++)
		for (unsigned k = 0; k < p->c->run[i].n_curves && n < NAMES_MAX; k++)
			if (p->c->run[i].cell >= g->first && p->c->run[i].cell < g->end)
				n = add_name(names, n, p->c->run[i].curve[k].name);
	if (!s || !n) {
		free(s);
		return;
	}
	html_raw(p->f,
		 "<h3>Latency by percentile</h3>\n<p>Line: the median over boots. Band: the lowest to the highest "
		 "boot. Dotted: fewer than ten samples of a boot lie beyond it.</p>\n");
	page_legend(p, g);
	html_raw(p->f, "<div class=\"charts\">\n");
	for (unsigned i = 0; i < n; i++)
		figure(p, g, names[i], s);
	html_raw(p->f, "</div>\n");
	free(s);
}
