/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/path.h"
#include "virtio/wire.h"

struct output {
	char *guest;		  /* as the guest names it */
	char host[PATH_MAX];	  /* where it goes */
	char temporary[PATH_MAX]; /* "": written in place */
	int fd;			  /* -1: not being written */
	bool failed;
};

static void fail(struct outputs *o, struct output *f, int error)
{
	f->failed = true;
	if (o->error)
		return;
	o->error = error;
	snprintf(o->why, sizeof(o->why), "%.200s: %s", f->host,
		 error == -ENXIO || error == -ETIMEDOUT ? "nobody reads this fifo; start its reader first"
							: strerror(-error));
}

int outputs_init(struct outputs *o, const char *const *paths)
{
	char guest[PATH_MAX];
	int ret;

	*o = (struct outputs){ 0 };
	while (paths && paths[o->n])
		o->n++;
	if (!o->n)
		return 0;
	o->files = calloc(o->n, sizeof(*o->files));
	if (!o->files) {
		o->n = 0;
		return -ENOMEM;
	}
	for (size_t i = 0; i < o->n; i++)
		o->files[i].fd = -1;
	for (size_t i = 0; i < o->n; i++) {
		struct output *f = &o->files[i];

		ret = path_absolute(paths[i], guest);
		if (!ret && snprintf(f->host, sizeof(f->host), "%s", paths[i]) >= PATH_MAX)
			ret = -ENAMETOOLONG;
		if (!ret && !(f->guest = strdup(guest)))
			ret = -ENOMEM;
		if (ret) {
			outputs_free(o);
			return ret;
		}
	}
	return 0;
}

static int output_open(struct output *f)
{
	struct stat st;
	mode_t mask;

	if (!stat(f->host, &st) && !S_ISREG(st.st_mode)) {
		/* A fifo that nobody reads would hold all that this thread does. */
		f->fd = open(f->host, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		return f->fd < 0 ? -errno : 0;
	}
	if (snprintf(f->temporary, sizeof(f->temporary), "%s.XXXXXX", f->host) >= PATH_MAX)
		return -ENAMETOOLONG;
	f->fd = mkostemp(f->temporary, O_CLOEXEC);
	if (f->fd < 0) {
		f->temporary[0] = '\0';
		return -errno;
	}
	mask = umask(0);
	umask(mask);
	return fchmod(f->fd, 0666 & ~mask) ? -errno : 0;
}

#define READER_MS 20000 /* for whoever reads a fifo to take something */

static int output_write(struct output *f, const uint8_t *data, size_t len)
{
	int ret = f->fd < 0 ? output_open(f) : 0;

	while (!ret && len) {
		ssize_t n = write(f->fd, data, len);

		if (n < 0 && errno == EAGAIN) {
			struct pollfd p = { .fd = f->fd, .events = POLLOUT };

			if (poll(&p, 1, READER_MS) == 0)
				return -ETIMEDOUT;
			continue;
		}
		if (n < 0 && errno != EINTR)
			return -errno;
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return ret;
}

static int output_finish(struct output *f)
{
	/* An empty file comes with no chunk. */
	int ret = f->fd < 0 ? output_open(f) : 0;

	if (f->fd >= 0 && close(f->fd) && !ret)
		ret = -errno;
	f->fd = -1;
	if (!ret && f->temporary[0] && rename(f->temporary, f->host))
		ret = -errno;
	if (!ret)
		f->temporary[0] = '\0';
	return ret;
}

static struct output *find(struct outputs *o, const char *guest, size_t len)
{
	for (size_t i = 0; i < o->n; i++)
		if (strlen(o->files[i].guest) == len && !memcmp(o->files[i].guest, guest, len))
			return &o->files[i];
	return NULL;
}

void outputs_frame(struct outputs *o, uint32_t type, const uint8_t *payload, size_t len)
{
	const uint8_t *end = len ? memchr(payload, '\0', len) : NULL;
	size_t name = end ? (size_t)(end - payload) : len;
	struct output *f = end ? find(o, (const char *)payload, name) : NULL;
	int ret;

	/* The guest may not choose what is written here. */
	if (!f || f->failed)
		return;
	if (type == WIRE_FEND)
		ret = output_finish(f);
	else
		ret = output_write(f, end + 1, len - name - 1);
	if (ret)
		fail(o, f, ret);
}

int outputs_error(const struct outputs *o)
{
	return o->error;
}

void outputs_free(struct outputs *o)
{
	for (size_t i = 0; i < o->n; i++) {
		struct output *f = &o->files[i];

		if (f->fd >= 0)
			close(f->fd);
		if (f->temporary[0])
			unlink(f->temporary);
		free(f->guest);
	}
	free(o->files);
	o->files = NULL;
	o->n = 0;
}
