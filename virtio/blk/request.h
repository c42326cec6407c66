/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One virtio-blk request (5.2.6), decoded: everything that the guest wrote is
 * copied and checked here once; performing it can't find a guest error.
 */
#ifndef KTSTR_VIRTIO_BLK_REQUEST_H
#define KTSTR_VIRTIO_BLK_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "virtio/blk/backing.h"
#include "virtio/virtqueue.h"

#define BLK_SIZE_MAX (1u << 20) /* bytes in one data descriptor */
#define BLK_SEG_MAX 128u	/* data descriptors */
#define BLK_CHAIN_MAX (BLK_SEG_MAX + 2)
#define BLK_IOV_MAX 256u /* host ranges: a descriptor over two regions gives two */
#define BLK_ID_BYTES 20u
#define BLK_ERASE_SECTORS_MAX (128u << 11) /* of a discard or a write of zeroes: 128 MiB, one segment */

struct blk;

struct blk_request {
	struct backing_op op;
	struct blk *blk;
	struct blk_request *prev, *next; /* popped and not answered, in ring order */
	struct blk_request *next_ready;
	uint64_t generation; /* the device's when this was popped */
	uint64_t started_ns; /* for the observer */
	uint16_t head;
	bool busy;	   /* popped, or its operation is still with the backing */
	bool submitted;	   /* its operation is with the backing */
	uint16_t blockers; /* earlier requests that it waits for */
	uint16_t retries;  /* EINTR and EAGAIN since it last moved on */
	uint32_t type;	   /* VIRTIO_BLK_T_* */
	uint8_t *status;   /* NULL: unmapped */
	uint64_t offset;   /* bytes, of what is left to do */
	uint32_t len;	   /* data bytes */
	uint32_t done;	   /* of these, moved */
	uint32_t got;	   /* of these, read from the storage; the rest is zeroes beyond its end */
	uint32_t piece;	   /* bytes of the transfer that is under way, and its ranges */
	unsigned piece_n;
	uint32_t cut;	  /* bytes that the last of these is short of meanwhile */
	bool ended;	  /* a read has met the end of the storage */
	bool unmap;	  /* a write of zeroes may give the blocks back */
	bool syncing;	  /* a write whose data is written and not durable yet */
	struct iovec *at; /* what is left of iov */
	unsigned n;
	struct iovec *iov; /* BLK_IOV_MAX of them */
};

struct blk_geometry {
	uint64_t capacity; /* bytes, whole sectors */
	bool read_only;
	/* What the driver agreed to, by SIZE_MAX and SEG_MAX; without them there is only what is possible. */
	uint32_t size_max;
	unsigned chain_max;
	bool discard, write_zeroes;
};

enum blk_decoded {
	BLK_PERFORM, /* valid: throttle, then do it */
	BLK_ANSWER,  /* decided: @status says what, nothing is to be done */
	BLK_DROP,    /* no place for a status byte, or no end: no answer can be given */
};

/*
 * blk_decode - fill @r (but for op, links and slot state) from @chain.
 * The order is shape, SIZE_MAX, classification (a write to a read-only disk is
 * IOERR, a flush of one OK, an unknown type UNSUPP), then what a request of
 * that type must hold. @status is set to VIRTIO_BLK_S_* for BLK_ANSWER.
 */
enum blk_decoded blk_decode(struct blk_request *r, const struct virtq_chain *chain, const struct guest_memory *mem,
			    const struct blk_geometry *g, uint8_t *status);

#endif
