/* SPDX-License-Identifier: GPL-2.0-only */
/* Members of JSON objects, as results and plans have them. */
#ifndef KTSTR_BENCH_BASE_JSON_H
#define KTSTR_BENCH_BASE_JSON_H

#include <jansson.h>
#include <stdint.h>

void json_put_count(json_t *object, const char *key, uint64_t value);
/* null if @text is NULL or not UTF-8: a guest may name anything. */
void json_put_text(json_t *object, const char *key, const char *text);

#endif
