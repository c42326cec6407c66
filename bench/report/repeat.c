/* SPDX-License-Identifier: GPL-2.0-only */
/* What was run, and the command that runs it again, as ktstr bench run recorded it. */
#include "bench/report/html.h"
#include "bench/report/page.h"
#include "bench/result/text.h"

static void option(FILE *f, const char *name, const char *text)
{
	char quoted[4 * PATH_MAX];

	text_shell_word(quoted, sizeof(quoted), text);
	html_text(f, name);
	html_text(f, quoted);
}

void facts_repeat(const struct page *p)
{
	html_raw(p->f, "<section id=\"repeat\">\n<h2>What was run</h2>\n");
	if (p->c->rundir) {
		html_raw(p->f, "<p>The same matrix again, in the same order:</p>\n<pre><code>");
		html_text(p->f, p->c->rundir->repeat);
		html_raw(p->f, "</code></pre>\n");
	} else {
		html_raw(p->f,
			 "<p>The directory has no matrix.json of ktstr bench run: how its results were made is not "
			 "recorded.</p>\n");
	}
	html_raw(p->f, "<p>This page again:</p>\n<pre><code>");
	option(p->f, "ktstr bench report ", p->c->dir);
	html_markup(p->f, " --threshold %g --alpha %g", p->o->gates.threshold, p->o->gates.alpha);
	if (p->o->metric)
		option(p->f, " --metric ", p->o->metric);
	html_markup(p->f, "%s%s", p->o->correction == CORRECTION_BH ? " --correction bh" : "",
		    p->o->across ? " --across" : "");
	html_raw(p->f, "</code></pre>\n</section>\n");
}
