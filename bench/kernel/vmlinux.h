/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ELF kernel inside a bzImage (Documentation/arch/x86/boot.rst:
 * payload_offset, payload_length). Booted by its PVH note it needs no
 * decompression in the guest.
 */
#ifndef KTSTR_BENCH_KERNEL_VMLINUX_H
#define KTSTR_BENCH_KERNEL_VMLINUX_H

#include <stddef.h>

/* Decompresses the payload of @bzimage into the file @out. 0, or -errno and one
 * line in @why; -EPROTONOSUPPORT: unsupported compression. */
int vmlinux_unpack(const char *bzimage, int out, char *why, size_t why_size);
/* The same to a file named @out, which appears whole or not at all. */
int vmlinux_extract(const char *bzimage, const char *out, char *why, size_t why_size);

#endif
