/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's noise, as the runs have it in their "noise": its notes, and its counters whatever they are called, for
 * each side the median over runs and the worst of them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report/axis.h"
#include "bench/report/html.h"
#include "bench/report/page.h"
#include "bench/result/summary.h"

#define ROWS_MAX 160
#define DEPTH_MAX 6
#define NOTES_MAX 40
#define RUNS_MAX SAMPLES_MAX

struct counter {
	char name[120];
	double value; /* of the run at hand; the largest where there are several, as of several vCPUs; NaN: none */
};

struct counters {
	struct counter row[ROWS_MAX];
	unsigned n;
};

/* --- reading ------------------------------------------------------------ */

static void take(struct counters *c, const char *name, double value)
{
	unsigned i = 0;

	while (i < c->n && strcmp(c->row[i].name, name))
		i++;
	if (i == ROWS_MAX)
		return;
	if (i == c->n) {
		snprintf(c->row[i].name, sizeof(c->row[i].name), "%s", name);
		c->row[i].value = NAN;
		c->n++;
	}
	c->row[i].value = fmax(c->row[i].value, value);
}

/* All numbers below @json, by their keys with dots between; members of an array have the same name. */
static void walk(struct counters *c, const json_t *json, const char *prefix, unsigned depth)
{
	const json_t *member;
	const char *key;
	char name[120];
	size_t i;

	if (json_is_number(json))
		take(c, prefix, json_number_value(json));
	if (depth == DEPTH_MAX)
		return;
	json_array_foreach((json_t *)json, i, member) walk(c, member, prefix, depth + 1);
	json_object_foreach((json_t *)json, key, member)
	{
		snprintf(name, sizeof(name), "%.80s%s%.36s", prefix, *prefix ? "." : "", key);
		walk(c, member, name, depth + 1);
	}
}

static bool of_group(const struct report_run *r, const struct group *g)
{
	return r->noise && r->cell >= g->first && r->cell < g->end;
}

/* --- notes -------------------------------------------------------------- */

struct note {
	const char *text;
	unsigned runs;
};

static void notes_of_group(const struct page *p, const struct group *g)
{
	struct note notes[NOTES_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < p->c->n_runs; i++) {
		const json_t *list = json_object_get(p->c->run[i].noise, "notes"), *member;
		size_t k;

		if (!of_group(&p->c->run[i], g))
			continue;
		json_array_foreach((json_t *)list, k, member)
		{
			const char *text = json_string_value(member);
			unsigned at = 0;

			while (text && at < n && strcmp(notes[at].text, text))
				at++;
			if (!text || at == NOTES_MAX)
				continue;
			if (at == n)
				notes[n++] = (struct note){ text, 0 };
			notes[at].runs++;
		}
	}
	if (!n)
		return;
	html_raw(p->f, "<ul class=\"notes\">");
	for (unsigned i = 0; i < n; i++) {
		html_raw(p->f, "<li>");
		html_text(p->f, notes[i].text);
		html_markup(p->f, " <small>%u run%s</small></li>", notes[i].runs, notes[i].runs == 1 ? "" : "s");
	}
	html_raw(p->f, "</ul>\n");
}

/* --- the table ---------------------------------------------------------- */

static void side(const struct page *p, unsigned cell, const char *name, struct counters *one)
{
	const char *dot = strrchr(name, '_'), *unit = dot && !strcmp(dot, "_ns") ? "ns" : "";
	double value[RUNS_MAX];
	struct summary s;
	unsigned n = 0;
	char text[40];

	for (unsigned i = 0; i < p->c->n_runs && n < RUNS_MAX; i++) {
		if (p->c->run[i].cell != cell || !p->c->run[i].noise)
			continue;
		one->n = 0;
		walk(one, p->c->run[i].noise, "", 0);
		for (unsigned k = 0; k < one->n; k++)
			if (!strcmp(one->row[k].name, name))
				value[n++] = one->row[k].value;
	}
	html_raw(p->f, "<td class=\"n\">");
	if (n) {
		summary_make(value, n, &s);
		html_text(p->f, value_text(text, unit, s.median));
		html_print(p->f, " (%s)", value_text(text, unit, s.max));
	}
	html_raw(p->f, "</td>");
}

static bool worth_showing(const char *name)
{
	static const char *const first[] = { "dilation", "waited", "delay",    "steal",
					     "pressure", "psi",	   "machines", "freq" };

	for (unsigned i = 0; i < sizeof(first) / sizeof(*first); i++)
		if (strstr(name, first[i]))
			return true;
	return false;
}

static void table(const struct page *p, const struct group *g, const struct counters *all, bool first)
{
	struct counters *one = malloc(sizeof(*one));

	html_raw(p->f,
		 "<div class=\"scroll\"><table class=\"plain\"><thead><tr><th scope=\"col\">median over runs (worst "
		 "run)</th>");
	for (unsigned i = g->first; i < g->end; i++) {
		html_raw(p->f, "<th scope=\"col\">");
		html_text(p->f, p->c->cell[i].label);
		html_raw(p->f, "</th>");
	}
	html_raw(p->f, "</tr></thead><tbody>\n");
	for (unsigned k = 0; one && k < all->n; k++) {
		if (worth_showing(all->row[k].name) != first)
			continue;
		html_raw(p->f, "<tr><th scope=\"row\">");
		html_name(p->f, all->row[k].name);
		html_raw(p->f, "</th>");
		for (unsigned i = g->first; i < g->end; i++)
			side(p, i, all->row[k].name, one);
		html_raw(p->f, "</tr>\n");
	}
	html_raw(p->f, "</tbody></table></div>\n");
	free(one);
}

void facts_noise(const struct page *p, const struct group *g)
{
	struct counters *all = calloc(1, sizeof(*all));
	unsigned shown = 0;

	for (unsigned i = 0; all && i < p->c->n_runs; i++)
		if (of_group(&p->c->run[i], g))
			walk(all, p->c->run[i].noise, "", 0);
	for (unsigned i = 0; all && i < all->n; i++)
		shown += worth_showing(all->row[i].name);
	html_raw(p->f, "<h3>Noise of the host</h3>\n");
	if (!all || !all->n) {
		html_raw(p->f, "<p>These results have no record of it.</p>\n");
		free(all);
		return;
	}
	notes_of_group(p, g);
	if (shown)
		table(p, g, all, true);
	if (shown < all->n) {
		html_markup(p->f, "<details><summary>%u further counters</summary>\n", all->n - shown);
		table(p, g, all, false);
		html_raw(p->f, "</details>\n");
	}
	free(all);
}
