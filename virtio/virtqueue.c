/* SPDX-License-Identifier: GPL-2.0-only */
#include "virtio/virtqueue.h"

#include <assert.h>
#include <errno.h>
#include <linux/virtio_ring.h>
#include <string.h>

_Static_assert(sizeof(struct vring_desc) == 16, "descriptor layout, virtio 1.2, 2.7.5");
_Static_assert(sizeof(struct vring_used_elem) == 8, "used element layout, virtio 1.2, 2.7.8");

#define DESC_SIZE 16u
#define RING_HEADER 4u /* flags and idx, of both rings */

static uint64_t avail_bytes(uint16_t size)
{
	return RING_HEADER + 2ull * size + 2; /* used_event at its end */
}

static uint64_t used_bytes(uint16_t size)
{
	return RING_HEADER + 8ull * size + 2; /* avail_event at its end */
}

/*
 * Ring words are 2-byte aligned (virtq_start) and regions are page aligned, so
 * a word never straddles two of them. One access each: a torn index would look
 * like a jump.
 */
static uint16_t *ring_word(const struct virtqueue *vq, uint64_t ring_gpa, uint64_t offset)
{
	return guest_memory_at(vq->mem, ring_gpa + offset, sizeof(uint16_t));
}

static int load_word(const struct virtqueue *vq, uint64_t ring_gpa, uint64_t offset, int order, uint16_t *out)
{
	const uint16_t *w = ring_word(vq, ring_gpa, offset);

	if (!w)
		return -EFAULT;
	*out = order == __ATOMIC_ACQUIRE ? __atomic_load_n(w, __ATOMIC_ACQUIRE) : __atomic_load_n(w, __ATOMIC_RELAXED);
	return 0;
}

static int load_avail_idx(const struct virtqueue *vq, uint16_t *idx)
{
	/* Pairs with the driver's write barrier before it moves avail.idx
	 * (2.7.13.3): ring entries and descriptors are read after this. */
	return load_word(vq, vq->avail_gpa, 2, __ATOMIC_ACQUIRE, idx);
}

static bool is_outstanding(const struct virtqueue *vq, uint16_t head)
{
	return vq->outstanding[head / 64] >> (head % 64) & 1;
}

static void set_outstanding(struct virtqueue *vq, uint16_t head, bool on)
{
	assert(head < VIRTQ_SIZE_MAX && is_outstanding(vq, head) != on);
	vq->outstanding[head / 64] ^= 1ull << (head % 64);
	vq->n_outstanding += on ? 1 : -1;
}

void virtq_init(struct virtqueue *vq, uint16_t size_max)
{
	assert(size_max <= VIRTQ_SIZE_MAX && (size_max & (size_max - 1)) == 0);
	memset(vq, 0, sizeof(*vq));
	vq->size_max = size_max;
	vq->size = size_max;
}

void virtq_reset(struct virtqueue *vq)
{
	virtq_init(vq, vq->size_max);
}

static bool fits(uint64_t gpa, uint64_t len, uint64_t align)
{
	return gpa % align == 0 && gpa + (len - 1) >= gpa;
}

int virtq_start(struct virtqueue *vq, const struct guest_memory *mem, bool event_idx)
{
	if (!vq->size || vq->size > vq->size_max || (vq->size & (vq->size - 1)))
		return -EINVAL;
	if (!fits(vq->desc_gpa, (uint64_t)DESC_SIZE * vq->size, 16) || !fits(vq->avail_gpa, avail_bytes(vq->size), 2) ||
	    !fits(vq->used_gpa, used_bytes(vq->size), 4))
		return -EINVAL;
	vq->mem = mem;
	vq->event_idx = event_idx;
	return 0;
}

static int break_queue(struct virtqueue *vq, int err)
{
	vq->broken = true;
	return err;
}

/* Copy the chain at @head. 0, or -EFAULT when the table is unmapped. */
static int copy_chain(const struct virtqueue *vq, uint16_t head, struct virtq_chain *chain)
{
	uint16_t i = head;

	chain->head = head;
	chain->n = 0;
	chain->malformed = false;
	while (chain->n < vq->size) {
		struct virtq_seg *seg = &chain->seg[chain->n];
		struct vring_desc desc;

		if (guest_memory_read(vq->mem, vq->desc_gpa + (uint64_t)DESC_SIZE * i, &desc, sizeof(desc)))
			return -EFAULT;
		if (desc.flags & VRING_DESC_F_INDIRECT)
			break; /* no device here offers it */
		seg->gpa = desc.addr;
		seg->len = desc.len;
		seg->writable = desc.flags & VRING_DESC_F_WRITE;
		chain->n++;
		if (!(desc.flags & VRING_DESC_F_NEXT))
			return 0;
		if (desc.next >= vq->size)
			break;
		i = desc.next;
	}
	chain->malformed = true;
	return 0;
}

int virtq_pop(struct virtqueue *vq, struct virtq_chain *chain)
{
	uint16_t idx, head;

	if (!vq->ready || vq->broken)
		return 0;
	if (load_avail_idx(vq, &idx))
		return break_queue(vq, -EFAULT);
	if (idx == vq->next_avail)
		return 0;
	if ((uint16_t)(idx - vq->next_avail) > vq->size)
		return break_queue(vq, -EPROTO);
	if (load_word(vq, vq->avail_gpa, RING_HEADER + 2u * (vq->next_avail & (vq->size - 1)), __ATOMIC_RELAXED, &head))
		return break_queue(vq, -EFAULT);
	if (head >= vq->size || is_outstanding(vq, head))
		return break_queue(vq, -EFAULT);
	if (copy_chain(vq, head, chain))
		return break_queue(vq, -EFAULT);
	set_outstanding(vq, head, true);
	vq->next_avail++;
	return 1;
}

void virtq_unpop(struct virtqueue *vq, uint16_t head)
{
	set_outstanding(vq, head, false);
	vq->next_avail--;
}

void virtq_drop(struct virtqueue *vq, uint16_t head)
{
	set_outstanding(vq, head, false);
}

bool virtq_pending(const struct virtqueue *vq)
{
	uint16_t idx;

	return vq->ready && !vq->broken && load_avail_idx(vq, &idx) == 0 && idx != vq->next_avail;
}

uint16_t virtq_available(const struct virtqueue *vq)
{
	uint16_t idx;

	return vq->ready && !vq->broken && load_avail_idx(vq, &idx) == 0 ? (uint16_t)(idx - vq->next_avail) : 0;
}

uint16_t virtq_unsignalled(const struct virtqueue *vq)
{
	return (uint16_t)(vq->next_used - vq->signalled_used);
}

int virtq_push(struct virtqueue *vq, uint16_t head, uint32_t len)
{
	const struct vring_used_elem elem = { .id = head, .len = len };
	uint64_t at = vq->used_gpa + RING_HEADER + 8ull * (vq->next_used & (vq->size - 1));

	set_outstanding(vq, head, false);
	if (guest_memory_write(vq->mem, at, &elem, sizeof(elem)))
		return -EFAULT;
	vq->next_used++;
	return 0;
}

int virtq_show(struct virtqueue *vq)
{
	uint16_t *idx;

	if (vq->next_used == vq->published_used)
		return 0;
	idx = ring_word(vq, vq->used_gpa, 2);
	if (!idx)
		return -EFAULT;
	/* Pairs with the driver's read barrier between used.idx and the used
	 * elements (2.7.14): data, status and elements are visible before it. */
	__atomic_store_n(idx, vq->next_used, __ATOMIC_RELEASE);
	vq->published_used = vq->next_used;
	return 0;
}

int virtq_awaited(struct virtqueue *vq)
{
	uint16_t old = vq->signalled_used, new, word;
	int err = virtq_show(vq);

	if (err)
		return err;
	new = vq->published_used;
	if (new == old)
		return 0;
	/* Pairs with the driver's full barrier between its store of used_event (or flags) and its second read of
	 * used.idx (2.7.7.2): at least one side sees the other's store. Release would not order a store before a load.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (load_word(vq, vq->avail_gpa, vq->event_idx ? RING_HEADER + 2u * vq->size : 0, __ATOMIC_RELAXED, &word))
		return (uint16_t)(new - old);
	if (!vq->event_idx)
		return word & VRING_AVAIL_F_NO_INTERRUPT ? 0 : (uint16_t)(new - old);
	if (!vq->signalled_valid)
		return (uint16_t)(new - old);
	return vring_need_event(word, new, old) ? (uint16_t)(new - word) : 0;
}

void virtq_told(struct virtqueue *vq)
{
	if (vq->signalled_used == vq->published_used)
		return;
	vq->signalled_used = vq->published_used;
	vq->signalled_valid = true;
}

int virtq_publish(struct virtqueue *vq)
{
	int n = virtq_awaited(vq);

	if (n < 0)
		return n;
	virtq_told(vq);
	return n > 0;
}

static void store_used_word(struct virtqueue *vq, uint64_t offset, uint16_t value)
{
	uint16_t *w = ring_word(vq, vq->used_gpa, offset);

	/* If the used ring is unmapped, the next push fails. */
	if (w)
		__atomic_store_n(w, value, __ATOMIC_RELAXED);
}

void virtq_disable_kicks(struct virtqueue *vq)
{
	/* With EVENT_IDX a stale avail_event suppresses kicks after the first one (2.7.10), and flags must be 0. */
	if (vq->ready && !vq->broken && !vq->event_idx)
		store_used_word(vq, 0, VRING_USED_F_NO_NOTIFY);
}

bool virtq_enable_kicks_after(struct virtqueue *vq, uint16_t n)
{
	if (!vq->ready || vq->broken)
		return false;
	if (vq->event_idx)
		store_used_word(vq, RING_HEADER + 8ull * vq->size, (uint16_t)(vq->next_avail + n - 1));
	else
		store_used_word(vq, 0, 0);
	/* Pairs with the driver's full barrier between its store of avail.idx
	 * and its read of avail_event (or flags) (2.7.13.4.1). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return virtq_available(vq) >= (vq->event_idx ? n : 1);
}

bool virtq_enable_kicks(struct virtqueue *vq)
{
	return virtq_enable_kicks_after(vq, 1);
}
