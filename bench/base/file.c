/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/base/file.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool file_read_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");
	bool ok = f && fgets(line, (int)size, f);

	if (f)
		fclose(f);
	if (!ok)
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return ok;
}

int file_write_all(int fd, const void *data, size_t len)
{
	for (const uint8_t *from = data; len;) {
		ssize_t n = write(fd, from, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		from += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}
