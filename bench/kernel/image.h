/* SPDX-License-Identifier: GPL-2.0-only */
/* What can be told of a kernel's image before a machine is made for it. */
#ifndef KTSTR_BENCH_KERNEL_IMAGE_H
#define KTSTR_BENCH_KERNEL_IMAGE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whether ktstr can boot @image: a bzImage with a 64-bit entry, or an ELF of x86-64 with a PVH note. 0, or -errno and
 * in
 * @why one line: what it is instead, and what to give.
 */
int kernel_image_check(const char *image, char *why, size_t size);

/*
 * Whether the kernel @image has the drivers built in that a guest's console needs (virtio_mmio, virtio_console). By
 * @config, its configuration, if that is not ""; else by what its code names. 0; -ENOENT: @missing is one that it has
 * not; or -errno: that can't be told.
 */
int kernel_image_drivers(const char *image, const char *config, const char **missing);

/* Where the memory ends that a bzImage or an x86-64 ELF needs to start, from address 0; 0: it is neither. */
uint64_t kernel_image_end(const char *path);

/* The release that a bzImage or an ELF names itself; false: it names none. */
bool kernel_image_release(const char *path, char release[NAME_MAX + 1]);

#endif
