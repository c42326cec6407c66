/* SPDX-License-Identifier: GPL-2.0-only */
/* Text of results, for terminals and mails. */
#ifndef KTSTR_BENCH_RESULT_TEXT_H
#define KTSTR_BENCH_RESULT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "bench/base/size.h"

/*
 * What a guest or a file calls something, in @out: control characters and what is no UTF-8 become '?', and no character
 * is cut in two.
 */
void text_clean(char *out, size_t size, const char *in);

/* Words into lines of at most @width columns; lines after the first begin with @indent blanks. */
struct text_lines {
	FILE *f;
	unsigned width, indent;
	unsigned at; /* column; 0: nothing is on this line */
};
__attribute__((format(printf, 2, 3))) void text_words(struct text_lines *l, const char *fmt, ...);
/* The line's end, if it has begun. */
void text_end(struct text_lines *l);

/* "850 ns", "18.2 k/s", "0.93", by @unit. */
const char *text_value(char text[SIZE_TEXT + 8], const char *unit, double value);
/* A part as percent: "+3.9", "-41", "+1.2e+05": at most 8 characters. "n/a": it is not finite. */
const char *text_percent(char text[16], double part);

/* An end of an interval: whole percents from 10 on. */
const char *text_bound(char text[16], double part);

/* Between quotes for XML or CSV; @quote is '"' doubled for CSV, an entity for XML. */
void text_xml(FILE *f, const char *s);
void text_csv(FILE *f, const char *s);
/* One shell word, quoted if need be. */
void text_shell_word(char *out, size_t size, const char *word);

#endif
