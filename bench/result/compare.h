/* SPDX-License-Identifier: GPL-2.0-only */
/* The comparison of two sides, metric by metric, and what is printed of it. */
#ifndef KTSTR_BENCH_RESULT_COMPARE_H
#define KTSTR_BENCH_RESULT_COMPARE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "bench/result/boots.h"
#include "bench/result/verdict.h"

/* A drift is one below this p. */
#define DRIFT_P 0.01

struct compare_row {
	const struct metric *base, *test;
	struct comparison c;
	enum verdict verdict;
	enum gate gate;
	struct gates gates; /* with the metric's direction and floor */
	double drift_p;	    /* of the side that drifts more; 1: none */
	double drift_tau;   /* of that side */
	bool drift_of_test;
	unsigned modes;		     /* bit 0: the base has two modes, bit 1: the other side */
	unsigned lower[2];	     /* boots in the lower of the two */
	unsigned mild[2], severe[2]; /* outliers by Tukey's classes; all of them count */
	/*
	 * Of the variance of the side that varies more: the part that is between boots, so that longer runs do not
	 * help. NaN where it is not known.
	 */
	double between;
};

/* A metric that both sides have, and that one has no value of: with so few samples the percentile is not known. */
struct compare_absent {
	const struct metric *base, *test;
};

/* One quantile of a distribution, as the verdict's medians over boots (TRU-15). Never judged. */
struct compare_quantile {
	const struct metric *base, *test;
	struct comparison c;
};

struct compare {
	const struct boots *base, *test;
	struct compare_row *row;
	unsigned n;
	unsigned count[4]; /* by enum verdict */
	struct gates gates;
	enum correction how;
	struct compare_absent *absent;
	unsigned n_absent;
	struct compare_quantile *quantile; /* one distribution after the other, each from its lowest */
	unsigned n_quantiles;
	const char *order;   /* "ABBA"; NULL: not known */
	const char *repeat;  /* the command that repeats it; NULL: not known */
	bool with_quantiles; /* print them too */
};

/*
 * All metrics that both sides have and @glob matches (fnmatch(3)); NULL: the usual ones. @gates: alpha and threshold.
 * The p of one call are corrected together. 0 or -ENOMEM; compare_free() in any case.
 */
int compare_make(struct compare *out, const struct boots *base, const struct boots *test, const char *glob,
		 const struct gates *gates, enum correction how, uint64_t seed);
void compare_free(struct compare *c);

/*
 * What differs between the sides besides the scheduler, or within one, as lines on @f (NULL: none). Returns how many
 * lines.
 */
unsigned compare_delta(const struct boots *base, const struct boots *test, FILE *f);

/* What the verdict of a row rests on, and for an inconclusive one how many boots would do; in words, on one line. */
void compare_reason(const struct compare *c, const struct compare_row *r, char *text, size_t size);
/* How many boots a side had at least, and how much a row's values vary over boots: those of the side that is worse off.
 */
unsigned compare_boots(const struct compare_row *r);
double compare_cv(const struct compare_row *r);
/* The @i-th thing that makes the figures of a side less than those of hardware (BEN-17), each once; NULL: no more. */
const char *compare_caveat(const struct compare *c, unsigned i);
/* Name of the scheduler for people: the side's label, and what it ran under where that says more. */
void compare_side_name(const struct boots *b, char *text, size_t size);
/* The workload and the shape: "wakeup, messaging on 1n2l4c1t". */
void compare_subject(const struct compare *c, char *text, size_t size);

/* A table of at most 80 columns, and below it what the verdicts rest on and what else stands out. */
void compare_text(const struct compare *c, FILE *f);
/* schema "ktstr-compare/1". NULL: no memory. */
json_t *compare_json(const struct compare *c);

#endif
