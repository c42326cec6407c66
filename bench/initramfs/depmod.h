/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel modules and what they depend on, as depmod(8) wrote it down. */
#ifndef KTSTR_BENCH_INITRAMFS_DEPMOD_H
#define KTSTR_BENCH_INITRAMFS_DEPMOD_H

#include <stdbool.h>
#include <stddef.h>

struct modules;

/* Reads modules.dep and modules.builtin of @dir (".../lib/modules/RELEASE").
 * 0 or -errno with one line in @why. */
int modules_open(struct modules **out, const char *dir, char *why, size_t why_size);
void modules_close(struct modules *m);

/*
 * Call @found for the module @name ('-' and '_' alike) after all that it
 * depends on, with each one's name (by '_') and file; once for each in the
 * life of @m. 0, also when the kernel has it built in; -ENOENT: there is no
 * such module; what @found returned when not 0.
 */
int modules_resolve(struct modules *m, const char *name, int (*found)(void *ctx, const char *module, const char *file),
		    void *ctx);

/* Call @found for every module that is a file, with its name and file. 0, or what @found returned when not 0. */
int modules_each(struct modules *m, int (*found)(void *ctx, const char *module, const char *file), void *ctx);

#endif
