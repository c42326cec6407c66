/* SPDX-License-Identifier: GPL-2.0-only */
/* All runs of a group, those that do not count with their reasons. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report/axis.h"
#include "bench/report/html.h"
#include "bench/report/page.h"

#define COLUMNS_MAX 6
/* A table of more runs than that is folded. */
#define OPEN_MAX 30

static void reasons(FILE *f, const struct validity *v)
{
	html_markup(f, "<span class=\"state t%u\">%s</span>", (unsigned)v->status, validity_name(v->status));
	for (unsigned i = 0; i < v->n; i++) {
		html_raw(f, i ? "; " : " ");
		html_text(f, v->reason[i]);
	}
}

static void row(const struct page *p, const struct report_run *r, unsigned first, const struct shown *shown)
{
	char text[40];
	FILE *f = p->f;

	html_markup(f, "<tr role=\"row\" class=\"t%u\"", (unsigned)r->validity.status);
	html_attr(f, "data-file", r->file);
	html_raw(f, "><td role=\"cell\" class=\"n\" data-label=\"run\">");
	if (r->position)
		html_markup(f, "%ld", r->position);
	html_markup(f, "</td><td role=\"cell\" class=\"n\" data-label=\"side\"><span class=\"dot s%u\"></span>",
		    (r->cell - first) % SIDES_STYLED);
	html_text(f, p->c->cell[r->cell].label);
	html_raw(f, "</td>");
	for (unsigned i = 0; i < shown->n && i < COLUMNS_MAX; i++) {
		double value = run_value(r, shown->name[i]);

		html_raw(f, "<td role=\"cell\" class=\"n\"");
		html_attr(f, "data-label", shown->name[i]);
		if (isfinite(value))
			html_value(f, value);
		html_raw(f, ">");
		html_text(f, isfinite(value) ? value_text(text, shown->unit[i], value) : "\xe2\x80\x93");
		html_raw(f, "</td>");
	}
	html_raw(f, "<td role=\"cell\" data-label=\"state\">");
	reasons(f, &r->validity);
	html_raw(f, "</td><td role=\"cell\" data-label=\"scheduler, boot, file\">");
	if (*r->scheduler)
		html_print(f, "%s, ", r->scheduler);
	if (*r->boot_id)
		html_print(f, "boot %.8s, ", r->boot_id);
	html_raw(f, "<code>");
	html_text(f, r->file);
	html_raw(f, "</code></td></tr>\n");
}

static void head(const struct page *p, const struct shown *shown)
{
	html_raw(p->f, "<table class=\"runs\" role=\"table\"><thead role=\"rowgroup\"><tr role=\"row\">"
		       "<th role=\"columnheader\" scope=\"col\">run</th>"
		       "<th role=\"columnheader\" scope=\"col\">side</th>");
	for (unsigned i = 0; i < shown->n && i < COLUMNS_MAX; i++) {
		html_raw(p->f, "<th role=\"columnheader\" scope=\"col\">");
		html_name(p->f, shown->name[i]);
		html_raw(p->f, "</th>");
	}
	html_raw(p->f, "<th role=\"columnheader\" scope=\"col\">state</th><th role=\"columnheader\" "
		       "scope=\"col\">scheduler, boot, file</th></tr></thead><tbody role=\"rowgroup\">\n");
}

void runs_of_group(const struct page *p, const struct group *g)
{
	const struct report_run **order;
	unsigned n = 0, not_valid = 0;
	struct shown shown;

	shown_make(p, g, &shown);
	for (unsigned i = g->first; i < g->end; i++)
		not_valid += p->c->cell[i].runs - p->c->cell[i].valid;
	order = order_of_group(p, g, &n);
	html_markup(p->f, "<h3>All runs</h3>\n<details%s><summary>%u run%s; %u of them do%s not count</summary>\n",
		    n <= OPEN_MAX ? " open=\"open\"" : "", n, n == 1 ? "" : "s", not_valid, not_valid == 1 ? "es" : "");
	if (shown.n > COLUMNS_MAX)
		html_markup(p->f, "<p class=\"under\">The first %d of %u metrics; --metric selects others.</p>\n",
			    COLUMNS_MAX, shown.n);
	html_raw(p->f, "<div class=\"scroll\">");
	head(p, &shown);
	for (unsigned i = 0; i < n; i++)
		row(p, order[i], g->first, &shown);
	html_raw(p->f, "</tbody></table></div></details>\n");
	free(order);
}
