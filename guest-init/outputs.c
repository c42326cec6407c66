/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest-init/outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A frame of 32 KiB, as many as a port takes at once, and the path besides. */
#define CHUNK (28u << 10)

int outputs_send_file(struct bulk *bulk, const char *path, int fd)
{
	static uint8_t frame[WIRE_HEADER_SIZE + PATH_MAX + CHUNK];
	size_t name = strlen(path) + 1;
	uint8_t *payload = frame + WIRE_HEADER_SIZE;
	ssize_t n;
	int ret = 0;

	if (name > PATH_MAX)
		return ENAMETOOLONG;
	memcpy(payload, path, name);
	while (!ret && (n = read(fd, payload + name, CHUNK)) != 0) {
		if (n > 0)
			ret = bulk_send_frame(bulk, WIRE_FOUT, frame, name + (size_t)n);
		else if (errno != EINTR)
			return errno;
	}
	return ret ? ret : bulk_send(bulk, WIRE_FEND, path, name);
}

static int send_output(struct bulk *bulk, const char *path)
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
		ret = outputs_send_file(bulk, path, fd);
	close(fd);
	return ret > 0 ? bulk_complain(bulk, "ktstr: %s: %s in the guest", path, strerror(ret)) : ret;
}

int outputs_send(struct bulk *bulk, char *const *paths)
{
	int ret = 0;

	for (; paths && *paths && !ret; paths++)
		ret = send_output(bulk, *paths);
	return ret;
}
