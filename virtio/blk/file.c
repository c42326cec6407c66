/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * I/O on a file backing. The three engines share everything but one step: how
 * a range list goes to the kernel (start()).
 *
 * A short read that is not at the end of the file is gone on with here, for
 * upstairs a short read means the end. With O_DIRECT, memory that is not
 * aligned goes through a bounce buffer in pieces, and ranges that are no whole
 * blocks of the host's through the page cache.
 */
#include "virtio/blk/file.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct file_backing *file_of(struct backing *b)
{
	return (struct file_backing *)((char *)b - offsetof(struct file_backing, b));
}

/* Where an operation's next piece goes, and in which ranges. */
struct piece {
	int fd;
	struct iovec *iov;
	unsigned n;
	uint64_t offset;
};

static bool memory_aligned(const struct file_backing *f, const struct iovec *iov, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if ((uintptr_t)iov[i].iov_base & (f->mem_align - 1) || iov[i].iov_len & (f->offset_align - 1))
			return false;
	}
	return true;
}

static void bounce(struct file_backing *f, struct backing_op *op, struct piece *p)
{
	uint32_t left = op->want - op->got;

	op->bounced = true;
	op->bounce.iov_base = f->bounce + (size_t)op->index * BOUNCE_BYTES;
	op->bounce.iov_len = left < BOUNCE_BYTES ? left : BOUNCE_BYTES;
	if (op->write)
		iov_copy_out(op->iov, op->n, op->got, op->bounce.iov_base, op->bounce.iov_len);
	p->iov = &op->bounce;
	p->n = 1;
}

/* Pass over the op->got bytes that are there; absorb() puts the range back. */
static void trim(struct backing_op *op, struct piece *p)
{
	uint32_t skip = op->got;
	unsigned i = 0;

	while (skip >= op->iov[i].iov_len)
		skip -= op->iov[i++].iov_len;
	op->trimmed = i;
	op->whole = op->iov[i];
	op->iov[i].iov_base = (uint8_t *)op->iov[i].iov_base + skip;
	op->iov[i].iov_len -= skip;
	p->iov = &op->iov[i];
	p->n = op->n - i;
}

static struct piece next_piece(struct file_backing *f, struct backing_op *op)
{
	struct piece p = { .fd = f->fd, .offset = op->offset + op->got };
	bool whole_blocks;

	op->bounced = false;
	trim(op, &p);
	if (f->direct_fd < 0)
		return p;
	whole_blocks = !((p.offset | (op->want - op->got)) & (f->offset_align - 1));
	if (!whole_blocks)
		return p;
	p.fd = f->direct_fd;
	if (!memory_aligned(f, p.iov, p.n)) {
		op->iov[op->trimmed] = op->whole;
		bounce(f, op, &p);
	}
	return p;
}

/* Account a result. True when the operation is through, *@res then being the
 * whole of it. */
static bool absorb(struct file_backing *f, struct backing_op *op, int32_t *res)
{
	uint64_t end;

	if (!op->bounced)
		op->iov[op->trimmed] = op->whole;
	if (*res < 0)
		return true;
	assert((uint32_t)*res <= op->want - op->got);
	if (op->write) {
		end = op->offset + (uint32_t)*res;
		if (end > f->file_size)
			f->file_size = end;
		return true;
	}
	if (op->bounced)
		iov_copy_in(op->iov, op->n, op->got, op->bounce.iov_base, (size_t)*res);
	op->got += (uint32_t)*res;
	end = op->offset + op->got;
	if (*res > 0 && op->got < op->want && end < f->file_size && !op->cancelled)
		return false;
	*res = (int32_t)op->got;
	return true;
}

static int32_t start_on_ring(struct file_backing *f, struct backing_op *op, const struct piece *p)
{
	int err = op->write ? reactor_writev(f->r, &op->c, p->fd, p->iov, p->n, (int64_t)p->offset)
			    : reactor_readv(f->r, &op->c, p->fd, p->iov, p->n, (int64_t)p->offset);

	if (!err)
		return -EINPROGRESS;
	return err == -EBUSY ? -EAGAIN : err; /* no room in the ring just now */
}

static int32_t start_here(struct backing_op *op, const struct piece *p)
{
	ssize_t n = op->write ? pwritev(p->fd, p->iov, (int)p->n, (off_t)p->offset)
			      : preadv(p->fd, p->iov, (int)p->n, (off_t)p->offset);

	return n < 0 ? -errno : (int32_t)n;
}

/* Pieces until the operation is through or one is in flight. */
static int32_t go_on(struct file_backing *f, struct backing_op *op)
{
	bool ring = f->b.ops == &file_uring_ops;
	int32_t res;

	do {
		struct piece p = next_piece(f, op);

		res = ring ? start_on_ring(f, op, &p) : start_here(op, &p);
		if (res == -EINPROGRESS)
			return res;
	} while (!absorb(f, op, &res));
	return res;
}

static void piece_done(struct completion *c, int32_t res, uint32_t flags)
{
	struct backing_op *op = (struct backing_op *)((char *)c - offsetof(struct backing_op, c));
	struct file_backing *f = file_of(op->backing);

	if (op->want && !absorb(f, op, &res)) {
		res = go_on(f, op);
		if (res == -EINPROGRESS)
			return;
	}
	op->done(op, res);
}

static int begin(struct backing *b, struct backing_op *op, bool write, struct iovec *iov, unsigned n, uint64_t offset)
{
	op->write = write;
	op->cancelled = false;
	op->iov = iov;
	op->n = n;
	op->offset = offset;
	op->want = (uint32_t)iov_bytes(iov, n);
	op->got = 0;
	assert(op->want);
	return go_on(file_of(b), op);
}

static int file_readv(struct backing *b, struct backing_op *op, struct iovec *iov, unsigned n, uint64_t offset)
{
	return begin(b, op, false, iov, n, offset);
}

static int file_writev(struct backing *b, struct backing_op *op, struct iovec *iov, unsigned n, uint64_t offset)
{
	return begin(b, op, true, iov, n, offset);
}

static int file_sync_here(struct backing *b, struct backing_op *op)
{
	return fdatasync(file_of(b)->fd) ? -errno : 0;
}

static int file_sync_on_ring(struct backing *b, struct backing_op *op)
{
	int err = reactor_fdatasync(file_of(b)->r, &op->c, file_of(b)->fd);

	op->want = 0; /* no bytes to account */
	if (!err)
		return -EINPROGRESS;
	return err == -EBUSY ? -EAGAIN : err;
}

static int attach_here(struct backing *b, struct backing_op *op, unsigned index)
{
	op->backing = b;
	op->index = index;
	return 0;
}

static int attach_on_ring(struct backing *b, struct backing_op *op, unsigned index)
{
	attach_here(b, op, index);
	return reactor_attach(file_of(b)->r, &op->c, piece_done);
}

static void detach_here(struct backing *b, struct backing_op *op)
{
}

static void detach_on_ring(struct backing *b, struct backing_op *op)
{
	reactor_detach(file_of(b)->r, &op->c);
}

static void cancel_here(struct backing *b, struct backing_op *op)
{
}

static void cancel_on_ring(struct backing *b, struct backing_op *op)
{
	op->cancelled = true;
	/* Only a hint; what can't be asked for now comes by itself. */
	(void)reactor_cancel(file_of(b)->r, &op->c);
}

static void file_close(struct backing *b)
{
	struct file_backing *f = file_of(b);

	if (f->fd >= 0)
		close(f->fd);
	if (f->direct_fd >= 0)
		close(f->direct_fd);
	if (f->bounce)
		munmap(f->bounce, (size_t)VIRTQ_SIZE_MAX * BOUNCE_BYTES);
	free(f);
}

const struct backing_ops file_uring_ops = {
	.name = "uring",
	.attach = attach_on_ring,
	.detach = detach_on_ring,
	.readv = file_readv,
	.writev = file_writev,
	.sync_data = file_sync_on_ring,
	.cancel = cancel_on_ring,
	.close = file_close,
};

const struct backing_ops file_sync_ops = {
	.name = "sync",
	.attach = attach_here,
	.detach = detach_here,
	.readv = file_readv,
	.writev = file_writev,
	.sync_data = file_sync_here,
	.cancel = cancel_here,
	.close = file_close,
};

const struct backing_ops file_inline_ops = {
	.name = "inline",
	.attach = attach_here,
	.detach = detach_here,
	.readv = file_readv,
	.writev = file_writev,
	.sync_data = file_sync_here,
	.cancel = cancel_here,
	.close = file_close,
};
