/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Histograms as HdrHistogram's tools read them. Its histograms of 3 significant digits have the same buckets as ours,
 * so nothing is rounded on the way.
 */
#ifndef KTSTR_BENCH_RESULT_HDR_H
#define KTSTR_BENCH_RESULT_HDR_H

#include <stdio.h>

#include "bench/base/hist.h"

/* The V2 encoding, compressed, in base64: to free(). NULL: no memory. */
char *hdr_encode(const struct hist *h);
/* A log (.hlog): its head, then a line for each histogram. @tag is cleaned of what a line can't hold. */
void hdr_log_head(FILE *f);
/* 0 or -ENOMEM. */
int hdr_log_line(FILE *f, const char *tag, double start_s, double length_s, const struct hist *h);
/* The distribution by percentiles (.hgrm), in ns, with 5 steps in each half of the rest. */
void hdr_distribution(FILE *f, const struct hist *h);

#endif
