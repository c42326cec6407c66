/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/lab/plane/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#define CHUNK (1u << 20)

const char *const storage_names[STORAGES] = { "disk", "cache", "tmpfs" };

/* No word of it is one that a driver could mistake for an untouched buffer: the high half is never 0xdeadbeef. */
static int fill(const struct storage *s)
{
	uint32_t *chunk = malloc(CHUNK), x = 1;
	int err = chunk ? 0 : -ENOMEM;

	for (uint64_t at = 0; !err && at < s->size; at += CHUNK) {
		uint64_t len = s->size - at < CHUNK ? s->size - at : CHUNK;
		ssize_t n;

		/* Nothing that a storage could compress or find twice. */
		for (unsigned i = 0; i < CHUNK / 4; i++) {
			x = x * 1664525u + 1013904223u;
			chunk[i] = x & 0x7fffffff;
		}
		n = pwrite(s->fd, chunk, len, (off_t)at);
		if (n != (ssize_t)len)
			err = n < 0 ? -errno : -ENOSPC;
	}
	free(chunk);
	return err ? err : fdatasync(s->fd) ? -errno : 0;
}

static int make_file(struct storage *s, enum storage_kind kind, const char *dir)
{
	char name[PATH_MAX];
	struct statfs fs;
	int err;

	snprintf(name, sizeof(name), "%s/ktstr-plane.XXXXXX", dir);
	s->fd = mkostemp(name, O_CLOEXEC);
	if (s->fd < 0) {
		snprintf(s->why, sizeof(s->why), "no file in %.128s: %s", dir, strerror(errno));
		return -errno;
	}
	unlink(name);
	if (fstatfs(s->fd, &fs) || (fs.f_type == TMPFS_MAGIC) != (kind == STORAGE_TMPFS)) {
		snprintf(s->why, sizeof(s->why), "%.128s is %s", dir,
			 kind == STORAGE_TMPFS ? "no tmpfs" : "a tmpfs, not on a disk");
		return -EINVAL;
	}
	err = fill(s);
	if (err)
		snprintf(s->why, sizeof(s->why), "a file in %.128s: %s", dir, strerror(-err));
	return err;
}

void storage_open(struct storage *s, enum storage_kind kind, const char *dir, uint64_t size)
{
	*s = (struct storage){ .name = storage_names[kind], .direct = kind == STORAGE_DISK, .fd = -1, .size = size };
	if (make_file(s, kind, dir)) {
		storage_close(s);
		return;
	}
	snprintf(s->path, sizeof(s->path), "/proc/%d/fd/%d", (int)getpid(), s->fd);
	/* Cached pages in the way make O_DIRECT slower. */
	if (s->direct)
		posix_fadvise(s->fd, 0, 0, POSIX_FADV_DONTNEED);
}

void storage_settle(const struct storage *s)
{
	(void)!fdatasync(s->fd);
}

void storage_close(struct storage *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}
