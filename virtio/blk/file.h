/* SPDX-License-Identifier: GPL-2.0-only */
/* The file backing's insides: its opening (backing.c), its I/O (file.c), O_DIRECT's bounce buffers (bounce.c). */
#ifndef KTSTR_VIRTIO_BLK_FILE_H
#define KTSTR_VIRTIO_BLK_FILE_H

#include "virtio/blk/backing.h"
#include "virtio/virtqueue.h"

#define BOUNCE_BYTES (64u << 10) /* one operation's; longer ones go in pieces */
#define BOUNCE_BUFFERS 32u	 /* more operations than that wait for each other */

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
	unsigned mem_align, offset_align; /* what direct_fd asks for; powers of two */
	uint64_t file_size;		  /* end of the storage as far as is known */
	bool no_zero_range;		  /* zeroes are a hole, filled again */
	bool erases;			  /* and so operations need the ring, whatever the engine */
	bool nowait_read, nowait_write;	  /* the mixed engine: RWF_NOWAIT is worth a try */

	uint8_t *bounce; /* all buffers; NULL without O_DIRECT */
	uint8_t *bounce_free[BOUNCE_BUFFERS];
	unsigned n_bounce_free;
	struct backing_op *waiting, *waiting_last; /* for a buffer, in order */
};

extern const struct file_engine file_uring, file_sync, file_inline, file_mixed;

void file_use_engine(struct file_backing *f, const struct file_engine *engine);

/* Where an operation's next piece goes, and in which ranges. */
struct piece {
	int fd;
	bool write;
	struct iovec *iov;
	unsigned n;
	uint64_t offset;
};

/* bounce.c. The buffers, all of them touched: 0 or -errno. */
int bounce_open(struct file_backing *f);
void bounce_close(struct file_backing *f);
/* Whether O_DIRECT takes @p, whose ranges hold @left bytes, as it is. */
bool bounce_needless(const struct file_backing *f, const struct piece *p, uint32_t left);
/* The next piece of @op, through a buffer. False: none is free, and @op waits. */
bool bounce_piece(struct file_backing *f, struct backing_op *op, struct piece *p);
/* Its result: true when the piece is through, *@res then being bytes of @op's own;
 * false when bounce_piece() must be asked for its other half. */
bool bounce_end(struct file_backing *f, struct backing_op *op, int32_t *res);
/* The first that waits, if there is a buffer for it now. */
struct backing_op *bounce_next_waiting(struct file_backing *f);

#endif
