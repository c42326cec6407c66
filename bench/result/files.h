/* SPDX-License-Identifier: GPL-2.0-only */
/* The files of results. */
#ifndef KTSTR_BENCH_RESULT_FILES_H
#define KTSTR_BENCH_RESULT_FILES_H

#include <jansson.h>
#include <stddef.h>

/*
 * Calls @fn for the file @path, or for each file "*.json" of the directory, by name, until it returns an error: -errno,
 * which is then returned, with the line in @why. Else 0; or -errno and @why: one line that names the file.
 */
typedef int files_fn(void *ctx, const char *file, json_t *json, char *why, size_t size);
int files_each(const char *path, files_fn *fn, void *ctx, char *why, size_t size);

#endif
