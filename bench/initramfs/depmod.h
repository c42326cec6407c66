/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel modules and their dependencies, from the files of depmod(8). */
#ifndef KTSTR_BENCH_INITRAMFS_DEPMOD_H
#define KTSTR_BENCH_INITRAMFS_DEPMOD_H

#include <stdbool.h>
#include <stddef.h>

struct modules;

/* Reads modules.dep and modules.builtin of @dir (".../lib/modules/RELEASE"). 0, or -errno and one line in @why. */
int modules_open(struct modules **out, const char *dir, char *why, size_t why_size);
void modules_close(struct modules *m);

/*
 * Calls @found for each dependency of module @name, then for the module itself, with
 * its name (spelled with '_') and file; at most once per module in the life of @m. In
 * @name '-' and '_' are equal. 0, also if it is built in; -ENOENT: no such module; or
 * what @found returned if not 0.
 */
int modules_resolve(struct modules *m, const char *name, int (*found)(void *ctx, const char *module, const char *file),
		    void *ctx);

/* Calls @found for every module that is not built in. 0, or what @found returned if not 0. */
int modules_each(struct modules *m, int (*found)(void *ctx, const char *module, const char *file), void *ctx);

#endif
