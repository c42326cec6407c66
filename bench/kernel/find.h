/* SPDX-License-Identifier: GPL-2.0-only */
/* Resolves --kernel: an image, a kernel of the cache, a build tree, or the host's own kernel. */
#ifndef KTSTR_BENCH_KERNEL_FIND_H
#define KTSTR_BENCH_KERNEL_FIND_H

#include <limits.h>

struct kernel_found {
	char image[PATH_MAX];
	char module_dir[PATH_MAX]; /* with a modules.dep, or "" */
	char name[NAME_MAX + 1];   /* in the cache, or "" */
};

/*
 * @given: "host" is /boot/vmlinuz of the running release; a directory is a build tree (arch/x86/boot/bzImage, and the
 * modules in modules.order); a file is an image; any other word is a name in the cache; NULL is "default". 0, or an
 * exit code after a message. A cached kernel that does not match its SHA256SUMS is an error.
 */
int kernel_find(const char *given, struct kernel_found *k);

#endif
