/* SPDX-License-Identifier: GPL-2.0-only */
/* What the cells ran on: what is the same everywhere once, what differs with the cells that have it. */
#include <string.h>

#include "bench/report/html.h"
#include "bench/report/page.h"

static const struct boots *boots_of(const struct page *p, unsigned cell)
{
	return p->c->cell[cell].valid ? p->c->cell[cell].boots : NULL;
}

/* Whether a cell before @cell has the same text for trait @t: then it was printed with that one. */
static bool printed(const struct page *p, unsigned cell, unsigned t)
{
	for (unsigned i = 0; i < cell; i++)
		if (boots_of(p, i) && !strcmp(boots_of(p, i)->trait[t], boots_of(p, cell)->trait[t]))
			return true;
	return false;
}

static bool differs(const struct page *p, unsigned t)
{
	const char *text = NULL;

	for (unsigned i = 0; i < p->c->n_cells; i++) {
		const struct boots *b = boots_of(p, i);

		if (!b)
			continue;
		if (b->mixed[t] || (text && strcmp(text, b->trait[t])))
			return true;
		text = b->trait[t];
	}
	return false;
}

static void cells_with(const struct page *p, const char *text, unsigned t)
{
	const char *comma = "";

	html_raw(p->f, " <small>");
	for (unsigned i = 0; i < p->c->n_cells; i++) {
		const struct boots *b = boots_of(p, i);

		if (!b || strcmp(b->trait[t], text))
			continue;
		html_raw(p->f, comma);
		html_text(p->f, p->c->cell[i].key);
		if (b->mixed[t])
			html_raw(p->f, " (some boots differ)");
		comma = ", ";
	}
	html_raw(p->f, "</small>");
}

static void row(const struct page *p, unsigned t)
{
	bool delta = differs(p, t);

	html_markup(p->f, "<tr role=\"row\"%s><th role=\"rowheader\" scope=\"row\">",
		    delta ? " class=\"differs\"" : "");
	html_text(p->f, boots_trait_name(t));
	html_raw(p->f, delta ? " <small>differs</small>" : "");
	html_raw(p->f, "</th><td role=\"cell\">");
	for (unsigned i = 0; i < p->c->n_cells; i++) {
		const struct boots *b = boots_of(p, i);

		if (!b || printed(p, i, t))
			continue;
		html_raw(p->f, "<div>");
		html_text(p->f, *b->trait[t] ? b->trait[t] : "unknown");
		if (delta)
			cells_with(p, b->trait[t], t);
		html_raw(p->f, "</div>");
	}
	html_raw(p->f, "</td></tr>\n");
}

void facts_environment(const struct page *p)
{
	bool any = false;

	for (unsigned i = 0; i < p->c->n_cells; i++)
		any |= boots_of(p, i) != NULL;
	if (!any)
		return;
	html_raw(p->f, "<section id=\"environment\">\n<h2>Environment</h2>\n<table class=\"facts\" role=\"table\">"
		       "<caption>What the boots ran on; what differs between cells is marked</caption>"
		       "<tbody role=\"rowgroup\">\n");
	for (unsigned t = 0; t < TRAITS; t++)
		row(p, t);
	html_raw(p->f, "</tbody></table>\n</section>\n");
}
