/* SPDX-License-Identifier: GPL-2.0-only */
/* The archive: cpio "newc" (Documentation/driver-api/early-userspace/buffer-format.rst), into memory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/initramfs_entries.h"
#include "guest-init/config.h"

#define NEWC_HEADER 110u

struct sink {
	uint8_t *data;
	size_t len, cap;
};

/* Room for @len bytes more, at the end; NULL: out of memory. */
static uint8_t *sink_room(struct sink *s, size_t len)
{
	uint8_t *at;

	if (len > s->cap - s->len) {
		size_t cap = s->cap ? s->cap : 1 << 16;

		while (cap - s->len < len)
			cap *= 2;
		at = realloc(s->data, cap);
		if (!at)
			return NULL;
		s->data = at;
		s->cap = cap;
	}
	at = s->data + s->len;
	s->len += len;
	return at;
}

/* Each item followed by @end, as a file of the guest's configuration. */
static int write_list(struct initramfs *in, const char *name, const struct initramfs_list *list, char end)
{
	char path[64], *data;
	size_t len = 0, at = 0;

	if (!list->n || in->error)
		return in->error;
	for (size_t i = 0; i < list->n; i++)
		len += strlen(list->items[i]) + 1;
	data = malloc(len);
	if (!data)
		return initramfs_fail(in, -ENOMEM, "out of memory for the initramfs");
	for (size_t i = 0; i < list->n; i++) {
		size_t n = strlen(list->items[i]);

		memcpy(data + at, list->items[i], n);
		data[at + n] = end;
		at += n + 1;
	}
	snprintf(path, sizeof(path), CONFIG_DIR "/%s", name);
	return initramfs_give_data(in, path, 0644, data, len);
}

static int no_memory(struct initramfs *in)
{
	return initramfs_fail(in, -ENOMEM, "out of memory for the initramfs");
}

/* Header and name; the data follows. Each part is padded to 4 bytes. */
static int write_header(struct initramfs *in, struct sink *s, const struct initramfs_entry *e, size_t ino, size_t size)
{
	const char *name = e->path + 1;
	size_t n = strlen(name) + 1, room = (NEWC_HEADER + n + 3) & ~3ul;
	uint8_t *at;

	if (size > UINT32_MAX)
		return initramfs_fail(in, -EFBIG, "%s: %zu MiB; a file in an initramfs is smaller than 4 GiB", e->path,
				      size >> 20);
	at = sink_room(s, room);
	if (!at)
		return no_memory(in);
	memset(at, 0, room);
	/* magic, ino, mode, uid, gid, nlink, mtime, filesize, the device it lies on, the one it is, namesize, check */
	snprintf((char *)at, room, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", (unsigned)ino, e->mode,
		 0u, 0u, S_ISDIR(e->mode) ? 2u : 1u, 0u, (unsigned)size, 0u, 0u, e->major, e->minor, (unsigned)n, 0u);
	memcpy(at + NEWC_HEADER, name, n);
	return 0;
}

static uint8_t *data_room(struct initramfs *in, struct sink *s, size_t size)
{
	size_t padded = (size + 3) & ~3ul;
	uint8_t *at = sink_room(s, padded);

	if (at)
		memset(at + size, 0, padded - size);
	else
		no_memory(in);
	return at;
}

static int read_whole(int fd, uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = read(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO; /* it became shorter */
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_file(struct initramfs *in, struct sink *s, const struct initramfs_entry *e, size_t ino)
{
	int fd = open(e->host, O_RDONLY | O_CLOEXEC), ret = 0;
	struct stat st;
	uint8_t *at;

	if (fd < 0 || fstat(fd, &st)) {
		ret = initramfs_fail(in, -errno, "%s: %s", e->host, strerror(errno));
		goto out;
	}
	ret = write_header(in, s, e, ino, (size_t)st.st_size);
	if (ret)
		goto out;
	at = data_room(in, s, (size_t)st.st_size);
	ret = at ? read_whole(fd, at, (size_t)st.st_size) : in->error;
	if (ret)
		initramfs_fail(in, ret, "%s: %s", e->host, strerror(-ret));
out:
	if (fd >= 0)
		close(fd);
	return in->error;
}

static int write_entry(struct initramfs *in, struct sink *s, const struct initramfs_entry *e, size_t ino)
{
	size_t size = S_ISREG(e->mode) || S_ISLNK(e->mode) ? e->len : 0;
	uint8_t *at;

	if (e->host)
		return write_file(in, s, e, ino);
	if (write_header(in, s, e, ino, size) || !size)
		return in->error;
	at = data_room(in, s, size);
	if (at)
		memcpy(at, e->data, size);
	return in->error;
}

int initramfs_write(struct initramfs *in, uint8_t **archive, size_t *len)
{
	static const struct initramfs_entry trailer = { .path = (char *)"/TRAILER!!!" };
	struct sink sink = { 0 };

	*archive = NULL;
	*len = 0;
	write_list(in, CONFIG_ARGV, &in->argv, '\0');
	write_list(in, CONFIG_ENV, &in->env, '\0');
	write_list(in, CONFIG_OPTIONS, &in->options, '\n');
	write_list(in, CONFIG_MODULES, &in->modules, '\n');
	write_list(in, CONFIG_OUTPUTS, &in->outputs, '\n');
	for (size_t i = 0; i < in->n && !in->error; i++)
		if (!in->entries[i]->kept)
			write_entry(in, &sink, in->entries[i], i + 1);
	if (!in->error)
		write_entry(in, &sink, &trailer, 0);
	if (in->error) {
		free(sink.data);
		return in->error;
	}
	*archive = sink.data;
	*len = sink.len;
	return 0;
}
