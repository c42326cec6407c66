/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * I/O on a file backing. The engines share everything but one step: how a range
 * list goes to the kernel (struct file_engine, start).
 *
 * A short read before the end of the file is continued here, since to the device a short read means the end.
 */
#include "virtio/blk/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "reactor/container.h"

static struct file_backing *file_of(struct backing *b)
{
	return container_of(b, struct file_backing, b);
}

/* --- pieces --------------------------------------------------------------- */

/* Skip the op->got bytes that are done. untrim_iov() restores the range. */
static void trim_iov(struct backing_op *op, struct piece *p)
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

static void untrim_iov(struct backing_op *op)
{
	op->iov[op->trimmed] = op->whole;
}

/* False: the operation waits for a bounce buffer. */
static bool next_piece(struct file_backing *f, struct backing_op *op, struct piece *p)
{
	if (op->step == BACKING_FILLED)
		return bounce_piece(f, op, p);
	*p = (struct piece){ .fd = f->fd, .write = op->write, .offset = op->offset + op->got };
	trim_iov(op, p);
	if (f->direct_fd < 0)
		return true;
	p->fd = f->direct_fd;
	if (bounce_needless(f, p, op->want - op->got))
		return true;
	untrim_iov(op);
	return bounce_piece(f, op, p);
}

/* Account the result of a piece. True: the operation has completed, and *@res is its result. */
static bool account_piece(struct file_backing *f, struct backing_op *op, int32_t *res)
{
	uint64_t end;

	if (op->step == BACKING_PLAIN)
		untrim_iov(op);
	else if (!bounce_end(f, op, res))
		return false;
	if (*res < 0)
		return true;
	assert((uint32_t)*res <= op->want - op->got);
	if (op->write) {
		end = op->offset + (uint32_t)*res;
		if (end > f->file_size)
			f->file_size = end;
		return true;
	}
	op->got += (uint32_t)*res;
	end = op->offset + op->got;
	if (*res > 0 && op->got < op->want && end < f->file_size && !op->cancelled)
		return false;
	*res = (int32_t)op->got;
	return true;
}

/* --- engines -------------------------------------------------------------- */

static int32_t start_on_ring(struct file_backing *f, struct backing_op *op, const struct piece *p)
{
	int err = p->write ? reactor_writev(f->r, &op->c, p->fd, p->iov, p->n, (int64_t)p->offset)
			   : reactor_readv(f->r, &op->c, p->fd, p->iov, p->n, (int64_t)p->offset);

	if (err)
		return err == -EBUSY ? -EAGAIN : err; /* the ring is full at the moment */
	f->b.counters.on_ring++;
	reactor_submit_some(f->r);
	return -EINPROGRESS;
}

static int32_t transfer_now(struct file_backing *f, const struct piece *p, int flags)
{
	ssize_t n = p->write ? pwritev2(p->fd, p->iov, (int)p->n, (off_t)p->offset, flags)
			     : preadv2(p->fd, p->iov, (int)p->n, (off_t)p->offset, flags);

	if (n < 0)
		return -errno;
	f->b.counters.at_once++;
	return (int32_t)n;
}

static int32_t start_now(struct file_backing *f, struct backing_op *op, const struct piece *p)
{
	return transfer_now(f, p, 0);
}

/* At once if that does not block, else on the ring, which also reports errors. */
static int32_t start_mixed(struct file_backing *f, struct backing_op *op, const struct piece *p)
{
	bool *worth = p->write ? &f->nowait_write : &f->nowait_read;

	if (*worth) {
		int32_t res = transfer_now(f, p, RWF_NOWAIT);

		if (res >= 0)
			return res;
		/* ext4 can't do that for writes, overlayfs and network file systems not even for reads. */
		if (res == -EOPNOTSUPP)
			*worth = false;
	}
	return start_on_ring(f, op, p);
}

/* Do pieces until the operation has completed, or one of them is in flight or waits for a buffer. */
static int32_t run_pieces(struct file_backing *f, struct backing_op *op)
{
	int32_t res;

	do {
		struct piece p;

		if (!next_piece(f, op, &p))
			return -EINPROGRESS;
		res = f->engine->start(f, op, &p);
		if (res == -EINPROGRESS)
			return res;
	} while (!account_piece(f, op, &res));
	return res;
}

static void serve_bounce_waiters(struct file_backing *f)
{
	struct backing_op *op;

	while ((op = bounce_next_waiting(f))) {
		int32_t res = op->cancelled ? -ECANCELED : run_pieces(f, op);

		if (res != -EINPROGRESS)
			op->done(op, res);
	}
}

/*
 * The fallocate() mode of an erasure's first step. Zeroes that keep their blocks take one step where the file system
 * can do that; else (tmpfs) they are a hole that is filled again.
 */
static int erase_first_mode(struct file_backing *f, struct backing_op *op, enum backing_erase how)
{
	op->want = 0; /* it moves no bytes */
	op->erasing = how != BACKING_ZERO_KEEP ? ERASE_LAST : f->no_zero_range ? ERASE_HOLE : ERASE_ZEROES;
	return (op->erasing == ERASE_ZEROES ? FALLOC_FL_ZERO_RANGE : FALLOC_FL_PUNCH_HOLE) | FALLOC_FL_KEEP_SIZE;
}

/* The mode of the step after the one that returned *@res; 0: there is none, and *@res is the result. */
static int erase_next_mode(struct file_backing *f, struct backing_op *op, const int32_t *res)
{
	enum erase_step step = op->erasing;

	if (step == ERASE_ZEROES && *res == -EOPNOTSUPP) {
		f->no_zero_range = true;
		op->erasing = ERASE_HOLE;
		return FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	}
	op->erasing = ERASE_LAST;
	return step == ERASE_HOLE && !*res ? FALLOC_FL_KEEP_SIZE : 0;
}

static int allocate_on_ring(struct file_backing *f, struct backing_op *op, int mode)
{
	int err = reactor_fallocate(f->r, &op->c, f->fd, mode, op->offset, op->erase_len);

	if (!err)
		return -EINPROGRESS;
	return err == -EBUSY ? -EAGAIN : err;
}

static void file_op_done(struct completion *c, int32_t res, uint32_t flags)
{
	struct backing_op *op = container_of(c, struct backing_op, c);
	struct file_backing *f = file_of(op->backing);

	if (op->want && !account_piece(f, op, &res)) {
		res = run_pieces(f, op);
	} else if (op->erasing) {
		int mode = erase_next_mode(f, op, &res);

		if (mode)
			res = allocate_on_ring(f, op, mode);
	}
	if (res != -EINPROGRESS)
		op->done(op, res);
	serve_bounce_waiters(f);
}

static int begin_transfer(struct backing *b, struct backing_op *op, bool write, struct iovec *iov, unsigned n,
			  uint64_t offset)
{
	op->write = write;
	op->cancelled = false;
	op->iov = iov;
	op->n = n;
	op->offset = offset;
	op->want = (uint32_t)iov_bytes(iov, n);
	op->got = 0;
	op->step = BACKING_PLAIN;
	op->erasing = ERASE_NOTHING;
	assert(op->want);
	return run_pieces(file_of(b), op);
}

static int file_readv(struct backing *b, struct backing_op *op, struct iovec *iov, unsigned n, uint64_t offset)
{
	return begin_transfer(b, op, false, iov, n, offset);
}

static int file_writev(struct backing *b, struct backing_op *op, struct iovec *iov, unsigned n, uint64_t offset)
{
	return begin_transfer(b, op, true, iov, n, offset);
}

static int file_sync_now(struct backing *b, struct backing_op *op)
{
	return fdatasync(file_of(b)->fd) ? -errno : 0;
}

static int file_sync_on_ring(struct backing *b, struct backing_op *op)
{
	int err = reactor_fdatasync(file_of(b)->r, &op->c, file_of(b)->fd);

	op->want = 0; /* no bytes to account */
	op->erasing = ERASE_NOTHING;
	if (!err)
		return -EINPROGRESS;
	return err == -EBUSY ? -EAGAIN : err;
}

static int file_erase_now(struct backing *b, struct backing_op *op, enum backing_erase how, uint64_t offset,
			  uint64_t len)
{
	struct file_backing *f = file_of(b);
	int mode = erase_first_mode(f, op, how);

	op->offset = offset;
	op->erase_len = len;
	do {
		int res = fallocate(f->fd, mode, (off_t)offset, (off_t)len) ? -errno : 0;

		mode = erase_next_mode(f, op, &res);
		if (!mode)
			return res;
	} while (true);
}

static int file_erase_on_ring(struct backing *b, struct backing_op *op, enum backing_erase how, uint64_t offset,
			      uint64_t len)
{
	op->offset = offset;
	op->erase_len = len;
	return allocate_on_ring(file_of(b), op, erase_first_mode(file_of(b), op, how));
}

/* On the ring where possible: to erase much takes long in memory too. */
static int file_erase_inline(struct backing *b, struct backing_op *op, enum backing_erase how, uint64_t offset,
			     uint64_t len)
{
	return (op->c.slot ? file_erase_on_ring : file_erase_now)(b, op, how, offset, len);
}

static int attach_now(struct backing *b, struct backing_op *op, unsigned index)
{
	op->backing = b;
	return 0;
}

static int attach_on_ring(struct backing *b, struct backing_op *op, unsigned index)
{
	attach_now(b, op, index);
	return reactor_attach(file_of(b)->r, &op->c, file_op_done);
}

static int attach_inline(struct backing *b, struct backing_op *op, unsigned index)
{
	return (file_of(b)->erases ? attach_on_ring : attach_now)(b, op, index);
}

static void detach_now(struct backing *b, struct backing_op *op)
{
}

static void detach_on_ring(struct backing *b, struct backing_op *op)
{
	reactor_detach(file_of(b)->r, &op->c);
}

static void cancel_now(struct backing *b, struct backing_op *op)
{
}

static void cancel_on_ring(struct backing *b, struct backing_op *op)
{
	op->cancelled = true;
	/* A hint: if it can't be submitted, the operation completes by itself. */
	(void)reactor_cancel(file_of(b)->r, &op->c);
}

static void file_close(struct backing *b)
{
	struct file_backing *f = file_of(b);

	if (f->fd >= 0)
		close(f->fd);
	if (f->direct_fd >= 0)
		close(f->direct_fd);
	bounce_close(f);
	free(f);
}

const struct file_engine file_uring = {
	.start = start_on_ring,
	.ops = {
		.name = "uring",
		.attach = attach_on_ring,
		.detach = detach_on_ring,
		.readv = file_readv,
		.writev = file_writev,
		.sync_data = file_sync_on_ring,
		.erase = file_erase_on_ring,
		.cancel = cancel_on_ring,
		.close = file_close,
	},
};

const struct file_engine file_sync = {
	.start = start_now,
	.ops = {
		.name = "sync",
		.whole_drains = true,
		.attach = attach_now,
		.detach = detach_now,
		.readv = file_readv,
		.writev = file_writev,
		.sync_data = file_sync_now,
		.erase = file_erase_now,
		.cancel = cancel_now,
		.close = file_close,
	},
};

const struct file_engine file_inline = {
	.start = start_now,
	.ops = {
		.name = "inline",
		.attach = attach_inline,
		.detach = detach_on_ring,
		.readv = file_readv,
		.writev = file_writev,
		.sync_data = file_sync_now,
		.erase = file_erase_inline,
		.cancel = cancel_now,
		.close = file_close,
	},
};

const struct file_engine file_mixed = {
	.start = start_mixed,
	.ops = {
		.name = "inline+uring",
		.attach = attach_on_ring,
		.detach = detach_on_ring,
		.readv = file_readv,
		.writev = file_writev,
		.sync_data = file_sync_on_ring,
		.erase = file_erase_on_ring,
		.cancel = cancel_on_ring,
		.close = file_close,
	},
};

void file_use_engine(struct file_backing *f, const struct file_engine *engine)
{
	f->engine = engine;
	f->b.ops = &engine->ops;
}
