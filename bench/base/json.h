/* SPDX-License-Identifier: GPL-2.0-only */
/* JSON of results and plans: members of objects, and whole files. */
#ifndef KTSTR_BENCH_BASE_JSON_H
#define KTSTR_BENCH_BASE_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

void json_put_count(json_t *object, const char *key, uint64_t value);
/* null if @text is NULL or not UTF-8: a guest may name anything. */
void json_put_text(json_t *object, const char *key, const char *text);
/* JSON has no NaN and no infinity: these are null. */
json_t *json_real_or_null(double value);

/* How a result is written: keys sorted, so that two results can be compared by diff. */
#define JSON_RESULT_FLAGS (JSON_INDENT(1) | JSON_SORT_KEYS | JSON_REAL_PRECISION(12))

/*
 * A file with @json and a final newline; whole or not at all (atomic.h). @json may be NULL, for one that could not be
 * made. @flags: jansson's. 0 or -errno.
 */
int json_put_file(const char *path, const json_t *json, size_t flags);

#endif
