/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writing of HTML that is well-formed XML too. Text from outside (schedulers, workloads, guests, files) goes through
 * html_text() or html_attr() and through nothing else: it can't become markup. What html_raw() and html_markup() print
 * is of this house.
 */
#ifndef KTSTR_BENCH_REPORT_HTML_H
#define KTSTR_BENCH_REPORT_HTML_H

#include <stdbool.h>
#include <stdio.h>

/* "<", ">", "&" and quotes as entities; control characters and what is no UTF-8 as U+FFFD. */
void html_text(FILE *f, const char *text);
/* The same of a formatted text of up to 1023 bytes; what is longer is cut. */
__attribute__((format(printf, 2, 3))) void html_print(FILE *f, const char *fmt, ...);
/* The same of a name made of words, which may wrap after each "." and "_". */
void html_name(FILE *f, const char *name);
/* ' NAME="TEXT"' */
void html_attr(FILE *f, const char *name, const char *text);
/* <TAG>TEXT</TAG> */
void html_element(FILE *f, const char *tag, const char *text);
/* Markup: of numbers and words of this house alone. */
#define html_markup fprintf
#define html_raw(f, text) fputs(text, f)

/* ' data-value="NUMBER"' with the digits that results in JSON have; "null" for what is not finite. */
void html_value(FILE *f, double value);

#endif
