/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ELF kernel of a bzImage, decompressed once and cached under the bzImage's SHA-256 (DIR/vmlinux/DIGEST). Guests
 * need not decompress it, and share its pages.
 */
#ifndef KTSTR_BENCH_KERNEL_ELF_H
#define KTSTR_BENCH_KERNEL_ELF_H

#include <limits.h>
#include <stddef.h>

/*
 * Returns a descriptor of it; then @why may hold a warning, else it is empty. -ENOENT: boot @image itself, since it is
 * not a bzImage or uses an unsupported compression. Otherwise -errno and the reason in @why.
 */
int kernel_elf_open(const char *image, char *why, size_t why_size);

/*
 * The cache files that kernel_elf_open() reads, for a copy in the nested host at the same paths; "" for a missing one.
 * 0 or -errno.
 */
struct kernel_elf_files {
	char path[3][PATH_MAX];
};
int kernel_elf_files(const char *image, struct kernel_elf_files *files);

#endif
