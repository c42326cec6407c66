/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BENCH_BASE_PATH_H
#define KTSTR_BENCH_BASE_PATH_H

#include <limits.h>
#include <stdbool.h>

/*
 * Makes @path absolute and removes "." and "..", without following links: a guest
 * has the file at this path but not the host's links. 0 or -ENAMETOOLONG.
 */
int path_absolute(const char *path, char out[PATH_MAX]);

/* Whether @path names a directory by a slash at its end. */
bool path_is_dir(const char *path);

#endif
