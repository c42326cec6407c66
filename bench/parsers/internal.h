/* SPDX-License-Identifier: GPL-2.0-only */
/* What parsers share. */
#ifndef KTSTR_BENCH_PARSERS_INTERNAL_H
#define KTSTR_BENCH_PARSERS_INTERNAL_H

#include <jansson.h>

#include "bench/parsers/parser.h"

#define PARSER_LINE_MAX 512

enum { LESS = 0, MORE = 1, USUAL = 2 };

void parse_fio(const struct parser_text *in, struct parsed *out);
void parse_schbench(const struct parser_text *in, struct parsed *out);
void parse_hackbench(const struct parser_text *in, struct parsed *out);
void parse_perf(const struct parser_text *in, struct parsed *out);
void parse_rt_app(const struct parser_text *in, struct parsed *out);
void parse_cyclictest(const struct parser_text *in, struct parsed *out);
void parse_stress_ng(const struct parser_text *in, struct parsed *out);
void parse_sysbench(const struct parser_text *in, struct parsed *out);
void parse_lines(const struct parser_text *in, struct parsed *out);

/*
 * A figure; @flags of MORE (is better) and USUAL. A second one of the same name is NAME#2. One that is no finite number
 * is left out.
 */
void parsed_add(struct parsed *out, const char *name, const char *unit, int flags, double value);
/* @n samples of @value ns, in the histogram called @metric. What is no duration is left out. */
void parsed_sample(struct parsed *out, const char *metric, double ns, double n);
__attribute__((format(printf, 2, 3))) void parsed_note(struct parsed *out, const char *fmt, ...);

/*
 * The next line from @at on, without its end, blanks around it and anything that is not ASCII; longer ones are cut.
 * False: there is none.
 */
struct parser_lines {
	const char *at, *end;
	char line[PARSER_LINE_MAX];
};
struct parser_lines lines_of(const struct parser_text *in);
bool lines_next(struct parser_lines *l);

/* The words of @line, which is cut; at most @max. */
unsigned line_words(char *line, char **words, unsigned max);
/* The whole word as a finite number. */
bool word_number(const char *word, double *value);
/* What follows @prefix in @line, without blanks before it; NULL: @line begins otherwise. */
const char *line_after(const char *line, const char *prefix);
/* The first number in @text. */
bool text_number(const char *text, double *value);

/* The first object that begins a line and is whole; NULL: none. */
json_t *text_json(const struct parser_text *in);
/* The member as a number; 0 if it is none. */
double json_number_of(const json_t *object, const char *name);

/* Whether the program was given the option @letter, alone or among others ("-Nq"), or @name. */
bool argv_has(const struct parser_text *in, char letter, const char *name);

#endif
