/* SPDX-License-Identifier: GPL-2.0-only */
/* Short files of the kernel: of /proc, /sys and cgroups. */
#ifndef KTSTR_BENCH_WORKLOADS_KERNEL_FILE_H
#define KTSTR_BENCH_WORKLOADS_KERNEL_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* What one read of @path gives, at most @size - 1 bytes, and a NUL. False, and an empty text: nothing. */
bool kernel_file_read(const char *path, char *text, size_t size);
/* Its first line, without the newline. */
bool kernel_file_line(const char *path, char *line, size_t size);

#endif
