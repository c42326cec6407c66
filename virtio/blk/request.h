/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One virtio-blk request (5.2.6), decoded. All that the guest wrote is copied and checked here, once: performing it
 * can't meet a guest error.
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
#define BLK_IOV_MAX 256u /* host ranges: a descriptor across two regions has two */
#define BLK_ID_BYTES 20u
#define BLK_ERASE_SECTORS_MAX (128u << 11) /* of a discard or a write of zeroes, of one segment: 128 MiB */

struct blk;

struct blk_request {
	struct backing_op op;
	struct blk *blk;
	struct blk_request *prev, *next; /* popped and not answered, in ring order */
	struct blk_request *next_ready;
	uint64_t generation; /* the device's when it was popped */
	uint64_t started_ns; /* for the observer */
	uint16_t head;
	bool busy;	   /* popped, or the backing still has its operation */
	bool submitted;	   /* the backing has its operation */
	uint16_t blockers; /* number of earlier requests that it waits for */
	uint16_t retries;  /* EINTR and EAGAIN since it last progressed */
	uint32_t type;	   /* VIRTIO_BLK_T_* */
	uint8_t *status;   /* NULL: unmapped */
	uint64_t offset;   /* bytes on the disk, of what is left to do */
	uint32_t len;	   /* data bytes */
	uint32_t done;	   /* of these, done */
	uint32_t got;	   /* of these, read from the storage; the rest is zeroes past its end */
	uint32_t piece;	   /* bytes and ranges of the piece in flight */
	unsigned piece_n;
	uint32_t cut;	  /* bytes by which its only range is shortened meanwhile */
	bool ended;	  /* a read has reached the end of the storage */
	bool unmap;	  /* a write of zeroes may free the blocks */
	bool syncing;	  /* the data of a write is written, and not durable yet */
	struct iovec *at; /* what is left of iov */
	unsigned n;
	struct iovec *iov; /* BLK_IOV_MAX of them */
};

struct blk_geometry {
	uint64_t capacity; /* bytes, whole sectors */
	bool read_only;
	/* Limits by SIZE_MAX and SEG_MAX, if negotiated; else what is possible. */
	uint32_t size_max;
	unsigned chain_max;
	bool discard, write_zeroes;
};

enum blk_decoded {
	BLK_PERFORM, /* valid: throttle, then perform */
	BLK_ANSWER,  /* answer with @status */
	BLK_DROP,    /* no answer is possible: no room for a status byte, or malformed */
};

/*
 * blk_decode - fill @r (except op, links and slot state) from @chain. Checked in this order: shape; SIZE_MAX; type (on
 * a read-only disk a write is IOERR and a flush OK; an unknown type is UNSUPP); the data of that type. For BLK_ANSWER
 * @status is VIRTIO_BLK_S_*.
 */
enum blk_decoded blk_decode(struct blk_request *r, const struct virtq_chain *chain, const struct guest_memory *mem,
			    const struct blk_geometry *g, uint8_t *status);

#endif
