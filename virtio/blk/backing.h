/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a block device stores its sectors in. A backing belongs to one thread,
 * the reactor's. It reads, writes and syncs byte ranges of plain storage: no
 * image format, no layers.
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

/* The piece of an operation that is in flight: as it is; by a bounce buffer; or
 * first the block that it writes in part, and then that block. */
enum backing_step { BACKING_PLAIN, BACKING_BOUNCED, BACKING_FILLING, BACKING_FILLED };
/* The step of an erasure that is in flight: zeroes where the file system can write such, a hole that is to be filled
 * again, or the last one. */
enum erase_step { ERASE_NOTHING, ERASE_ZEROES, ERASE_HOLE, ERASE_LAST };

/*
 * One operation; embedded in its owner. @done runs on the reactor for an
 * operation that a call below answered with -EINPROGRESS, and once for each.
 * Until then the iovec array and the memory behind it belong to the backing.
 */
struct backing_op {
	void (*done)(struct backing_op *op, int32_t res);

	/* The backing's own. */
	struct completion c;
	struct backing *backing;
	bool write, cancelled;
	struct iovec *iov;
	unsigned n;
	uint64_t offset;
	uint32_t want, got;
	unsigned trimmed;   /* iov[trimmed] is shortened while in flight ... */
	struct iovec whole; /* ... from this */
	enum backing_step step;
	uint8_t *bounce;     /* a buffer that stands in for iov; but for BACKING_PLAIN */
	struct iovec span;   /* of it, in flight */
	uint32_t lead, part; /* of the span: bytes before the operation's own, and those */
	struct backing_op *next_waiting;
	uint64_t erase_len;
	enum erase_step erasing; /* what is in flight of an erasure */
};

/* What reads as zeroes afterwards: its blocks given back, or kept, or as the storage likes. */
enum backing_erase { BACKING_DISCARD, BACKING_ZERO_KEEP, BACKING_ZERO };

/*
 * readv, writev and sync_data return bytes (or 0) when they are through at
 * once, -EINPROGRESS when @op->done will say, or another negative errno.
 *  - A read is short only at the end of the storage; the rest reads as zeroes
 *    for the caller.
 *  - A write may be short anywhere: the caller goes on behind it.
 *  - -EINTR and -EAGAIN: nothing was done, ask again.
 *  - sync_data has fdatasync's meaning for every write completed before it.
 */
struct backing_ops {
	const char *name; /* as in blk_engine_used() */
	/* Interrupt once a drain, at its end: so does the serial worker that the
	 * others are compared with. */
	bool whole_drains;
	/* Before the first operation of @op; @index is below VIRTQ_SIZE_MAX and
	 * @op's alone. 0 or -ENOSPC. */
	int (*attach)(struct backing *b, struct backing_op *op, unsigned index);
	void (*detach)(struct backing *b, struct backing_op *op);
	int (*readv)(struct backing *b, struct backing_op *op, struct iovec *iov, unsigned n, uint64_t offset);
	int (*writev)(struct backing *b, struct backing_op *op, struct iovec *iov, unsigned n, uint64_t offset);
	int (*sync_data)(struct backing *b, struct backing_op *op);
	/* As sync_data; -EOPNOTSUPP: this storage can't. Called only where cfg->discard was given. */
	int (*erase)(struct backing *b, struct backing_op *op, enum backing_erase how, uint64_t offset, uint64_t len);
	/* A hint: @done still comes, sooner perhaps, with any result. */
	void (*cancel)(struct backing *b, struct backing_op *op);
	/* Nothing is in flight. Frees @b. */
	void (*close)(struct backing *b);
};

struct backing {
	const struct backing_ops *ops;
	uint64_t size;	    /* bytes: the device's capacity, not rounded */
	const char *reason; /* why this engine; static text */
	/* A power of two: transfers of which one writes must not meet in such a
	 * piece of the storage, aligned, at the same time. 0 is 1: any may. */
	uint32_t granule;
	struct blk_engine_counters counters;
};

/*
 * backing_open - the file, block device or anonymous memory of @cfg.
 * Errors: -errno of open or stat, -EISDIR, -EINVAL (too small, not a file, no
 * O_DIRECT there), each with a line that names the file and the mend in @why.
 */
int backing_open(struct backing **out, struct reactor *r, const struct blk_config *cfg, char *why, size_t why_size);

/* Bytes of @n ranges. */
size_t iov_bytes(const struct iovec *iov, unsigned n);
/* Drop the first @done bytes, fewer than there are: ranges used up are passed
 * over, the next is trimmed. */
void iov_advance(struct iovec **iov, unsigned *n, size_t done);
/* Zero what comes after the first @done bytes. */
void iov_zero_from(const struct iovec *iov, unsigned n, size_t done);
/* Copy between @buf and the ranges from byte @at on. */
void iov_copy_in(const struct iovec *iov, unsigned n, size_t at, const void *buf, size_t len);
void iov_copy_out(const struct iovec *iov, unsigned n, size_t at, void *buf, size_t len);

#endif
