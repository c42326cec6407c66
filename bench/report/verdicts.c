/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The verdict tables. Their figures are taken from the very JSON that ktstr bench compare --format json prints; each
 * has all its digits in data-value, and its key of that JSON in data-key.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report/axis.h"
#include "bench/report/html.h"
#include "bench/report/page.h"
#include "bench/result/compare.h"

/* --- making them -------------------------------------------------------- */

static int compare_cells(struct page *p, const struct boots *base, const struct boots *test, struct judged *j)
{
	struct compare c = { 0 };
	size_t size;
	FILE *f = open_memstream(&j->delta, &size);
	int rc = -ENOMEM;

	if (!f)
		return rc;
	j->refused = compare_delta(base, test, f) && !p->o->across;
	if (!fclose(f) && !compare_make(&c, base, test, p->o->metric, &p->o->gates, p->o->correction, 1)) {
		j->json = compare_json(&c);
		rc = j->json ? 0 : -ENOMEM;
	}
	compare_free(&c);
	return rc;
}

int verdicts_make(struct page *p)
{
	const struct collection *c = p->c;
	unsigned base = 0;
	int rc = 0;

	p->judged = calloc(c->n_cells, sizeof(*p->judged));
	if (!p->judged)
		return -ENOMEM;
	for (unsigned i = 0; i < c->n_cells && !rc; i++) {
		if (c->cell[i].group != c->cell[base].group)
			base = i;
		if (i != base && c->cell[i].valid && c->cell[base].valid)
			rc = compare_cells(p, c->cell[base].boots, c->cell[i].boots, &p->judged[i]);
	}
	return rc;
}

void verdicts_free(struct page *p)
{
	for (unsigned i = 0; p->judged && i < p->c->n_cells; i++) {
		json_decref(p->judged[i].json);
		free(p->judged[i].delta);
	}
	free(p->judged);
}

/* --- badges ------------------------------------------------------------- */

static const struct {
	const char *name, *sign;
} verdicts[] = {
	{ "worse", "&#8722;" }, { "better", "+" }, { "inconclusive", "?" }, { "same", "=" }, { "not judged", "&#215;" }
};
#define VERDICTS (sizeof(verdicts) / sizeof(*verdicts))
#define NOT_JUDGED (VERDICTS - 1)

static unsigned verdict_of(const struct judged *j, const json_t *row)
{
	const char *name = json_string_value(json_object_get(row, "verdict"));

	for (unsigned i = 0; i < NOT_JUDGED && name && !j->refused; i++)
		if (!strcmp(verdicts[i].name, name))
			return i;
	return NOT_JUDGED;
}

static void badge(FILE *f, unsigned v, unsigned count)
{
	html_markup(f, "<span class=\"badge v%u\"><b aria-hidden=\"true\">%s</b> ", v, verdicts[v].sign);
	if (count)
		html_markup(f, "%u ", count);
	html_markup(f, "%s</span>", verdicts[v].name);
}

void verdicts_counts(const struct page *p, unsigned cell)
{
	const struct judged *j = &p->judged[cell];
	const json_t *rows = json_object_get(j->json, "metrics"), *row;
	unsigned count[VERDICTS] = { 0 };
	size_t i;

	json_array_foreach((json_t *)rows, i, row) count[verdict_of(j, row)]++;
	for (unsigned v = 0; v < VERDICTS; v++)
		if (count[v]) {
			badge(p->f, v, count[v]);
			html_raw(p->f, " ");
		}
	if (!json_array_size(rows))
		html_raw(p->f, "<span class=\"badge v4\">no verdict</span>");
}

/* --- a row -------------------------------------------------------------- */

static double at(const json_t *row, const char *side, const char *key)
{
	const json_t *value = json_object_get(side ? json_object_get(row, side) : row, key);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

/* <span data-key="base.median" data-value="...">TEXT</span> */
static void number(FILE *f, const json_t *row, const char *side, const char *key, const char *text)
{
	html_markup(f, "<span data-key=\"%s%s%s\"", side ? side : "", side ? "." : "", key);
	html_value(f, at(row, side, key));
	html_raw(f, ">");
	html_text(f, text);
	html_raw(f, "</span>");
}

static const char *percent(char text[24], const char *fmt, double part)
{
	if (!isfinite(part))
		snprintf(text, 24, "n/a");
	else if (fabs(part) >= 100)
		snprintf(text, 24, "%+.2g%%", 100 * part);
	else
		snprintf(text, 24, fmt, 100 * part); /* NOLINT: of this file */
	return text;
}

static void side(FILE *f, const json_t *row, const char *key, const char *label)
{
	const char *unit = json_string_value(json_object_get(row, "unit"));
	char text[40];

	html_raw(f, "<td role=\"cell\"");
	html_attr(f, "data-label", label);
	html_raw(f, ">");
	number(f, row, key, "median", value_text(text, unit ? unit : "", at(row, key, "median")));
	html_raw(f, " <small>CV ");
	number(f, row, key, "cv", isfinite(at(row, key, "cv")) ? percent(text, "%.1f%%", at(row, key, "cv")) : "n/a");
	html_raw(f, ", n ");
	snprintf(text, sizeof(text), "%.0f", at(row, key, "n"));
	number(f, row, key, "n", text);
	html_raw(f, "</small></td>");
}

/* The interval of the ratio as a bar on a scale that all rows of the table share; outside of it, with an arrow. */
static void forest(const struct page *p, const json_t *row, unsigned v, double reach)
{
	double low = log(at(row, NULL, "low")), high = log(at(row, NULL, "high")), ratio = log(at(row, NULL, "ratio"));
	double margin = log(1 + p->o->gates.threshold);
	struct axis x = { .low = -reach, .high = reach, .from = 6, .to = 194 };

	html_raw(p->f, "<svg class=\"forest\" viewBox=\"0 0 200 22\" aria-hidden=\"true\">");
	html_markup(p->f, "<rect class=\"zone\" x=\"%.1f\" y=\"0\" width=\"%.1f\" height=\"22\"/>",
		    axis_at(&x, -margin), axis_at(&x, margin) - axis_at(&x, -margin));
	html_markup(p->f, "<path class=\"grid\" d=\"M%.1f 0V22\"/>", axis_at(&x, 0));
	if (isfinite(low) && isfinite(high))
		html_markup(p->f, "<path class=\"v%u\" d=\"M%.1f 11H%.1f\"/>", v, axis_at(&x, fmax(low, -reach)),
			    axis_at(&x, fmin(high, reach)));
	if (low < -reach)
		html_markup(p->f, "<path class=\"v%u end\" d=\"M1 11l7 -5v10z\"/>", v);
	if (high > reach)
		html_markup(p->f, "<path class=\"v%u end\" d=\"M199 11l-7 -5v10z\"/>", v);
	if (isfinite(ratio) && fabs(ratio) <= reach)
		html_markup(p->f, "<circle class=\"v%u end\" cx=\"%.1f\" cy=\"11\" r=\"4\"/>", v, axis_at(&x, ratio));
	html_raw(p->f, "</svg>");
}

static void change(const struct page *p, const json_t *row, unsigned v, double reach)
{
	char text[24];
	FILE *f = p->f;

	html_raw(f, "<td role=\"cell\" data-label=\"change\"><strong>");
	number(f, row, NULL, "ratio", percent(text, "%+.1f%%", at(row, NULL, "ratio") - 1));
	html_raw(f, "</strong> <small>[");
	number(f, row, NULL, "low", percent(text, "%+.1f%%", at(row, NULL, "low") - 1));
	html_raw(f, ", ");
	number(f, row, NULL, "high", percent(text, "%+.1f%%", at(row, NULL, "high") - 1));
	html_raw(f, "]</small>");
	forest(p, row, v, reach);
	html_raw(f, "</td><td role=\"cell\" data-label=\"p, corrected\">");
	snprintf(text, sizeof(text), at(row, NULL, "p_adjusted") < 1e-4 ? "%.1e" : "%.2g", at(row, NULL, "p_adjusted"));
	number(f, row, NULL, "p_adjusted", text);
	html_raw(f, "</td>");
}

/* What the verdict's reader should know of the boots. */
static void remarks(const struct page *p, unsigned cell, const json_t *row, const char *base)
{
	const char *sides[] = { "base", "test" }, *labels[] = { base, p->c->cell[cell].label };
	const char *drifts = json_string_value(json_object_get(row, "drift_of"));
	char key[24];

	for (unsigned i = 0; i < 2; i++) {
		snprintf(key, sizeof(key), "%s_two_modes", sides[i]);
		if (json_is_true(json_object_get(row, key)))
			html_print(p->f, "; the boots of %s fall into two modes", labels[i]);
	}
	if (at(row, NULL, "drift_p") < DRIFT_P)
		html_print(p->f, "; %s drifts from boot to boot (p %.2g)", labels[drifts && !strcmp(drifts, "test")],
			   at(row, NULL, "drift_p"));
	if (isfinite(at(row, NULL, "detectable")))
		html_print(p->f, "; these boots find %.1f%%", 100 * at(row, NULL, "detectable"));
}

static void row_of(const struct page *p, unsigned cell, const json_t *row, const char *base, double reach)
{
	const struct judged *j = &p->judged[cell];
	const char *metric = json_string_value(json_object_get(row, "metric"));
	const char *reason = json_string_value(json_object_get(row, "reason"));
	bool more = json_is_true(json_object_get(row, "more_is_better"));
	unsigned v = verdict_of(j, row);

	html_raw(p->f, "<tr role=\"row\"");
	html_attr(p->f, "data-metric", metric ? metric : "");
	html_raw(p->f, "><th role=\"rowheader\" scope=\"row\">");
	html_name(p->f, metric ? metric : "");
	html_markup(p->f, " <small>%s is better</small></th>", more ? "more" : "less");
	side(p->f, row, "base", base);
	side(p->f, row, "test", p->c->cell[cell].label);
	change(p, row, v, reach);
	html_raw(p->f, "<td role=\"cell\" data-label=\"verdict\" data-key=\"verdict\"");
	html_attr(p->f, "data-value", v == NOT_JUDGED ? "not judged" : verdicts[v].name);
	html_raw(p->f, ">");
	badge(p->f, v, 0);
	html_raw(p->f, " <small>");
	html_text(p->f, v == NOT_JUDGED ? "the sides differ in more than the scheduler" : reason ? reason : "");
	remarks(p, cell, row, base);
	html_raw(p->f, "</small></td></tr>\n");
}

/* --- the tables --------------------------------------------------------- */

/* The half width of the table's scale: what holds most intervals, and always the threshold. */
static double reach_of(const struct page *p, const json_t *rows)
{
	double reach = 2.5 * log(1 + p->o->gates.threshold);
	const json_t *row;
	size_t i;

	json_array_foreach((json_t *)rows, i, row)
	{
		double low = fabs(log(at(row, NULL, "low"))), high = fabs(log(at(row, NULL, "high")));

		if (isfinite(low) && isfinite(high))
			reach = fmax(reach, 1.05 * fmax(low, high));
	}
	return fmin(reach, log(4));
}

static void lines(FILE *f, const char *text)
{
	html_raw(f, "<ul>");
	for (const char *end; *text; text = end + (*end != '\0')) {
		end = text + strcspn(text, "\n");
		html_raw(f, "<li>");
		html_print(f, "%.*s", (int)(end - text), text);
		html_raw(f, "</li>");
	}
	html_raw(f, "</ul>");
}

static void notices(const struct page *p, unsigned cell)
{
	const struct judged *j = &p->judged[cell];
	const json_t *caveats = json_object_get(j->json, "caveats"), *caveat;
	size_t i;

	if (j->delta && *j->delta) {
		html_raw(p->f, "<div class=\"notice\"><strong>");
		html_raw(p->f, j->refused ? "Not judged: more than the scheduler differs."
					  : "Judged although more than the scheduler differs.");
		html_raw(p->f, "</strong>");
		lines(p->f, j->delta);
		html_raw(p->f, "</div>\n");
	}
	json_array_foreach((json_t *)caveats, i, caveat) if (json_is_string(caveat))
	{
		html_raw(p->f, "<p class=\"notice\">");
		html_text(p->f, json_string_value(caveat));
		html_raw(p->f, "</p>\n");
	}
}

static void table(const struct page *p, const struct group *g, unsigned cell)
{
	const json_t *rows = json_object_get(p->judged[cell].json, "metrics"), *row;
	const char *base = p->c->cell[g->first].label, *test = p->c->cell[cell].label;
	double reach = reach_of(p, rows);
	size_t i;

	html_raw(p->f, "<table class=\"verdicts cards\" role=\"table\"");
	html_attr(p->f, "data-base", p->c->cell[g->first].key);
	html_attr(p->f, "data-test", p->c->cell[cell].key);
	html_raw(p->f, "><caption>");
	html_print(p->f, "%s beside %s: medians over boots", test, base);
	html_raw(p->f, "</caption><thead role=\"rowgroup\"><tr role=\"row\">");
	html_raw(p->f, "<th role=\"columnheader\" scope=\"col\">metric</th><th role=\"columnheader\" scope=\"col\">");
	html_text(p->f, base);
	html_raw(p->f, " <small>base</small></th><th role=\"columnheader\" scope=\"col\">");
	html_text(p->f, test);
	html_raw(p->f, "</th><th role=\"columnheader\" scope=\"col\">change <small>[95% interval]</small></th>"
		       "<th role=\"columnheader\" scope=\"col\">p</th>"
		       "<th role=\"columnheader\" scope=\"col\">verdict</th></tr></thead><tbody role=\"rowgroup\">\n");
	json_array_foreach((json_t *)rows, i, row) row_of(p, cell, row, base, reach);
	html_raw(p->f, "</tbody></table>\n");
	html_markup(p->f,
		    "<p class=\"under\">The bar is the 95%% interval of the ratio, the shaded zone the threshold of "
		    "&#177;%.3g%%, an arrow goes on beyond &#177;%.0f%%. p: Mann-Whitney, corrected for %zu test%s "
		    "(%s).</p>\n",
		    100 * p->o->gates.threshold, 100 * (exp(reach) - 1), json_array_size(rows),
		    json_array_size(rows) == 1 ? "" : "s",
		    p->o->correction == CORRECTION_BH ? "Benjamini and Hochberg" : "Holm");
}

static void not_compared(const struct page *p, const struct group *g, unsigned cell)
{
	const struct report_cell *bad = &p->c->cell[p->c->cell[g->first].valid ? cell : g->first];

	html_raw(p->f, "<p class=\"notice\"><strong>");
	html_text(p->f, p->c->cell[cell].label);
	html_raw(p->f, " has no verdict.</strong> ");
	html_text(p->f, bad->why);
	html_raw(p->f, "</p>\n");
}

void verdicts_of_group(const struct page *p, const struct group *g)
{
	html_raw(p->f, "<h3>Verdict</h3>\n");
	if (g->end - g->first == 1) {
		html_raw(p->f, "<p class=\"notice\">One side alone: there is nothing to compare it with. ");
		html_text(p->f, p->c->cell[g->first].why);
		html_raw(p->f, "</p>\n");
	}
	for (unsigned i = g->first + 1; i < g->end; i++) {
		if (!p->judged[i].json) {
			not_compared(p, g, i);
			continue;
		}
		notices(p, i);
		if (json_array_size(json_object_get(p->judged[i].json, "metrics")))
			table(p, g, i);
		else
			html_raw(p->f, "<p class=\"notice\">No metric that both sides have is to be judged.</p>\n");
	}
}

static void overview_row(const struct page *p, unsigned cell, unsigned first)
{
	const struct report_cell *c = &p->c->cell[cell];
	struct group g = { first, first + 1 };
	char title[1024];

	page_group_title(p, &g, title, sizeof(title));
	html_markup(p->f, "<tr role=\"row\"><th role=\"rowheader\" scope=\"row\"><a href=\"#g%u\">", first);
	html_text(p->f, title);
	html_raw(p->f, "</a></th><td role=\"cell\" data-label=\"base\">");
	html_text(p->f, p->c->cell[first].label);
	html_raw(p->f, "</td><td role=\"cell\" data-label=\"beside it\">");
	html_text(p->f, c->label);
	html_raw(p->f, "</td><td role=\"cell\" data-label=\"metrics\">");
	verdicts_counts(p, cell);
	html_raw(p->f, "</td></tr>\n");
}

void verdicts_overview(const struct page *p)
{
	unsigned first = 0;

	html_raw(p->f, "<table class=\"cards\" role=\"table\"><thead role=\"rowgroup\"><tr role=\"row\">"
		       "<th role=\"columnheader\" scope=\"col\">workload and machine</th>"
		       "<th role=\"columnheader\" scope=\"col\">base</th>"
		       "<th role=\"columnheader\" scope=\"col\">beside it</th>"
		       "<th role=\"columnheader\" scope=\"col\">metrics</th></tr></thead><tbody role=\"rowgroup\">\n");
	for (unsigned i = 0; i < p->c->n_cells; i++) {
		if (p->c->cell[i].group != p->c->cell[first].group)
			first = i;
		if (i != first)
			overview_row(p, i, first);
	}
	html_raw(p->f, "</tbody></table>\n");
}
