/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/report/page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/report/axis.h"
#include "bench/report/html.h"

static const char style[] =
#include "report_style.inc"
	;

/* --- words -------------------------------------------------------------- */

/* "wakeup, messaging" of what the runs of a cell measured. */
static void workloads_of(const struct collection *c, unsigned cell, char *text, size_t size)
{
	size_t at = 0;

	*text = '\0';
	for (unsigned i = 0; i < c->n_runs && !at; i++)
		for (unsigned k = 0; c->run[i].cell == cell && k < c->run[i].n_curves && at < size; k++)
			at += (size_t)snprintf(text + at, size - at, "%s%.*s", k ? ", " : "",
					       (int)strcspn(c->run[i].curve[k].name, "."), c->run[i].curve[k].name);
}

void page_group_title(const struct page *p, const struct group *g, char *text, size_t size)
{
	const struct report_cell *cell = &p->c->cell[g->first];
	char workload[256], topology[256] = "", kernel[256] = "";

	snprintf(workload, sizeof(workload), "%s", cell->workload);
	for (unsigned i = g->first; i < g->end && !*workload; i++)
		workloads_of(p->c, i, workload, sizeof(workload));
	if (cell->valid) {
		snprintf(topology, sizeof(topology), "%s", cell->boots->trait[TRAIT_SHAPE]);
		snprintf(kernel, sizeof(kernel), "%s", cell->boots->trait[TRAIT_KERNEL]);
	} else {
		snprintf(topology, sizeof(topology), "%s", cell->topology);
		snprintf(kernel, sizeof(kernel), "%s", cell->kernel);
	}
	snprintf(text, size, "%s%s%s%s%s", *workload ? workload : "no workload's result", *topology ? " on " : "",
		 topology, *kernel ? ", kernel " : "", kernel);
}

void page_legend(const struct page *p, const struct group *g)
{
	html_raw(p->f, "<ul class=\"legend\">");
	for (unsigned i = g->first; i < g->end; i++) {
		html_markup(
			p->f,
			"<li><svg viewBox=\"0 0 44 16\" aria-hidden=\"true\"><path class=\"line s%u\" d=\"M2 8H42\"/>",
			(i - g->first) % SIDES_STYLED);
		plot_mark(p->f, i - g->first, 22, 8);
		html_raw(p->f, "/></svg> ");
		html_text(p->f, p->c->cell[i].label);
		html_markup(p->f, " <small>%s%u boot%s</small></li>", i == g->first ? "base, " : "",
			    p->c->cell[i].valid, p->c->cell[i].valid == 1 ? "" : "s");
	}
	html_raw(p->f, "</ul>\n");
}

static struct group next_group(const struct collection *c, unsigned first)
{
	struct group g = { first, first + 1 };

	while (g.end < c->n_cells && c->cell[g.end].group == c->cell[first].group)
		g.end++;
	return g;
}

/* --- the page ----------------------------------------------------------- */

static void title(const struct page *p, FILE *f)
{
	const char *name = strrchr(p->c->dir, '/');
	struct group g = next_group(p->c, 0);
	char text[1024];

	if (p->c->n_groups == 1) {
		page_group_title(p, &g, text, sizeof(text));
		html_text(f, text);
	} else {
		html_print(f, "%u comparisons: %.200s", p->c->n_groups, name && name[1] ? name + 1 : p->c->dir);
	}
}

/* No script, no request: the policy says so to the browser too. */
static void head(const struct page *p)
{
	html_raw(p->f, "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
		       "<meta charset=\"utf-8\"/>\n"
		       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
		       "'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\"/>\n"
		       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
		       "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
		       "<meta name=\"generator\" content=\"ktstr " KTSTR_VERSION "\"/>\n"
		       "<link rel=\"icon\" href=\"data:,\"/>\n<title>");
	title(p, p->f);
	html_raw(p->f, " - ktstr</title>\n<style>\n");
	html_raw(p->f, style);
	html_raw(p->f, "</style>\n</head>\n<body>\n");
}

static void summary(const struct page *p)
{
	const struct collection *c = p->c;
	unsigned valid = 0, compared = 0, one = 0;

	for (unsigned i = 0; i < c->n_cells; i++) {
		valid += c->cell[i].valid;
		if (i && c->cell[i].group == c->cell[i - 1].group) {
			compared++;
			one = i;
		}
	}
	html_raw(p->f, "<header><p class=\"eyebrow\">ktstr bench report</p>\n<h1>");
	title(p, p->f);
	html_raw(p->f, "</h1>\n");
	if (compared == 1) {
		html_raw(p->f, "<p class=\"lead\"><strong>");
		html_text(p->f, c->cell[one].label);
		html_raw(p->f, "</strong> beside <strong>");
		html_text(p->f, c->cell[0].label);
		html_raw(p->f, "</strong>: ");
		verdicts_counts(p, one);
		html_raw(p->f, "</p>\n");
	}
	html_markup(p->f, "<p>%u cell%s, %u run%s, one boot each; %u count, %u do not.</p>\n</header>\n<main>\n",
		    c->n_cells, c->n_cells == 1 ? "" : "s", c->n_runs, c->n_runs == 1 ? "" : "s", valid,
		    c->n_runs - valid);
	if (compared > 1) {
		html_raw(p->f, "<section><h2>Overview</h2>\n");
		verdicts_overview(p);
		html_raw(p->f, "</section>\n");
	}
}

static void group(const struct page *p, const struct group *g)
{
	char text[1024];

	html_markup(p->f, "<section id=\"g%u\">\n", g->first);
	if (p->c->n_groups > 1) {
		page_group_title(p, g, text, sizeof(text));
		html_element(p->f, "h2", text);
	}
	verdicts_of_group(p, g);
	curves_of_group(p, g);
	series_of_group(p, g);
	facts_noise(p, g);
	runs_of_group(p, g);
	html_raw(p->f, "</section>\n");
}

void page_write(const struct page *p)
{
	struct group g;

	head(p);
	summary(p);
	for (unsigned i = 0; i < p->c->n_cells; i = g.end) {
		g = next_group(p->c, i);
		group(p, &g);
	}
	facts_environment(p);
	facts_repeat(p);
	html_raw(p->f,
		 "</main>\n<footer><p>Made by ktstr " KTSTR_VERSION ". The sample is the boot: each contributes one "
		 "number for each metric, and samples of one boot are never counted apart. This page needs no "
		 "network, no script and no other file.</p></footer>\n</body>\n</html>\n");
}

int report_write(FILE *f, const struct collection *c, const struct report_options *o)
{
	struct page p = { .f = f, .c = c, .o = o };
	int rc = verdicts_make(&p);

	if (!rc)
		page_write(&p);
	verdicts_free(&p);
	return rc;
}
