/* SPDX-License-Identifier: GPL-2.0-only */
/* Files that are read or written as a whole. */
#ifndef KTSTR_BENCH_BASE_FILE_H
#define KTSTR_BENCH_BASE_FILE_H

#include <stddef.h>

/* The first line of @path, without its newline and cut at @size. 0, or -errno and an empty @line; -ENODATA: no line. */
int file_read_line(const char *path, char *line, size_t size);

/* All of the regular file @path, and a NUL after it, to free(); @len may be NULL. NULL: errno. */
char *file_read_text(const char *path, size_t *len);

/* Writes all of @data, in as many calls as it takes. 0 or -errno. */
int file_write_all(int fd, const void *data, size_t len);

#endif
