/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a benchmark program printed, as figures. A parser is given text that ran through a guest: it takes any bytes,
 * does no I/O, and its result has a fixed size.
 */
#ifndef KTSTR_BENCH_PARSERS_PARSER_H
#define KTSTR_BENCH_PARSERS_PARSER_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/base/hist.h"

#define PARSED_FIGURES_MAX 64
#define PARSED_NAME_SIZE 31
#define PARSED_UNIT_SIZE 8
#define PARSED_NOTE_SIZE 192

struct parsed_figure {
	char name[PARSED_NAME_SIZE]; /* letters, digits and "_.:/-#" alone */
	char unit[PARSED_UNIT_SIZE]; /* "ns", "s", "/s", "bytes", "" */
	bool more_is_better;
	bool usual; /* judged by a comparison that names no metrics */
	double value;
};

struct parsed {
	struct parsed_figure figure[PARSED_FIGURES_MAX];
	unsigned n;
	unsigned left_out;  /* figures beyond PARSED_FIGURES_MAX */
	const char *metric; /* of the histogram; NULL: there is none */
	struct hist latency;
	char note[PARSED_NOTE_SIZE]; /* what was left out and what to do about it; "": nothing */
};

struct parser_text {
	const char *text; /* ends in NUL, which may be anywhere before too */
	size_t len;
	const char *const *argv; /* of the program, NULL-terminated; NULL: unknown */
};

struct parser {
	const char *name; /* of --parser, and of the program */
	const char *what;
	bool is_of_program; /* that prints nothing else: no figures are worth a word */
	void (*parse)(const struct parser_text *in, struct parsed *out);
};

/* All of them; the last has no name. */
extern const struct parser parsers[];

/* That of the name, or NULL. */
const struct parser *parser_named(const char *name);
/* That for the output of a program: by its file's name; "lines" if there is no other. */
const struct parser *parser_of(const char *const *argv);

/* False: @in has nothing that the parser knows. @out is overwritten. */
bool parser_run(const struct parser *p, const struct parser_text *in, struct parsed *out);

#endif
