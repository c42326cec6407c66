/* SPDX-License-Identifier: GPL-2.0-only */
/* TAP and JUnit: a test for each metric. */
#include <math.h>
#include <string.h>

#include "bench/result/formats.h"
#include "bench/result/text.h"

static void put_change(char *text, size_t size, const struct compare_row *r)
{
	char change[16], low[16], high[16];

	snprintf(text, size, "%s [%s, %s]%%", text_percent(change, r->c.ratio - 1), text_percent(low, r->c.low - 1),
		 text_percent(high, r->c.high - 1));
}

/* A description of TAP must not hold what would be a directive. */
static void tap_text(FILE *f, const char *s)
{
	for (; *s; s++) {
		if (*s == '#' || *s == '\\')
			fputc('\\', f);
		fputc(*s, f);
	}
}

static void tap_row(const struct compare *c, const struct compare_row *r, unsigned number, enum compare_fail on,
		    FILE *f)
{
	bool failed = compare_failed(r->verdict, on);
	char reason[256], change[72];
	const char *caveat;

	compare_reason(c, r, reason, sizeof(reason));
	put_change(change, sizeof(change), r);
	fprintf(f, "%s %u - ", failed ? "not ok" : "ok", number);
	tap_text(f, c->test->label);
	fputs(": ", f);
	tap_text(f, r->base->name);
	if (r->verdict == VERDICT_INCONCLUSIVE && !failed)
		fprintf(f, " # SKIP inconclusive: %s\n", reason);
	else
		fprintf(f, " %s, %s\n", verdict_name(r->verdict), change);
	fprintf(f, "# base %s, change %s: %s\n", c->base->label, change, reason);
	for (unsigned i = 0; (caveat = compare_caveat(c, i)); i++)
		fprintf(f, "# %s\n", caveat);
}

void compare_tap(const struct compare *list, unsigned n, enum compare_fail on, FILE *f)
{
	unsigned all = 0, number = 0;

	for (unsigned i = 0; i < n; i++)
		all += list[i].n;
	fprintf(f, "TAP version 13\n1..%u%s\n", all, all ? "" : " # SKIP no metric");
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < list[i].n; k++)
			tap_row(&list[i], &list[i].row[k], ++number, on, f);
}

static void attribute(FILE *f, const char *name, const char *value)
{
	fprintf(f, " %s=\"", name);
	text_xml(f, value);
	fputc('"', f);
}

static void junit_row(const struct compare *c, const struct compare_row *r, enum compare_fail on, FILE *f)
{
	bool failed = compare_failed(r->verdict, on);
	char reason[256], change[72];

	compare_reason(c, r, reason, sizeof(reason));
	put_change(change, sizeof(change), r);
	fputs("    <testcase", f);
	attribute(f, "classname", c->test->label);
	attribute(f, "name", r->base->name);
	fputs(" time=\"0\">\n", f);
	if (failed || r->verdict == VERDICT_INCONCLUSIVE) {
		fprintf(f, "      <%s", failed ? "failure" : "skipped");
		if (failed)
			attribute(f, "type", verdict_name(r->verdict));
		attribute(f, "message", reason);
		fputs("/>\n", f);
	}
	fprintf(f, "      <system-out>%s, change ", verdict_name(r->verdict));
	text_xml(f, change);
	fputs(": ", f);
	text_xml(f, reason);
	fputs("</system-out>\n    </testcase>\n", f);
}

static void property(FILE *f, const char *name, const char *value)
{
	fputs("      <property", f);
	attribute(f, "name", name);
	attribute(f, "value", value);
	fputs("/>\n", f);
}

static void junit_properties(const struct compare *c, FILE *f)
{
	const char *caveat;

	fputs("    <properties>\n", f);
	property(f, "base", c->base->label);
	property(f, "new", c->test->label);
	for (unsigned i = 0; i < TRAITS; i++)
		property(f, boots_trait_name(i),
			 i == TRAIT_SCHEDULER || i == TRAIT_SCHEDULER_FILE ? c->test->trait[i] : c->base->trait[i]);
	for (unsigned i = 0; (caveat = compare_caveat(c, i)); i++)
		property(f, "caveat", caveat);
	fputs("    </properties>\n", f);
}

static void counts(const struct compare *c, enum compare_fail on, unsigned *failed, unsigned *skipped)
{
	for (unsigned i = 0; i < c->n; i++) {
		bool bad = compare_failed(c->row[i].verdict, on);

		*failed += bad;
		*skipped += !bad && c->row[i].verdict == VERDICT_INCONCLUSIVE;
	}
}

void compare_junit(const struct compare *list, unsigned n, enum compare_fail on, FILE *f)
{
	unsigned all = 0, failed = 0, skipped = 0;

	for (unsigned i = 0; i < n; i++) {
		all += list[i].n;
		counts(&list[i], on, &failed, &skipped);
	}
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", f);
	fprintf(f, "<testsuites name=\"ktstr bench\" tests=\"%u\" failures=\"%u\" errors=\"0\">\n", all, failed);
	for (const struct compare *c = list; c < list + n; c++) {
		char subject[512];

		failed = skipped = 0;
		counts(c, on, &failed, &skipped);
		compare_subject(c, subject, sizeof(subject));
		fputs("  <testsuite", f);
		attribute(f, "name", subject);
		fprintf(f, " tests=\"%u\" failures=\"%u\" errors=\"0\" skipped=\"%u\" time=\"0\">\n", c->n, failed,
			skipped);
		junit_properties(c, f);
		for (unsigned i = 0; i < c->n; i++)
			junit_row(c, &c->row[i], on, f);
		fputs("  </testsuite>\n", f);
	}
	fputs("</testsuites>\n", f);
}
