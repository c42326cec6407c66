/* SPDX-License-Identifier: GPL-2.0-only */
/* The archive: cpio "newc" by libarchive, into memory. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/initramfs/archive.h"
#include "bench/initramfs/entries.h"
#include "guest-init/config.h"

struct sink {
	uint8_t *data;
	size_t len, cap;
};

#define HUGE_PAGE ((size_t)2 << 20)

/* Room for @cap bytes, a power of two, in the place of what there is. NULL: out of memory, and nothing changed. */
static uint8_t *sink_grow(const struct sink *s, size_t cap)
{
	uint8_t *data;

	if (cap < HUGE_PAGE)
		return realloc(s->data, cap);
	data = aligned_alloc(HUGE_PAGE, cap);
	if (!data)
		return NULL;
	/* A script's shell brings its C library: 500 small pages, a fifth of what it takes until the guest runs. */
	madvise(data, cap, MADV_HUGEPAGE);
	if (s->len)
		memcpy(data, s->data, s->len);
	free(s->data);
	return data;
}

static la_ssize_t sink_write(struct archive *a, void *ctx, const void *data, size_t len)
{
	struct sink *s = ctx;

	if (s->len + len > s->cap) {
		size_t cap = s->cap ? s->cap : 1 << 16;
		uint8_t *grown;

		while (cap < s->len + len)
			cap *= 2;
		grown = sink_grow(s, cap);
		if (!grown) {
			archive_set_error(a, ENOMEM, "out of memory");
			return -1;
		}
		s->data = grown;
		s->cap = cap;
	}
	memcpy(s->data + s->len, data, len);
	s->len += len;
	return (la_ssize_t)len;
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
		return initramfs_no_memory(in);
	for (size_t i = 0; i < list->n; i++) {
		size_t n = strlen(list->items[i]);

		memcpy(data + at, list->items[i], n);
		data[at + n] = end;
		at += n + 1;
	}
	snprintf(path, sizeof(path), CONFIG_DIR "/%s", name);
	return initramfs_give_data(in, path, 0644, data, len);
}

static int write_data(struct initramfs *in, struct archive *a, const char *name, const void *data, size_t len)
{
	if (len && archive_write_data(a, data, len) != (la_ssize_t)len)
		return initramfs_fail(in, -EIO, "%s: %s", name, archive_error_string(a));
	return 0;
}

static int write_header(struct initramfs *in, struct archive *a, const struct initramfs_entry *e, size_t ino,
			size_t size)
{
	struct archive_entry *h = archive_entry_new();
	int ret = 0;

	if (!h)
		return initramfs_no_memory(in);
	archive_entry_set_pathname(h, e->path + 1);
	archive_entry_set_mode(h, (mode_t)e->mode);
	archive_entry_set_ino64(h, (la_int64_t)ino);
	archive_entry_set_nlink(h, S_ISDIR(e->mode) ? 2 : 1);
	archive_entry_set_mtime(h, 0, 0);
	archive_entry_set_size(h, (la_int64_t)size);
	if (S_ISCHR(e->mode)) {
		archive_entry_set_rdevmajor(h, e->major);
		archive_entry_set_rdevminor(h, e->minor);
	}
	if (S_ISLNK(e->mode))
		archive_entry_set_symlink(h, (const char *)e->data);
	if (archive_write_header(a, h) != ARCHIVE_OK)
		ret = initramfs_fail(in, -EIO, "%s: %s", e->path, archive_error_string(a));
	archive_entry_free(h);
	return ret;
}

static int write_file(struct initramfs *in, struct archive *a, const struct initramfs_entry *e, size_t ino)
{
	int fd = open(e->host, O_RDONLY | O_CLOEXEC), ret = 0;
	void *data = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		ret = initramfs_fail(in, -errno, "%s: %s", e->host, strerror(errno));
		goto out;
	}
	if (st.st_size) {
		data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
		if (data == MAP_FAILED) {
			data = NULL;
			ret = initramfs_fail(in, -errno, "%s: %s", e->host, strerror(errno));
			goto out;
		}
	}
	ret = write_header(in, a, e, ino, (size_t)st.st_size);
	if (!ret)
		ret = write_data(in, a, e->host, data, (size_t)st.st_size);
out:
	if (data)
		munmap(data, (size_t)st.st_size);
	if (fd >= 0)
		close(fd);
	return ret;
}

static int write_entry(struct initramfs *in, struct archive *a, const struct initramfs_entry *e, size_t ino)
{
	int ret;

	if (e->host)
		return write_file(in, a, e, ino);
	ret = write_header(in, a, e, ino, S_ISREG(e->mode) ? e->len : 0);
	if (!ret && S_ISREG(e->mode))
		ret = write_data(in, a, e->path, e->data, e->len);
	return ret;
}

int initramfs_write(struct initramfs *in, uint8_t **archive, size_t *len)
{
	struct sink sink = { 0 };
	struct archive *a;

	*archive = NULL;
	*len = 0;
	write_list(in, CONFIG_ARGV, &in->argv, '\0');
	write_list(in, CONFIG_ENV, &in->env, '\0');
	write_list(in, CONFIG_OPTIONS, &in->options, '\n');
	write_list(in, CONFIG_MODULES, &in->modules, '\n');
	write_list(in, CONFIG_OUTPUTS, &in->outputs, '\n');
	write_list(in, CONFIG_OUTPUT_DIRS, &in->output_dirs, '\n');
	write_list(in, CONFIG_LINKS, &in->links, '\0');
	if (in->error)
		return in->error;
	a = archive_write_new();
	if (!a)
		return initramfs_no_memory(in);
	archive_write_set_format_cpio_newc(a);
	/* No tape blocks: what the callback gets is what the archive is. */
	archive_write_set_bytes_per_block(a, 0);
	if (archive_write_open(a, &sink, NULL, sink_write, NULL) != ARCHIVE_OK)
		initramfs_fail(in, -EIO, "initramfs: %s", archive_error_string(a));
	for (size_t i = 0; i < in->n && !in->error; i++)
		if (!in->entries[i]->kept)
			write_entry(in, a, in->entries[i], i + 1);
	if (!in->error && archive_write_close(a) != ARCHIVE_OK)
		initramfs_fail(in, -EIO, "initramfs: %s", archive_error_string(a));
	archive_write_free(a);
	if (in->error) {
		free(sink.data);
		return in->error;
	}
	*archive = sink.data;
	*len = sink.len;
	return 0;
}
