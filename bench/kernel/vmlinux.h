/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ELF kernel inside a bzImage (Documentation/arch/x86/boot.rst:
 * payload_offset, payload_length). Booted by its PVH note it needs no
 * decompression in the guest.
 */
#ifndef KTSTR_BENCH_KERNEL_VMLINUX_H
#define KTSTR_BENCH_KERNEL_VMLINUX_H

#include <stddef.h>

/* Decompress the payload of @bzimage into the file @out. 0, or a negative
 * errno with a one-line reason in @why; -EPROTONOSUPPORT: by a way unknown here. */
int vmlinux_unpack(const char *bzimage, int out, char *why, size_t why_size);
/* Decompress the payload of @bzimage to @out, which appears whole or not at
 * all. 0, or a negative errno with a one-line reason in @why. */
int vmlinux_extract(const char *bzimage, const char *out, char *why, size_t why_size);

#endif
