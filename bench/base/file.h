/* SPDX-License-Identifier: GPL-2.0-only */
/* Small files: the first line of one, and writing all of a buffer. */
#ifndef KTSTR_BENCH_BASE_FILE_H
#define KTSTR_BENCH_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* The first line of @path, without its newline and cut at @size. False, and an empty @line: it cannot be read. */
bool file_read_line(const char *path, char *line, size_t size);

/* Writes all of @data, in as many calls as it takes. 0 or -errno. */
int file_write_all(int fd, const void *data, size_t len);

#endif
