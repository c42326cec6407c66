/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int file_read_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");
	int rc = 0;

	line[0] = '\0';
	if (!f)
		return -errno;
	if (!fgets(line, (int)size, f)) {
		line[0] = '\0';
		rc = ferror(f) ? -EIO : -ENODATA;
	}
	fclose(f);
	line[strcspn(line, "\n")] = '\0';
	return rc;
}

static char *read_all(int fd, size_t size, size_t *len)
{
	char *text = malloc(size + 1);
	size_t done = 0;
	ssize_t n = 1;

	/* A file that grows meanwhile is cut where it ended. */
	while (text && n && done < size) {
		n = read(fd, text + done, size - done);
		if (n < 0 && errno != EINTR) {
			free(text);
			return NULL;
		}
		done += n > 0 ? (size_t)n : 0;
	}
	if (text)
		text[done] = '\0';
	if (len)
		*len = done;
	return text;
}

char *file_read_text(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), error;
	char *text = NULL;
	struct stat st;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st))
		;
	else if (!S_ISREG(st.st_mode))
		errno = EINVAL;
	else
		text = read_all(fd, (size_t)st.st_size, len);
	error = errno;
	close(fd);
	errno = error;
	return text;
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
