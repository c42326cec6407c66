/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a block device keeps its sectors. A backing reads, writes and syncs byte ranges of plain storage; there is no
 * image format and no layer. It is used on the reactor thread only.
 */
#ifndef KTSTR_VIRTIO_BLK_BACKING_H
#define KTSTR_VIRTIO_BLK_BACKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "reactor/reactor.h"
#include "virtio/blk.h"

struct backing;

/* The piece of an operation that is in flight: direct; through a bounce buffer; or a write of a part of a block, which
 * first reads the block (FILLING), and then writes it (FILLED). */
enum backing_step { BACKING_PLAIN, BACKING_BOUNCED, BACKING_FILLING, BACKING_FILLED };
/* The step of an erasure that is in flight: a zero range, where the file system has that; a hole that is filled again
 * after it; or the last one. */
enum erase_step { ERASE_NOTHING, ERASE_ZEROES, ERASE_HOLE, ERASE_LAST };

/*
 * One operation; embedded in its owner. If a call below returns -EINPROGRESS, @done runs once, later, on the reactor
 * thread; until then the iovec array and the memory it describes belong to the backing.
 */
struct backing_op {
	void (*done)(struct backing_op *op, int32_t res);

	/* The backing's own state. */
	struct completion c;
	struct backing *backing;
	bool write, cancelled;
	struct iovec *iov;
	unsigned n;
	uint64_t offset;
	uint32_t want, got;
	unsigned trimmed;   /* index of the range that is shortened while in flight ... */
	struct iovec whole; /* ... and its full length */
	enum backing_step step;
	uint8_t *bounce;     /* the buffer used in place of iov; not for BACKING_PLAIN */
	struct iovec span;   /* the part of it in flight */
	uint32_t lead, part; /* of the span: bytes before the operation's own bytes, and the number of these */
	struct backing_op *next_waiting;
	uint64_t erase_len;
	enum erase_step erasing; /* the step in flight */
};

/* The range reads as zeroes afterwards. Its blocks are freed, or kept, or either. */
enum backing_erase { BACKING_DISCARD, BACKING_ZERO_KEEP, BACKING_ZERO };

/*
 * readv, writev and sync_data return the bytes moved (or 0) if they complete at once; -EINPROGRESS: @op->done gets the
 * result; or another negative errno.
 *  - A read is short only at the end of the storage; for the caller the rest is zeroes.
 *  - A write may be short anywhere; the caller continues after it.
 *  - -EINTR and -EAGAIN: nothing was done; try again.
 *  - sync_data means fdatasync for every write that completed before it.
 */
struct backing_ops {
	const char *name; /* as in blk_engine_used() */
	/* Interrupt once, at the end of a drain, and take requests whole: the serial worker that others are compared
	 * with. */
	bool whole_drains;
	/* Before the first operation of @op. @index is below VIRTQ_SIZE_MAX, and no other op has it. 0 or -ENOSPC. */
	int (*attach)(struct backing *b, struct backing_op *op, unsigned index);
	void (*detach)(struct backing *b, struct backing_op *op);
	int (*readv)(struct backing *b, struct backing_op *op, struct iovec *iov, unsigned n, uint64_t offset);
	int (*writev)(struct backing *b, struct backing_op *op, struct iovec *iov, unsigned n, uint64_t offset);
	int (*sync_data)(struct backing *b, struct backing_op *op);
	/* Returns as sync_data; -EOPNOTSUPP: the storage can't do it. Called only with cfg->discard. */
	int (*erase)(struct backing *b, struct backing_op *op, enum backing_erase how, uint64_t offset, uint64_t len);
	/* A hint: @done still runs, perhaps sooner, with any result. */
	void (*cancel)(struct backing *b, struct backing_op *op);
	/* Free @b; nothing is in flight. */
	void (*close)(struct backing *b);
};

struct backing {
	const struct backing_ops *ops;
	uint64_t size;	    /* bytes: the device's capacity, not rounded */
	const char *reason; /* why this engine; static text */
	/* A power of two; 0 means 1. Two transfers, one of which writes, must not be in flight on the same aligned
	 * piece of this size. */
	uint32_t granule;
	struct blk_engine_counters counters;
};

/*
 * backing_open - the file, block device or anonymous memory of @cfg.
 * Errors: -errno of open or stat, -EISDIR, -EINVAL (too small, not a file, no
 * O_DIRECT there), each with a line in @why that names the file and the remedy.
 */
int backing_open(struct backing **out, struct reactor *r, const struct blk_config *cfg, char *why, size_t why_size);

/* Bytes of @n ranges. */
size_t iov_bytes(const struct iovec *iov, unsigned n);
/* Skip the first @done bytes, fewer than there are: whole ranges are passed over, the next one is trimmed. */
void iov_advance(struct iovec **iov, unsigned *n, size_t done);
/* Zero all but the first @done bytes. */
void iov_zero_from(const struct iovec *iov, unsigned n, size_t done);
/* Copy @len bytes from @buf to the ranges, or back, beginning at byte @at of the ranges. */
void iov_copy_in(const struct iovec *iov, unsigned n, size_t at, const void *buf, size_t len);
void iov_copy_out(const struct iovec *iov, unsigned n, size_t at, void *buf, size_t len);

#endif
