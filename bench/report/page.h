/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of the page, and what each is given. */
#ifndef KTSTR_BENCH_REPORT_PAGE_H
#define KTSTR_BENCH_REPORT_PAGE_H

#include <jansson.h>
#include <stdio.h>

#include "bench/report/collection.h"
#include "bench/report/report.h"

/* A cell beside the base of its group. */
struct judged {
	json_t *json; /* as ktstr bench compare --format json prints it; NULL: none */
	char *delta;  /* what differs besides the scheduler, a line each; "": nothing */
	bool refused; /* because of that: figures without verdicts */
};

struct page {
	FILE *f;
	const struct collection *c;
	const struct report_options *o;
	struct judged *judged; /* of each cell */
};

/* Cells of one group: those from @first, the base, to before @end. */
struct group {
	unsigned first, end;
};

/* --- verdicts.c --- */

/* 0 or -ENOMEM. */
int verdicts_make(struct page *p);
void verdicts_free(struct page *p);
/* Which groups are better or worse where, for more than one comparison. */
void verdicts_overview(const struct page *p);
void verdicts_of_group(const struct page *p, const struct group *g);
/* The counts by verdict, as badges: "1 worse 2 same". */
void verdicts_counts(const struct page *p, unsigned cell);

/* --- curves.c, series.c --- */

void curves_of_group(const struct page *p, const struct group *g);
void series_of_group(const struct page *p, const struct group *g);

/* All runs of @g in the order they were run; where that is not known, boot by boot of each side. NULL: no memory. */
const struct report_run **order_of_group(const struct page *p, const struct group *g, unsigned *n);
/* The names and units of the metrics that a group's charts and runs show, each once: those that are judged. */
#define SHOWN_MAX 24
struct shown {
	const char *name[SHOWN_MAX], *unit[SHOWN_MAX];
	unsigned n;
};
void shown_make(const struct page *p, const struct group *g, struct shown *out);

/* --- facts.c, noise.c, repeat.c, runs.c --- */

void facts_environment(const struct page *p);
void facts_noise(const struct page *p, const struct group *g);
void facts_repeat(const struct page *p);
void runs_of_group(const struct page *p, const struct group *g);

/* --- page.c --- */

void page_write(const struct page *p);
/* What a group is about: "wakeup on 1n2l4c1t, kernel 7.3.4". */
void page_group_title(const struct page *p, const struct group *g, char *text, size_t size);
/* Names, colours and marks of the sides of a group. */
void page_legend(const struct page *p, const struct group *g);

#endif
