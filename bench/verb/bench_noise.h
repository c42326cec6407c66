/* SPDX-License-Identifier: GPL-2.0-only */
/* What the host's noise means for a run of ktstr bench: whether it counts, what is said about it, and its JSON. */
#ifndef KTSTR_BENCH_VERB_BENCH_NOISE_H
#define KTSTR_BENCH_VERB_BENCH_NOISE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "bench/host/noise.h"
#include "bench/result/validity.h"
#include "bench/spec/host.h"

/* --max-dilation: DEFAULT (all zero) is by the mode. */
struct dilation_limit {
	enum { DILATION_DEFAULT, DILATION_OFF, DILATION_GIVEN } how;
	double value;
};
/* A number above 1, or "off". False: it is neither. */
bool dilation_limit_parse(struct dilation_limit *l, const char *text);
/*
 * 1.05 in mode performance, else 1.25. None in the nested host unless it was given: there vCPUs share few slow CPUs
 * with the rest of that host, and what they wait for each other would hide that the figures are not those of hardware
 * anyway. 0: off.
 */
double dilation_limit_value(const struct dilation_limit *l, enum host_mode mode, bool nested);

/* A reason for each window in which a vCPU waited more than @limit allows. */
void bench_noise_check(struct validity *v, const struct noise *n, double limit);
/* One line if something disturbed, else none. */
void bench_noise_print(FILE *f, const struct noise *n);
/*
 * noise_json() and the limit; and for each of @results (of report_result_json()) whose window was disturbed what its
 * rate would be if vCPUs had not waited: under "corrected", beside the raw rate, which stays as it is.
 */
json_t *bench_noise_json(const struct noise *n, double limit, const json_t *results);

#endif
