/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bounce buffers for what O_DIRECT refuses: unaligned memory, and ranges that are no whole blocks of the host. A read
 * takes whole blocks and copies its part. A write of a part of a block first reads the block; no other write to that
 * block may be in flight meanwhile, which the device sees to (struct backing, granule).
 */
#include <assert.h>
#include <errno.h>
#include <sys/mman.h>

#include "virtio/blk/file.h"

#define POOL_BYTES ((size_t)BOUNCE_BUFFERS * BOUNCE_BYTES)

int bounce_open(struct file_backing *f)
{
	/* Populated now, so that no request meets a page fault or a lack of memory. */
	void *p = mmap(NULL, POOL_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	f->bounce = p;
	for (unsigned i = 0; i < BOUNCE_BUFFERS; i++)
		f->bounce_free[f->n_bounce_free++] = f->bounce + (size_t)i * BOUNCE_BYTES;
	return 0;
}

void bounce_close(struct file_backing *f)
{
	if (f->bounce)
		munmap(f->bounce, POOL_BYTES);
}

bool bounce_needless(const struct file_backing *f, const struct piece *p, uint32_t left)
{
	if ((p->offset | left) & (f->offset_align - 1))
		return false;
	for (unsigned i = 0; i < p->n; i++)
		if ((uintptr_t)p->iov[i].iov_base & (f->mem_align - 1) || p->iov[i].iov_len & (f->offset_align - 1))
			return false;
	return true;
}

static void wait_for_buffer(struct file_backing *f, struct backing_op *op)
{
	op->next_waiting = NULL;
	*(f->waiting ? &f->waiting_last->next_waiting : &f->waiting) = op;
	f->waiting_last = op;
	f->b.counters.bounce_waits++;
}

struct backing_op *bounce_next_waiting(struct file_backing *f)
{
	struct backing_op *op = f->waiting;

	if (!op || !f->n_bounce_free)
		return NULL;
	f->waiting = op->next_waiting;
	return op;
}

static void set_piece(struct backing_op *op, struct piece *p, int fd, uint32_t span)
{
	op->span = (struct iovec){ .iov_base = op->bounce, .iov_len = span };
	*p = (struct piece){ .fd = fd,
			     .write = op->write && op->step != BACKING_FILLING,
			     .iov = &op->span,
			     .n = 1,
			     .offset = op->offset + op->got - op->lead };
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void read_piece(struct file_backing *f, struct backing_op *op, struct piece *p, uint32_t left)
{
	uint64_t block = f->offset_align, span = (op->lead + (uint64_t)left + block - 1) & ~(block - 1);

	if (span > BOUNCE_BYTES)
		span = BOUNCE_BYTES;
	op->part = min_u32(left, (uint32_t)span - op->lead);
	set_piece(op, p, f->direct_fd, (uint32_t)span);
}

static void write_piece(struct file_backing *f, struct backing_op *op, struct piece *p, uint32_t left)
{
	uint32_t block = f->offset_align;
	uint64_t at = op->offset + op->got;

	if (!op->lead && left >= block) {
		op->part = min_u32(left & ~(block - 1), BOUNCE_BYTES);
		iov_copy_out(op->iov, op->n, op->got, op->bounce, op->part);
		set_piece(op, p, f->direct_fd, op->part);
		return;
	}
	op->part = min_u32(left, block - op->lead);
	if (at - op->lead + block <= f->file_size) {
		op->step = BACKING_FILLING;
		set_piece(op, p, f->direct_fd, block);
		return;
	}
	/* A whole block would extend the file: its end is written through the page cache. */
	op->lead = 0;
	iov_copy_out(op->iov, op->n, op->got, op->bounce, op->part);
	set_piece(op, p, f->fd, op->part);
}

bool bounce_piece(struct file_backing *f, struct backing_op *op, struct piece *p)
{
	if (op->step == BACKING_FILLED) {
		set_piece(op, p, f->direct_fd, (uint32_t)op->span.iov_len);
		return true;
	}
	if (!f->n_bounce_free) {
		wait_for_buffer(f, op);
		return false;
	}
	f->b.counters.bounced++;
	op->bounce = f->bounce_free[--f->n_bounce_free];
	op->step = BACKING_BOUNCED;
	op->lead = (uint32_t)((op->offset + op->got) & (f->offset_align - 1));
	(op->write ? write_piece : read_piece)(f, op, p, op->want - op->got);
	return true;
}

bool bounce_end(struct file_backing *f, struct backing_op *op, int32_t *res)
{
	if (op->step == BACKING_FILLING && *res == (int32_t)op->span.iov_len) {
		iov_copy_out(op->iov, op->n, op->got, op->bounce + op->lead, op->part);
		op->step = BACKING_FILLED;
		return false;
	}
	if (op->step == BACKING_FILLING && *res >= 0)
		*res = -EIO; /* the file was truncated */
	if (*res >= 0) {
		uint32_t own = (uint32_t)*res > op->lead ? (uint32_t)*res - op->lead : 0;

		*res = (int32_t)min_u32(own, op->part);
		if (!op->write)
			iov_copy_in(op->iov, op->n, op->got, op->bounce + op->lead, (size_t)*res);
	}
	f->bounce_free[f->n_bounce_free++] = op->bounce;
	assert(f->n_bounce_free <= BOUNCE_BUFFERS);
	op->step = BACKING_PLAIN;
	return true;
}
