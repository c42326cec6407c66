/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/workloads/kernel_file.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool kernel_file_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0) {
		n = read(fd, text, size - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

bool kernel_file_line(const char *path, char *line, size_t size)
{
	bool ok = kernel_file_read(path, line, size);

	line[strcspn(line, "\n")] = '\0';
	return ok;
}
