/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether a run counts, and why not: key "validity" of its result. Whoever finds a reason adds it; the worst status
 * wins.
 *
 *   valid    its figures are those of what was asked for
 *   invalid  it ended, but the figures are not (the host was busy, the scheduler was bypassed): repeat it
 *   skipped  this kernel or host can't do what was asked for: another run would end the same
 *   failed   it did not come to its end, or what was measured broke on the way
 */
#ifndef KTSTR_BENCH_RESULT_VALIDITY_H
#define KTSTR_BENCH_RESULT_VALIDITY_H

#include <jansson.h>
#include <stdbool.h>

#define VALIDITY_REASONS_MAX 16
#define VALIDITY_REASON_SIZE 192

/* From the best to the worst. */
enum validity_status { VALIDITY_VALID, VALIDITY_INVALID, VALIDITY_SKIPPED, VALIDITY_FAILED, VALIDITY_STATUSES };

/* All zero: valid. */
struct validity {
	enum validity_status status;
	unsigned n; /* reasons; what is beyond VALIDITY_REASONS_MAX is left out */
	char reason[VALIDITY_REASONS_MAX][VALIDITY_REASON_SIZE];
};

/* "valid", "invalid", "skipped", "failed" */
const char *validity_name(enum validity_status status);

/* A reason, for people: "bypass: the kernel ran without the scheduler for 12ms". A longer one is cut. */
__attribute__((format(printf, 3, 4))) void validity_add(struct validity *v, enum validity_status status,
							const char *fmt, ...);

/* {"status":, "reasons": []} */
json_t *validity_json(const struct validity *v);
/* From a whole result. One without "validity" is valid: it was written before there was such a key. False: malformed.
 */
bool validity_read(struct validity *v, const json_t *result);

/* 0, 2, 77, 1 */
int validity_exit_code(const struct validity *v);

#endif
