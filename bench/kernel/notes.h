/* SPDX-License-Identifier: GPL-2.0-only */
/* Notes in the PT_NOTE segments of a 64-bit ELF (gABI, "Note Section"). */
#ifndef KTSTR_BENCH_KERNEL_NOTES_H
#define KTSTR_BENCH_KERNEL_NOTES_H

#include <stddef.h>
#include <stdint.h>

/*
 * Find the first note of @owner (three letters) and @type in the ELF open at @fd, and copy its description, or as much
 * of it as fits into @size bytes. The size of the description, or -ENOENT: there is none, or the file can't be read as
 * such an ELF.
 */
int notes_find(int fd, const char owner[4], uint32_t type, void *desc, size_t size);

#endif
