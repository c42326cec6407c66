/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Paths in the cache that bench/kernel/fetch fills:
 *   DIR/kernels/NAME/{vmlinuz,config,lib/modules/RELEASE}, DIR/qemu
 * DIR is $KTSTR_CACHE_DIR, else $XDG_CACHE_HOME/ktstr, else $HOME/.cache/ktstr.
 * Functions return 0, -ENAMETOOLONG, or -ENOENT (also if HOME is not set).
 */
#ifndef KTSTR_BENCH_CACHE_PATH_H
#define KTSTR_BENCH_CACHE_PATH_H

#include <limits.h>
#include <stddef.h>

/* DIR/@below, or DIR if @below is NULL. It need not exist. */
int cache_path(char path[PATH_MAX], const char *below);

/*
 * Finds a kernel by its name in DIR/kernels (default, a series, a release). @dir gets its
 * directory with links followed, @release what uname(2) will report, from the name of the
 * directory below lib/modules. -ENOENT: not fetched.
 */
int cache_kernel(const char *name, char dir[PATH_MAX], char release[NAME_MAX + 1]);

/*
 * Writes to @text why cache_kernel() failed with @error, and the remedy. @fetch: the command that fetches a missing
 * kernel. Returns @text.
 */
const char *cache_why(const char *name, int error, const char *fetch, char *text, size_t size);

#endif
