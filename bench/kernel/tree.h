/* SPDX-License-Identifier: GPL-2.0-only */
/* The modules of a kernel's build tree. */
#ifndef KTSTR_BENCH_KERNEL_TREE_H
#define KTSTR_BENCH_KERNEL_TREE_H

#include <limits.h>

/*
 * A modules.dep for the modules of the build tree @tree, kept in the cache as long as its modules.order stays the same.
 * @dir gets the directory that has it. 0; -ENOENT: the tree has no modules; or -errno.
 */
int kernel_tree_modules(const char *tree, char dir[PATH_MAX]);

#endif
