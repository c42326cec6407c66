/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/session/file_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int file_sink_open(struct sink *s, int *fd, struct reactor *r, const char *path, size_t high,
		   void (*drained)(struct sink *s))
{
	int rc;

	*fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_CLOEXEC, 0666);
	if (*fd < 0)
		return -errno;
	rc = sink_open(r, s, *fd, high, drained);
	if (rc) {
		close(*fd);
		*fd = -1;
	}
	return rc;
}
