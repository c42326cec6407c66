/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest-init/outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A frame of 32 KiB, as many as a port takes at once, and the path besides. */
#define CHUNK (28u << 10)

static int send_chunks(struct bulk *bulk, const char *path, int fd, uint8_t *frame)
{
	size_t name = strlen(path) + 1;
	uint8_t *payload = frame + WIRE_HEADER_SIZE;
	ssize_t n;
	int ret = 0;

	memcpy(payload, path, name);
	while (!ret && (n = read(fd, payload + name, CHUNK)) != 0) {
		if (n > 0)
			ret = bulk_send_frame(bulk, WIRE_FOUT, frame, name + (size_t)n);
		else if (errno != EINTR)
			return bulk_complain(bulk, "ktstr: %s: %s in the guest", path, strerror(errno));
	}
	return ret ? ret : bulk_send(bulk, WIRE_FEND, path, name);
}

static int send_file(struct bulk *bulk, const char *path, uint8_t *frame)
{
	/* O_NONBLOCK: do not wait for the writer of a fifo. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	int ret;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return bulk_complain(bulk, "ktstr: %s: %s in the guest", path, strerror(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		ret = bulk_complain(bulk, "ktstr: %s: not a regular file in the guest", path);
	else
		ret = send_chunks(bulk, path, fd, frame);
	close(fd);
	return ret;
}

int outputs_send(struct bulk *bulk, char *const *paths)
{
	uint8_t *frame = malloc(WIRE_HEADER_SIZE + PATH_MAX + CHUNK);
	int ret = frame ? 0 : -ENOMEM;

	for (; paths && *paths && !ret; paths++)
		if (strlen(*paths) < PATH_MAX)
			ret = send_file(bulk, *paths, frame);
	free(frame);
	return ret;
}
