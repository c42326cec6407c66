/* SPDX-License-Identifier: GPL-2.0-only */
/* Comparisons in the formats of others: of CI, spreadsheets, mails. */
#ifndef KTSTR_BENCH_RESULT_FORMATS_H
#define KTSTR_BENCH_RESULT_FORMATS_H

#include "bench/result/compare.h"

enum compare_format {
	COMPARE_TEXT,
	COMPARE_JSON,
	COMPARE_MARKDOWN,
	COMPARE_JUNIT,
	COMPARE_TAP,
	COMPARE_CSV,
	COMPARE_LKML
};
/* What counts as failed. */
enum compare_fail { FAIL_WORSE, FAIL_INCONCLUSIVE, FAIL_NONE };

bool compare_failed(enum verdict v, enum compare_fail on);

/*
 * All of @list as one document. JSON: the object of a single one, or {"schema": "ktstr-compares/1", "comparisons": []}.
 * 0, or -ENOMEM; errors of @f are its own.
 */
int compare_write(const struct compare *list, unsigned n, enum compare_format format, enum compare_fail on, FILE *f);

/* Parts of that, each for the whole list. */
void compare_markdown(const struct compare *list, unsigned n, FILE *f);
void compare_lkml(const struct compare *list, unsigned n, FILE *f);
void compare_csv(const struct compare *list, unsigned n, FILE *f);
/* A test for each metric: worse fails, inconclusive is skipped, as @on has it. */
void compare_tap(const struct compare *list, unsigned n, enum compare_fail on, FILE *f);
void compare_junit(const struct compare *list, unsigned n, enum compare_fail on, FILE *f);

#endif
