/* SPDX-License-Identifier: GPL-2.0-only */
/* Inside the file backing: opening (backing.c), I/O (file.c), bounce buffers for O_DIRECT (bounce.c). */
#ifndef KTSTR_VIRTIO_BLK_FILE_H
#define KTSTR_VIRTIO_BLK_FILE_H

#include "virtio/blk/backing.h"
#include "virtio/virtqueue.h"

#define BOUNCE_BYTES (64u << 10) /* of one buffer; longer operations go in pieces */
#define BOUNCE_BUFFERS 32u	 /* operations that find none wait */

struct piece;
struct file_backing;

/* How a backing does its I/O: the operations, and the one step in which the engines differ. */
struct file_engine {
	struct backing_ops ops;
	/* Give @p to the kernel: bytes moved, -EINPROGRESS (@op completes later), or another negative errno. */
	int32_t (*start)(struct file_backing *f, struct backing_op *op, const struct piece *p);
};

struct file_backing {
	struct backing b;
	const struct file_engine *engine; /* b.ops is its ops */
	struct reactor *r;
	int fd;				  /* through the page cache */
	int direct_fd;			  /* O_DIRECT; -1 without */
	unsigned mem_align, offset_align; /* required by direct_fd; powers of two */
	uint64_t file_size;		  /* end of the storage, as last known */
	bool no_zero_range;		  /* the file system has none: zeroes are a hole that is filled again */
	bool erases;			  /* erasing is on: operations need the ring, whatever the engine */
	bool nowait_read, nowait_write;	  /* the mixed engine: RWF_NOWAIT is supported, as far as known */

	uint8_t *bounce; /* the buffers; NULL without O_DIRECT */
	uint8_t *bounce_free[BOUNCE_BUFFERS];
	unsigned n_bounce_free;
	struct backing_op *waiting, *waiting_last; /* operations that wait for a buffer, in order */
};

extern const struct file_engine file_uring, file_sync, file_inline, file_mixed;

void file_use_engine(struct file_backing *f, const struct file_engine *engine);

/* The next piece of an operation: its place in the file, and its ranges in memory. */
struct piece {
	int fd;
	bool write;
	struct iovec *iov;
	unsigned n;
	uint64_t offset;
};

/* bounce.c: allocate and populate the buffers. 0 or -errno. */
int bounce_open(struct file_backing *f);
void bounce_close(struct file_backing *f);
/* Whether @p, whose ranges have @left bytes, needs no bounce buffer. */
bool bounce_needless(const struct file_backing *f, const struct piece *p, uint32_t left);
/* The next piece of @op, through a buffer. False: none is free, and @op waits for one. */
bool bounce_piece(struct file_backing *f, struct backing_op *op, struct piece *p);
/* The piece has completed with *@res. True: *@res is now the number of @op's own bytes; false: call bounce_piece() for
 * the second half, the write. */
bool bounce_end(struct file_backing *f, struct backing_op *op, int32_t *res);
/* The first operation that waits, if there is a buffer for it now. */
struct backing_op *bounce_next_waiting(struct file_backing *f);

#endif
