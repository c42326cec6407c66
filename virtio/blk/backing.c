/* SPDX-License-Identifier: GPL-2.0-only */
/* Opening a backing: what kind of file it is, its size, and the engine that fits it. */
#include "virtio/blk/backing.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "virtio/blk/file.h"

struct why {
	char *text;
	size_t size;
};

static int __attribute__((format(printf, 3, 4))) refuse(const struct why *why, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, why->size, fmt, ap);
	va_end(ap);
	return err;
}

static const char *remedy_for(int err)
{
	switch (err) {
	case ENOENT:
		return "; create it (truncate -s 256M FILE), or give only size= for a disk in memory";
	case EACCES:
	case EPERM:
		return "; check its permissions, or add ro for a read-only disk";
	case EROFS:
		return "; add ro";
	case EBUSY:
	case ETXTBSY:
		return "; something else uses it";
	default:
		return "";
	}
}

static int open_memory(struct file_backing *f, const struct blk_config *cfg, const struct why *why)
{
	uint64_t size = cfg->size ? cfg->size : VIRTIO_BLK_DEFAULT_CAPACITY_BYTES;

	if (cfg->direct)
		return refuse(why, -EINVAL,
			      "disk: direct=on needs a file; a disk in memory has no page cache to bypass");
	f->fd = memfd_create("ktstr-disk", MFD_CLOEXEC);
	if (f->fd < 0)
		return refuse(why, -errno, "disk: no memory file: %s", strerror(errno));
	if (size > INT64_MAX || ftruncate(f->fd, (off_t)size))
		return refuse(why, -EFBIG, "disk: %llu bytes are too many for a disk in memory",
			      (unsigned long long)size);
	f->b.size = f->file_size = size;
	return 0;
}

static int storage_size(int fd, const struct stat *st, uint64_t *size)
{
	*size = (uint64_t)st->st_size;
	if (S_ISBLK(st->st_mode) && ioctl(fd, BLKGETSIZE64, size))
		return -errno;
	return 0;
}

static int open_path(struct file_backing *f, const struct blk_config *cfg, const struct why *why)
{
	const char *path = cfg->path;
	struct stat st;

	f->fd = open(path, (cfg->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (f->fd < 0 && errno != EISDIR)
		return refuse(why, -errno, "%s: %s%s", path, strerror(errno), remedy_for(errno));
	if (f->fd < 0 || fstat(f->fd, &st))
		return refuse(why, -errno, "%s: %s; a disk is a file or a block device", path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return refuse(why, -EISDIR, "%s: %s; a disk is a file or a block device", path, strerror(EISDIR));
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return refuse(why, -EINVAL, "%s: neither a file nor a block device", path);
	if (storage_size(f->fd, &st, &f->file_size))
		return refuse(why, -errno, "%s: its size: %s", path, strerror(errno));
	if (!cfg->size && f->file_size < VIRTIO_BLK_SECTOR_SIZE)
		return refuse(
			why, -EINVAL,
			"%s: too small: %llu bytes are less than one sector of %u; make it larger (truncate -s 256M)",
			path, (unsigned long long)f->file_size, VIRTIO_BLK_SECTOR_SIZE);
	if (S_ISBLK(st.st_mode) && cfg->size > f->file_size)
		return refuse(why, -EINVAL, "%s: too small: it has %llu bytes, size= asks for %llu", path,
			      (unsigned long long)f->file_size, (unsigned long long)cfg->size);
	if (cfg->size > INT64_MAX)
		return refuse(why, -EFBIG, "%s: size= of %llu bytes is beyond what a file can hold", path,
			      (unsigned long long)cfg->size);
	f->b.size = cfg->size ? cfg->size : f->file_size;
	return 0;
}

/* The alignment that O_DIRECT requires: from statx (Linux 6.1), else the logical block size, else a page. */
static int direct_alignment(struct file_backing *f)
{
	struct statx stx = { 0 };
	int sector;

	f->mem_align = f->offset_align = 4096;
	if (statx(f->direct_fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) == 0 && stx.stx_mask & STATX_DIOALIGN) {
		f->mem_align = stx.stx_dio_mem_align;
		f->offset_align = stx.stx_dio_offset_align;
	} else if (ioctl(f->direct_fd, BLKSSZGET, &sector) == 0) {
		f->mem_align = f->offset_align = (unsigned)sector;
	}
	if (!f->mem_align || !f->offset_align || f->mem_align > 4096 || f->offset_align > BOUNCE_BYTES)
		return -EINVAL;
	return 0;
}

static int open_direct(struct file_backing *f, const struct blk_config *cfg, const struct why *why)
{
	int err;

	f->direct_fd = open(cfg->path, (cfg->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_DIRECT);
	if (f->direct_fd < 0 || direct_alignment(f))
		return refuse(why, -EINVAL, "%s: its file system has no O_DIRECT; leave direct=on away", cfg->path);
	err = bounce_open(f);
	if (err)
		return refuse(why, err, "%s: no memory for bounce buffers", cfg->path);
	f->b.granule = f->offset_align;
	return 0;
}

/* Find out whether the file system can free blocks, by a try past the end of the file, which changes nothing. */
static int open_erase(struct file_backing *f, const struct blk_config *cfg, const struct why *why)
{
	struct stat st;

	if (cfg->read_only)
		return refuse(why, -EINVAL,
			      "%s: discard=on and ro: nothing can be discarded there; leave one of them away",
			      cfg->path ? cfg->path : "disk");
	if (fstat(f->fd, &st) || !S_ISREG(st.st_mode))
		return 0; /* a block device reports it at the first request */
	if (fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, st.st_size, 4096))
		return refuse(why, -errno, "%s: discard=on: its file system can't free blocks of a file: %s",
			      cfg->path ? cfg->path : "disk", strerror(errno));
	return 0;
}

static bool never_blocks(int fd)
{
	struct statfs fs;
	struct stat st;

	/* A device node's file system says nothing about the device. */
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || fstatfs(fd, &fs))
		return false;
	return fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC || fs.f_type == HUGETLBFS_MAGIC;
}

static void choose_engine(struct file_backing *f, const struct blk_config *cfg)
{
	if (cfg->engine == BLK_ENGINE_URING) {
		file_use_engine(f, &file_uring);
		f->b.reason = "asked for";
	} else if (cfg->engine == BLK_ENGINE_SYNC) {
		file_use_engine(f, &file_sync);
		f->b.reason = "asked for";
	} else if (never_blocks(f->fd)) {
		file_use_engine(f, &file_inline);
		f->b.reason = "auto: the file is in memory and can't block";
	} else if (reactor_features(f->r)->epoll) {
		file_use_engine(f, &file_sync);
		f->b.reason = "auto: there is no io_uring here";
	} else if (f->direct_fd >= 0) {
		file_use_engine(f, &file_uring);
		f->b.reason = "auto: the file is on a disk, past the page cache";
	} else {
		file_use_engine(f, &file_mixed);
		f->b.reason = "auto: what the page cache has is done at once, the rest may block";
		f->nowait_read = f->nowait_write = true;
	}
}

int backing_open(struct backing **out, struct reactor *r, const struct blk_config *cfg, char *why_text, size_t why_size)
{
	const struct why why = { why_text, why_size };
	struct file_backing *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return refuse(&why, -ENOMEM, "disk: out of memory");
	f->r = r;
	f->fd = f->direct_fd = -1;
	file_use_engine(f, &file_sync); /* for its close() */
	err = cfg->path ? open_path(f, cfg, &why) : open_memory(f, cfg, &why);
	if (!err && cfg->direct)
		err = open_direct(f, cfg, &why);
	if (!err && cfg->discard)
		err = open_erase(f, cfg, &why);
	if (!err && cfg->engine == BLK_ENGINE_URING && reactor_features(r)->epoll)
		err = refuse(&why, -ENOSYS, "%s: engine=uring: there is no io_uring here; leave it away",
			     cfg->path ? cfg->path : "disk");
	if (err) {
		f->b.ops->close(&f->b);
		return err;
	}
	choose_engine(f, cfg);
	f->erases = cfg->discard && !reactor_features(r)->epoll;
	*out = &f->b;
	return 0;
}
