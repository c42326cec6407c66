/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernels of the cache: whether they are whole, what there is, and how they go. */
#ifndef KTSTR_BENCH_KERNEL_CACHE_H
#define KTSTR_BENCH_KERNEL_CACHE_H

/* Whether the image in @dir is the one of its SHA256SUMS: 0, also without that file; -EBADMSG, or -errno. The image is
 * read only if it is not the file it was. */
int kernel_cache_check(const char *dir);

/* ktstr kernel list, and rm NAME: exit codes, after a word on stderr. */
int kernel_cache_list(void);
int kernel_cache_remove(const char *name);

#endif
