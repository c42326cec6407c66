/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Split virtqueue, device side (virtio 1.2, 2.7). All ring validation is here.
 *
 * The device owns every cursor: next_avail and next_used are never read back
 * from guest memory. Ring indexes are read and written only as single 16-bit
 * accesses. A descriptor is copied once and the copy is what is checked.
 */
#ifndef KTSTR_VIRTIO_VIRTQUEUE_H
#define KTSTR_VIRTIO_VIRTQUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "virtio/memory.h"

#define VIRTQ_SIZE_MAX 256

struct virtq_seg {
	uint64_t gpa;
	uint32_t len;
	bool writable; /* device-writable (VIRTQ_DESC_F_WRITE) */
};

/* One descriptor chain, copied. Addresses are not translated or checked yet. */
struct virtq_chain {
	uint16_t head;
	uint16_t n;	/* segments, 1..size */
	bool malformed; /* a loop, next out of range, or indirect without negotiation;
			 * the segments before the fault are valid */
	struct virtq_seg seg[VIRTQ_SIZE_MAX];
};

struct virtqueue {
	/* Set through the transport between FEATURES_OK and DRIVER_OK. */
	uint16_t size_max; /* 0: the queue does not exist */
	uint16_t size;	   /* power of two, 1..size_max */
	bool ready;
	uint64_t desc_gpa, avail_gpa, used_gpa;
	bool event_idx; /* VIRTIO_RING_F_EVENT_IDX negotiated */

	/* The device's own state. */
	const struct guest_memory *mem;
	uint16_t next_avail;
	uint16_t next_used;	 /* used entries written */
	uint16_t published_used; /* used.idx as last stored */
	uint16_t signalled_used; /* published_used at the last interrupt decision */
	bool signalled_valid;
	bool broken;				   /* poisoned until reset */
	uint64_t outstanding[VIRTQ_SIZE_MAX / 64]; /* heads popped and not pushed */
	unsigned n_outstanding;
};

void virtq_init(struct virtqueue *vq, uint16_t size_max);
/* Back to the state after virtq_init(). */
void virtq_reset(struct virtqueue *vq);
/* At DRIVER_OK: check size, alignment and address overflow. 0 or -EINVAL.
 * An unmapped ring is no error here: its first use poisons the queue (MM-24). */
int virtq_start(struct virtqueue *vq, const struct guest_memory *mem, bool event_idx);

/*
 * virtq_pop - take the next available chain.
 * Returns 1 and fills @chain; 0: there is none, or the queue is not ready or broken. -EPROTO: avail.idx is ahead by
 * more than the queue's size, or has moved back (MM-23). -EFAULT: any other fault of the ring: unmapped, head out of
 * range, head still outstanding (MM-24). A negative return has set @vq->broken; the caller reports it once.
 */
int virtq_pop(struct virtqueue *vq, struct virtq_chain *chain);
/* Undo the last pop, which returned @head; the next pop returns it again. */
void virtq_unpop(struct virtqueue *vq, uint16_t head);
/* Drop a popped chain without a used element: it has no place for an answer. */
void virtq_drop(struct virtqueue *vq, uint16_t head);
/* Whether a pop would return non-zero. Poisons nothing. */
bool virtq_pending(const struct virtqueue *vq);
/* How many chains are available. It is the driver's word: anything up to 65535. */
uint16_t virtq_available(const struct virtqueue *vq);
/* Used entries for which no interrupt was decided yet. */
uint16_t virtq_unsignalled(const struct virtqueue *vq);

/*
 * virtq_push - write the used element of @head. The driver sees it after virtq_show() or virtq_publish(). @len: bytes
 * written to device-writable memory. 0; -EFAULT: the used ring is unmapped; nothing has advanced, but the head is no
 * longer outstanding.
 */
int virtq_push(struct virtqueue *vq, uint16_t head, uint32_t len);
/* Store used.idx (release) for what was pushed. Whether to interrupt must still be decided, by virtq_awaited() or
 * virtq_publish(). 0; -EFAULT: the ring is unmapped. */
int virtq_show(struct virtqueue *vq);
/*
 * virtq_show(), then how many used entries the driver wants an interrupt for (2.7.7.2). 0: none; -EFAULT: the ring is
 * unmapped. With EVENT_IDX these are the entries from used_event to the last one; without it, all since the last
 * decision, or none. If the suppression fields can't be read, all: a spurious interrupt does no harm, a lost one does.
 */
int virtq_awaited(struct virtqueue *vq);
/* The decision is made for all that was shown: the driver was interrupted, or wants no interrupt. */
void virtq_told(struct virtqueue *vq);
/* virtq_awaited() and virtq_told(). 1: interrupt the driver now; 0: do not; -EFAULT. */
int virtq_publish(struct virtqueue *vq);

/* Suppress kicks, and ask for them. virtq_enable_kicks() returns true if chains came in between, of which no kick will
 * tell: drain again (2.7.10). */
void virtq_disable_kicks(struct virtqueue *vq);
bool virtq_enable_kicks(struct virtqueue *vq);
/* Ask for a kick only at the @n-th chain from now on; true: that many are there. Without EVENT_IDX: at the first. */
bool virtq_enable_kicks_after(struct virtqueue *vq, uint16_t n);

#endif
