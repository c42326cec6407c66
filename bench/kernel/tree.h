/* SPDX-License-Identifier: GPL-2.0-only */
/* The modules of a kernel's build tree. */
#ifndef KTSTR_BENCH_KERNEL_TREE_H
#define KTSTR_BENCH_KERNEL_TREE_H

#include <limits.h>

/*
 * Writes a modules.dep for the modules of build tree @tree to the cache, where it is valid until the tree's
 * modules.order changes. @dir gets its directory. 0; -ENOENT: the tree has no modules; or -errno.
 */
int kernel_tree_modules(const char *tree, char dir[PATH_MAX]);

#endif
