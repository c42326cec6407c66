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
	bool malformed; /* loop, next out of range, indirect not negotiated: the
			 * segments before the fault are there */
	struct virtq_seg seg[VIRTQ_SIZE_MAX];
};

struct virtqueue {
	/* Set by the transport between FEATURES_OK and DRIVER_OK. */
	uint16_t size_max; /* 0: the queue does not exist */
	uint16_t size;	   /* power of two, 1..size_max */
	bool ready;
	uint64_t desc_gpa, avail_gpa, used_gpa;
	bool event_idx; /* VIRTIO_RING_F_EVENT_IDX negotiated */

	/* The device's own. */
	const struct guest_memory *mem;
	uint16_t next_avail;
	uint16_t next_used;	 /* used entries written */
	uint16_t published_used; /* used.idx as last stored */
	uint16_t signalled_used; /* published_used when the driver was last told */
	bool signalled_valid;
	bool broken;				   /* poisoned until reset */
	uint64_t outstanding[VIRTQ_SIZE_MAX / 64]; /* heads popped and not pushed */
	unsigned n_outstanding;
};

void virtq_init(struct virtqueue *vq, uint16_t size_max);
/* Back to the state after virtq_init(). */
void virtq_reset(struct virtqueue *vq);
/* At DRIVER_OK: check size, alignment and address overflow. 0 or -EINVAL.
 * A ring that is unmapped is no error here: it poisons at first use (MM-24). */
int virtq_start(struct virtqueue *vq, const struct guest_memory *mem, bool event_idx);

/*
 * virtq_pop - take the next available chain.
 * Returns 1 and fills @chain; 0 when there is none (or the queue is not ready
 * or broken); -EPROTO when avail.idx is ahead by more than the queue's size or
 * has moved back (MM-23); -EFAULT for any other ring failure: unmapped ring,
 * head out of range, head still outstanding (MM-24). A negative return has
 * set @vq->broken: the caller reports it once.
 */
int virtq_pop(struct virtqueue *vq, struct virtq_chain *chain);
/* Undo the last pop (of @head), so that the next pop returns it again. */
void virtq_unpop(struct virtqueue *vq, uint16_t head);
/* Forget a popped chain that has no place for an answer: no used element. */
void virtq_drop(struct virtqueue *vq, uint16_t head);
/* Whether a pop would find something; poisons nothing. */
bool virtq_pending(const struct virtqueue *vq);
/* How many chains are available: as the driver says, so anything up to 65535. */
uint16_t virtq_available(const struct virtqueue *vq);
/* Used entries that no virtq_publish() has asked for yet. */
uint16_t virtq_unsignalled(const struct virtqueue *vq);

/*
 * virtq_push - write the used element of @head; not visible to the driver
 * before virtq_publish(). @len: bytes written to device-writable memory.
 * 0, or -EFAULT when the used ring is unmapped (nothing advanced; the head
 * is no longer outstanding).
 */
int virtq_push(struct virtqueue *vq, uint16_t head, uint32_t len);
/* Store used.idx (release) for what was pushed, and leave the question whether
 * the driver wants an interrupt to a virtq_publish() that must still come. 0, or
 * -EFAULT when the ring is unmapped. */
int virtq_show(struct virtqueue *vq);
/* virtq_show(), and of the entries since the driver was last told, how many it wants an interrupt for (2.7.7.2): from
 * the one that it asked for to the last, without EVENT_IDX all or none. 0: it wants none; -EFAULT: the ring is
 * unmapped. On failure to read the suppression fields it wants one for all: a spurious interrupt is fine, a lost one is
 * not. */
int virtq_awaited(struct virtqueue *vq);
/* The driver has its interrupt for all that was shown, or wants none. */
void virtq_told(struct virtqueue *vq);
/* Both: 1 when the driver wants an interrupt now, 0 when not, -EFAULT. */
int virtq_publish(struct virtqueue *vq);

/* Ask the driver not to kick / to kick. virtq_enable_kicks() returns true when
 * chains came in between: drain again (2.7.10). */
void virtq_disable_kicks(struct virtqueue *vq);
bool virtq_enable_kicks(struct virtqueue *vq);
/* The same, but only for the @n-th chain from now on; true when so many are there. Without EVENT_IDX for the first. */
bool virtq_enable_kicks_after(struct virtqueue *vq, uint16_t n);

#endif
