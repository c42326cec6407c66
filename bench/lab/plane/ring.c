/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/lab/plane/ring.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define RAM_GPA 0x100000ull
#define RAM_BYTES ((RING_PAGES + RING_SLOTS) * (uint64_t)BLOCK)
#define SECTORS (BLOCK / 512u)
/* In no file that is read here: see storage.c. */
#define POISON 0xdeadbeefdeadbeefull

/* Pages of guest memory; a slot's buffer follows for each. */
enum { DESC_PAGE, AVAIL_PAGE, USED_PAGE, HEADER_PAGE, STATUS_PAGE, RING_PAGES };

static uint64_t gpa_of(const struct ring *r, const void *p)
{
	return RAM_GPA + (uint64_t)((const uint8_t *)p - r->mem.region[0].hva);
}

static void make_chain(struct ring *r, unsigned slot)
{
	uint16_t head = (uint16_t)(slot * 3);
	struct vring_desc *desc = &r->desc[head];

	desc[0] = (struct vring_desc){ .addr = gpa_of(r, &r->header[slot]),
				       .len = sizeof(r->header[slot]),
				       .flags = VRING_DESC_F_NEXT,
				       .next = (uint16_t)(head + 1) };
	desc[1] = (struct vring_desc){ .addr = gpa_of(r, r->data + (size_t)slot * BLOCK),
				       .len = BLOCK,
				       .next = (uint16_t)(head + 2) };
	desc[2] = (struct vring_desc){ .addr = gpa_of(r, &r->status[slot]), .len = 1, .flags = VRING_DESC_F_WRITE };
}

int ring_open(struct ring *r)
{
	uint8_t *ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	int err;

	if (ram == MAP_FAILED)
		return -errno;
	*r = (struct ring){
		.mem = { .n = 1, .region = { { .gpa = RAM_GPA, .size = RAM_BYTES, .hva = ram } } },
		.desc = (void *)(ram + DESC_PAGE * BLOCK),
		.avail = (void *)(ram + AVAIL_PAGE * BLOCK),
		.used = (void *)(ram + USED_PAGE * BLOCK),
		.header = (void *)(ram + HEADER_PAGE * BLOCK),
		.status = ram + STATUS_PAGE * BLOCK,
		.data = ram + RING_PAGES * BLOCK,
		.kick_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
		.irq_fd = eventfd(0, EFD_CLOEXEC), /* blocking: ring_sleep() waits in its read */
	};
	for (unsigned i = 0; i < RING_SLOTS; i++)
		make_chain(r, i);
	if (r->kick_fd >= 0 && r->irq_fd >= 0)
		return 0;
	err = -errno;
	ring_close(r);
	return err;
}

void ring_close(struct ring *r)
{
	if (r->kick_fd >= 0)
		close(r->kick_fd);
	if (r->irq_fd >= 0)
		close(r->irq_fd);
	munmap(r->mem.region[0].hva, RAM_BYTES);
}

static uint32_t get(struct virtio_device *d, uint32_t offset)
{
	uint32_t value = 0;

	virtio_mmio_read(d, offset, &value, sizeof(value));
	return value;
}

static void set(struct virtio_device *d, uint32_t offset, uint32_t value)
{
	virtio_mmio_write(d, offset, &value, sizeof(value));
}

static void set_address(struct virtio_device *d, uint32_t low_register, uint64_t gpa)
{
	set(d, low_register, (uint32_t)gpa);
	set(d, low_register + 4, (uint32_t)(gpa >> 32));
}

static int add_status(struct virtio_device *d, uint32_t bit)
{
	uint32_t status = get(d, VIRTIO_MMIO_STATUS) | bit;

	set(d, VIRTIO_MMIO_STATUS, status);
	return get(d, VIRTIO_MMIO_STATUS) == status ? 0 : -EPROTO;
}

int ring_attach(struct ring *r, struct virtio_device *d)
{
	int err;

	d->mem = &r->mem;
	d->irq_fd = r->irq_fd;
	set(d, VIRTIO_MMIO_STATUS, 0);
	err = add_status(d, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	if (!err)
		err = add_status(d, VIRTIO_CONFIG_S_DRIVER);
	set(d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	set(d, VIRTIO_MMIO_DRIVER_FEATURES, 1u << VIRTIO_RING_F_EVENT_IDX);
	set(d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	set(d, VIRTIO_MMIO_DRIVER_FEATURES, 1u << (VIRTIO_F_VERSION_1 - 32));
	if (!err)
		err = add_status(d, VIRTIO_CONFIG_S_FEATURES_OK);
	set(d, VIRTIO_MMIO_QUEUE_SEL, 0);
	set(d, VIRTIO_MMIO_QUEUE_NUM, RING_SIZE);
	set_address(d, VIRTIO_MMIO_QUEUE_DESC_LOW, gpa_of(r, r->desc));
	set_address(d, VIRTIO_MMIO_QUEUE_AVAIL_LOW, gpa_of(r, r->avail));
	set_address(d, VIRTIO_MMIO_QUEUE_USED_LOW, gpa_of(r, r->used));
	set(d, VIRTIO_MMIO_QUEUE_READY, 1);
	return err ? err : add_status(d, VIRTIO_CONFIG_S_DRIVER_OK);
}

/* First word of a slot's buffer. */
static void mark(struct ring *r, unsigned slot, uint64_t value)
{
	memcpy(r->data + (size_t)slot * BLOCK, &value, sizeof(value));
}

static bool marked(const struct ring *r, unsigned slot, uint64_t value)
{
	return !memcmp(r->data + (size_t)slot * BLOCK, &value, sizeof(value));
}

void ring_post(struct ring *r, unsigned slot, uint32_t type, uint64_t block)
{
	bool read = type == VIRTIO_BLK_T_IN;

	r->header[slot].type = type;
	r->header[slot].sector = block * SECTORS;
	r->desc[slot * 3 + 1].flags = VRING_DESC_F_NEXT | (read ? VRING_DESC_F_WRITE : 0);
	r->status[slot] = 0xff;
	mark(r, slot, read ? POISON : block + 1);
	r->avail->ring[r->avail_idx % RING_SIZE] = (uint16_t)(slot * 3);
	r->avail_idx++;
	/* Pairs with the device's acquire of avail.idx (2.7.13.3). */
	__atomic_store_n(&r->avail->idx, r->avail_idx, __ATOMIC_RELEASE);
}

void ring_kick(struct ring *r)
{
	uint16_t *avail_event = (uint16_t *)&r->used->ring[RING_SIZE], old = r->kicked_idx;

	/* Pairs with the device's fence in virtq_enable_kicks() (2.7.13.4.1). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	r->kicked_idx = r->avail_idx;
	if (!vring_need_event(__atomic_load_n(avail_event, __ATOMIC_RELAXED), r->avail_idx, old))
		return;
	r->kicks++;
	/* Fails only when 2^64-2 kicks wait: then one is pending anyway. */
	(void)!eventfd_write(r->kick_fd, 1);
}

static bool used_pending(const struct ring *r)
{
	/* Pairs with the device's release of used.idx (2.7.8.2). */
	return __atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE) != r->used_idx;
}

int ring_take(struct ring *r)
{
	const struct vring_used_elem *elem = &r->used->ring[r->used_idx % RING_SIZE];
	unsigned slot;
	bool read;

	if (!used_pending(r))
		return -EAGAIN;
	r->used_idx++;
	slot = elem->id / 3;
	if (elem->id % 3 || slot >= RING_SLOTS || r->status[slot] != VIRTIO_BLK_S_OK)
		return -EIO;
	read = r->header[slot].type == VIRTIO_BLK_T_IN;
	if (elem->len != (read ? BLOCK + 1 : 1) || (read && marked(r, slot, POISON)))
		return -EIO;
	return (int)slot;
}

void ring_sleep(struct ring *r)
{
	uint64_t n;

	__atomic_store_n(&r->avail->ring[RING_SIZE], r->used_idx, __ATOMIC_RELAXED);
	/* Pairs with the device's fence in virtq_publish() (2.7.7.2). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (used_pending(r))
		return;
	(void)!read(r->irq_fd, &n, sizeof(n));
}
