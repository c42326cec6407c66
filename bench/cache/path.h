/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cache that bench/kernel/fetch fills:
 *   DIR/kernels/NAME/{vmlinuz,config,lib/modules/RELEASE}, DIR/qemu
 * DIR is $KTSTR_CACHE_DIR, else $XDG_CACHE_HOME/ktstr, else $HOME/.cache/ktstr.
 * Functions return 0, or -ENAMETOOLONG, -ENOENT (also: HOME is not set).
 */
#ifndef KTSTR_BENCH_CACHE_PATH_H
#define KTSTR_BENCH_CACHE_PATH_H

#include <limits.h>
#include <stddef.h>

/* DIR/@below, whether it exists or not; @below NULL: DIR. */
int cache_path(char path[PATH_MAX], const char *below);

/*
 * A kernel by name: a directory of DIR/kernels (default, a series, a release), links
 * followed. @release gets the name that uname(2) will give, from the directory
 * below lib/modules. -ENOENT: not fetched.
 */
int cache_kernel(const char *name, char dir[PATH_MAX], char release[NAME_MAX + 1]);

/*
 * What is said of a kernel that cache_kernel() did not give, for its @error: what failed on what, and the remedy, which
 * for one that is not there is @fetch, a command.
 */
const char *cache_why(const char *name, int error, const char *fetch, char *text, size_t size);

#endif
