/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BENCH_BASE_PATH_H
#define KTSTR_BENCH_BASE_PATH_H

#include <limits.h>

/*
 * @path made absolute, without "." and "..", by name only: where a file of the
 * host lies in a guest, which has none of the host's links. 0 or -ENAMETOOLONG.
 */
int path_absolute(const char *path, char out[PATH_MAX]);

#endif
