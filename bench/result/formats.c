/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/result/formats.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "bench/result/text.h"

#define LKML_WIDTH 75

bool compare_failed(enum verdict v, enum compare_fail on)
{
	return on != FAIL_NONE && (v == VERDICT_WORSE || (v == VERDICT_INCONCLUSIVE && on == FAIL_INCONCLUSIVE));
}

static void names(const struct compare *c, char *base, char *test, size_t size)
{
	compare_side_name(c->base, base, size);
	compare_side_name(c->test, test, size);
}

static void with_cv(char *text, size_t size, const struct metric *m, const struct summary *s)
{
	char value[SIZE_TEXT + 8];

	text_value(value, m->unit, s->median);
	if (isnan(s->cv))
		snprintf(text, size, "%s", value);
	else
		snprintf(text, size, "%s (%.0f%%)", value, fmin(999, 100 * s->cv));
}

/* --- markdown ----------------------------------------------------------- */

static void markdown_word(FILE *f, const char *s)
{
	for (; *s; s++) {
		if (strchr("|\\`*_<>[]", *s))
			fputc('\\', f);
		fputc(*s, f);
	}
}

void compare_markdown(const struct compare *list, unsigned n, FILE *f)
{
	for (const struct compare *c = list; c < list + n; c++) {
		char base[256], test[256], subject[512];
		const char *caveat;

		names(c, base, test, sizeof(base));
		compare_subject(c, subject, sizeof(subject));
		fprintf(f, "%s", c > list ? "\n" : "");
		if (n > 1) {
			markdown_word(f, subject);
			fputs("\n\n", f);
		}
		fputs("| metric | ", f);
		markdown_word(f, base);
		fprintf(f, " (%u boots) | ", c->base->n);
		markdown_word(f, test);
		fprintf(f, " (%u boots) | change | 95%% interval | p | verdict |\n", c->test->n);
		fprintf(f, "|---|---:|---:|---:|---:|---:|---|\n");
		for (const struct compare_row *r = c->row; r < c->row + c->n; r++) {
			char a[64], b[64], change[16];

			with_cv(a, sizeof(a), r->base, &r->c.base);
			with_cv(b, sizeof(b), r->test, &r->c.test);
			fprintf(f, "| %s | %s | %s | %s%% | %.3f..%.3f | %.3g | %s |\n", r->base->name, a, b,
				text_percent(change, r->c.ratio - 1), r->c.low, r->c.high, r->c.p_adjusted,
				verdict_name(r->verdict));
		}
		for (unsigned i = 0; (caveat = compare_caveat(c, i)); i++) {
			fputs(i ? "* " : "\n* ", f);
			markdown_word(f, caveat);
			fputc('\n', f);
		}
	}
}

/* --- a mail to a kernel list -------------------------------------------- */

static void lkml_head(const struct compare *c, FILE *f)
{
	struct text_lines l = { .f = f, .width = LKML_WIDTH };
	char base[256], test[256], subject[512];
	const struct boots *b = c->base;
	const char *caveat;

	names(c, base, test, sizeof(base));
	compare_subject(c, subject, sizeof(subject));
	text_words(&l, "%s: Linux %s, base %s, new %s; guest under ktstr %s on %s, Linux %s (%s).", subject,
		   b->trait[TRAIT_KERNEL], base, test, KTSTR_VERSION, b->trait[TRAIT_HOST_CPU],
		   b->trait[TRAIT_HOST_KERNEL], b->trait[TRAIT_HOST]);
	for (unsigned i = 0; (caveat = compare_caveat(c, i)); i++)
		if (strcmp(caveat, b->trait[TRAIT_HOST]))
			text_words(&l, "%s.", caveat);
	text_words(&l, "Medians over boots; p: Mann-Whitney, %s over %u metrics.",
		   c->how == CORRECTION_HOLM ? "Holm" : "Benjamini-Hochberg", c->n);
	if (c->repeat)
		text_words(&l, "Repeat: %s", c->repeat);
	text_end(&l);
}

/* A name that is too long for its column has a line of its own. */
static void lkml_name(FILE *f, const char *name, int width)
{
	if ((int)strlen(name) > width)
		fprintf(f, "%.*s\n%*s", LKML_WIDTH, name, width, "");
	else
		fprintf(f, "%-*s", width, name);
}

static bool several_workloads(const struct compare *c)
{
	for (unsigned i = 1; i < c->n; i++)
		if (strcmp(c->row[i].base->workload, c->row[0].base->workload))
			return true;
	return false;
}

void compare_lkml(const struct compare *list, unsigned n, FILE *f)
{
	for (const struct compare *c = list; c < list + n; c++) {
		fputs(c > list ? "\n" : "", f);
		lkml_head(c, f);
		fprintf(f, "\n%-21s %14s %14s %9s %7s %5s\n", "metric", "base(CV)", "new(CV)", "%change", "p", "n");
		for (const struct compare_row *r = c->row; r < c->row + c->n; r++) {
			char a[64], b[64], change[16], boots[16], p[16];
			bool star = r->verdict == VERDICT_WORSE || r->verdict == VERDICT_BETTER;

			with_cv(a, sizeof(a), r->base, &r->c.base);
			with_cv(b, sizeof(b), r->test, &r->c.test);
			snprintf(boots, sizeof(boots), r->c.base.n == r->c.test.n ? "%u" : "%u+%u", r->c.base.n,
				 r->c.test.n);
			snprintf(p, sizeof(p), r->c.p_adjusted < 0.001 ? "%.0e" : "%.3f", r->c.p_adjusted);
			lkml_name(f, several_workloads(c) ? r->base->name : r->base->title, 21);
			fprintf(f, " %14s %14s %7s%%%s %7s %5s\n", a, b, text_percent(change, r->c.ratio - 1),
				star ? "*" : " ", p, boots);
		}
		fprintf(f, "*: better or worse: p below %g, and beyond %g%%\n", c->gates.alpha,
			100 * c->gates.threshold);
	}
}

/* --- CSV (RFC 4180) ----------------------------------------------------- */

static void csv_number(FILE *f, double value)
{
	if (isfinite(value))
		fprintf(f, "%.10g", value);
	fputc(',', f);
}

static void csv_summary(FILE *f, const struct summary *s)
{
	fprintf(f, "%u,", s->n);
	csv_number(f, s->median);
	csv_number(f, s->low);
	csv_number(f, s->high);
	csv_number(f, s->cv);
}

void compare_csv(const struct compare *list, unsigned n, FILE *f)
{
	fputs("base,new,kernel,topology,workload,metric,unit,more_is_better,base_n,base_median,base_low,base_high,base_"
	      "cv,"
	      "new_n,new_median,new_low,new_high,new_cv,ratio,ratio_low,ratio_high,p,p_adjusted,verdict,reason,"
	      "caveats\r\n",
	      f);
	for (const struct compare *c = list; c < list + n; c++)
		for (const struct compare_row *r = c->row; r < c->row + c->n; r++) {
			const char *words[] = { c->base->label,
						c->test->label,
						c->base->trait[TRAIT_KERNEL],
						c->base->trait[TRAIT_SHAPE],
						r->base->workload,
						r->base->name,
						r->base->unit };
			char reason[256];
			const char *caveat;

			for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++) {
				text_csv(f, words[i]);
				fputc(',', f);
			}
			fprintf(f, "%d,", r->base->more_is_better);
			csv_summary(f, &r->c.base);
			csv_summary(f, &r->c.test);
			csv_number(f, r->c.ratio);
			csv_number(f, r->c.low);
			csv_number(f, r->c.high);
			csv_number(f, r->c.p);
			csv_number(f, r->c.p_adjusted);
			compare_reason(c, r, reason, sizeof(reason));
			fprintf(f, "%s,", verdict_name(r->verdict));
			text_csv(f, reason);
			fputs(",\"", f);
			for (unsigned i = 0; (caveat = compare_caveat(c, i)); i++)
				for (fputs(i ? "; " : "", f); *caveat; caveat++)
					fputs((char[]){ *caveat, *caveat == '"' ? '"' : '\0', '\0' }, f);
			fputs("\"\r\n", f);
		}
}

/* --- all of them -------------------------------------------------------- */

static int write_json(const struct compare *list, unsigned n, FILE *f)
{
	json_t *json = n == 1 ? compare_json(list) : json_pack("{ss s[]}", "schema", "ktstr-compares/1", "comparisons");
	int rc;

	for (unsigned i = 0; i < n && n > 1; i++)
		json_array_append_new(json_object_get(json, "comparisons"), compare_json(&list[i]));
	rc = json ? json_dumpf(json, f, JSON_INDENT(1) | JSON_SORT_KEYS | JSON_REAL_PRECISION(12)) : -1;
	fputc('\n', f);
	json_decref(json);
	return rc ? -ENOMEM : 0;
}

int compare_write(const struct compare *list, unsigned n, enum compare_format format, enum compare_fail on, FILE *f)
{
	switch (format) {
	case COMPARE_JSON:
		return write_json(list, n, f);
	case COMPARE_MARKDOWN:
		compare_markdown(list, n, f);
		break;
	case COMPARE_JUNIT:
		compare_junit(list, n, on, f);
		break;
	case COMPARE_TAP:
		compare_tap(list, n, on, f);
		break;
	case COMPARE_CSV:
		compare_csv(list, n, f);
		break;
	case COMPARE_LKML:
		compare_lkml(list, n, f);
		break;
	case COMPARE_TEXT:
		for (unsigned i = 0; i < n; i++) {
			fputs(i ? "\n" : "", f);
			compare_text(&list[i], f);
		}
	}
	return 0;
}
