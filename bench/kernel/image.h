/* SPDX-License-Identifier: GPL-2.0-only */
/* What is known about a kernel image before it is booted. */
#ifndef KTSTR_BENCH_KERNEL_IMAGE_H
#define KTSTR_BENCH_KERNEL_IMAGE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Checks that ktstr can boot @image: a bzImage with a 64-bit entry, or an x86-64 ELF with a PVH note. 0, or -errno and
 * one line in @why: what it is instead, and what to name.
 */
int kernel_image_check(const char *image, char *why, size_t size);

/*
 * Checks that the drivers of a guest's console (virtio_mmio, virtio_console) are built into the kernel @image: by its
 * configuration @config, or if that is "" by strings in its code. 0; -ENOENT: @missing is not built in; or -errno:
 * unknown.
 */
int kernel_image_drivers(const char *image, const char *config, const char **missing);

/* The end of the memory, from address 0, that a bzImage or x86-64 ELF needs to start. 0: it is neither. */
uint64_t kernel_image_end(const char *path);

/* The release of a bzImage or ELF, from the image itself. False: unknown. */
bool kernel_image_release(const char *path, char release[NAME_MAX + 1]);

#endif
