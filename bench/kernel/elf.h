/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ELF kernel of a bzImage, decompressed once and kept in the cache under the bzImage's SHA-256
 * (DIR/vmlinux/DIGEST): a guest need not unpack it, and guests share its pages.
 */
#ifndef KTSTR_BENCH_KERNEL_ELF_H
#define KTSTR_BENCH_KERNEL_ELF_H

#include <limits.h>
#include <stddef.h>

/*
 * A descriptor of it. -ENOENT: @image is to be booted as it is, being no bzImage, or one whose compression only it
 * knows itself; otherwise -errno and the reason in @why. With a descriptor @why may hold a warning, else it is empty.
 */
int kernel_elf_open(const char *image, char *why, size_t why_size);

/* The files of the cache that kernel_elf_open() looks at, "" for one that is not there, for another machine with the
 * same paths. 0 or -errno. */
struct kernel_elf_files {
	char path[3][PATH_MAX];
};
int kernel_elf_files(const char *image, struct kernel_elf_files *files);

#endif
