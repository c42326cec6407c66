/* SPDX-License-Identifier: GPL-2.0-only */
/* Check, list and remove the kernels of the cache. */
#ifndef KTSTR_BENCH_KERNEL_CACHE_H
#define KTSTR_BENCH_KERNEL_CACHE_H

/*
 * Checks the image in @dir against its SHA256SUMS. 0, also without that file; -EBADMSG: it differs; or -errno. The
 * image is read only if it changed since its last check.
 */
int kernel_cache_check(const char *dir);

/* ktstr kernel list and rm NAME. Exit codes, after a message on stderr. */
int kernel_cache_list(void);
int kernel_cache_remove(const char *name);

#endif
