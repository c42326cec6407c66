/* SPDX-License-Identifier: GPL-2.0-only */
#include "tests/virtio/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096ull
#define WAIT_NS 10000000000ull

uint8_t *driver_add_region(struct driver *d, uint64_t gpa, size_t size)
{
	struct guest_memory *m = &d->mem;
	unsigned i = m->n;
	uint8_t *p;

	assert_true(m->n < GUEST_MEMORY_REGIONS_MAX && gpa % PAGE == 0 && size % PAGE == 0 && size);
	p = mmap(NULL, size + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(p != MAP_FAILED);
	p += PAGE;
	assert_int_equal(mprotect(p, size, PROT_READ | PROT_WRITE), 0);
	while (i > 0 && m->region[i - 1].gpa > gpa) {
		m->region[i] = m->region[i - 1];
		i--;
	}
	m->region[i] = (struct guest_region){ .gpa = gpa, .size = size, .hva = p };
	m->n++;
	return p;
}

void driver_open(struct driver *d, struct virtio_device *dev, size_t ram_size)
{
	memset(d, 0, sizeof(*d));
	d->dev = dev;
	driver_add_region(d, DRIVER_RAM_GPA, ram_size);
	d->heap = DRIVER_RAM_GPA;
	d->heap_end = DRIVER_RAM_GPA + ram_size;
	d->irq_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert_true(d->irq_fd >= 0);
	if (dev) {
		dev->mem = &d->mem;
		dev->irq_fd = d->irq_fd;
	}
}

void driver_close(struct driver *d)
{
	for (unsigned i = 0; i < d->mem.n; i++)
		munmap(d->mem.region[i].hva - PAGE, d->mem.region[i].size + 2 * PAGE);
	close(d->irq_fd);
	d->mem.n = 0;
}

uint64_t driver_alloc(struct driver *d, uint64_t size, uint64_t align)
{
	uint64_t gpa = (d->heap + align - 1) & ~(align - 1);

	assert_true(gpa + size <= d->heap_end);
	d->heap = gpa + size;
	return gpa;
}

void *driver_ptr(const struct driver *d, uint64_t gpa, uint64_t len)
{
	void *p = guest_memory_at(&d->mem, gpa, len);

	assert_non_null(p);
	return p;
}

uint32_t driver_read(const struct driver *d, uint32_t offset)
{
	uint32_t value = 0;

	virtio_mmio_read(d->dev, offset, &value, 4);
	return value;
}

bool driver_write(struct driver *d, uint32_t offset, uint32_t value)
{
	return virtio_mmio_write(d->dev, offset, &value, 4);
}

uint64_t driver_device_features(struct driver *d)
{
	uint64_t low;

	driver_write(d, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	low = driver_read(d, VIRTIO_MMIO_DEVICE_FEATURES);
	driver_write(d, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	return (uint64_t)driver_read(d, VIRTIO_MMIO_DEVICE_FEATURES) << 32 | low;
}

bool driver_reset(struct driver *d)
{
	return driver_write(d, VIRTIO_MMIO_STATUS, 0);
}

bool driver_clock_runs;

uint64_t __wrap_reactor_read_clock(struct reactor *r)
{
	return driver_clock_runs ? __real_reactor_read_clock(r) : reactor_clock_ns(r);
}

static bool add_status(struct driver *d, uint32_t bit)
{
	uint32_t status = driver_read(d, VIRTIO_MMIO_STATUS) | bit;

	driver_write(d, VIRTIO_MMIO_STATUS, status);
	return driver_read(d, VIRTIO_MMIO_STATUS) == status;
}

bool driver_negotiate(struct driver *d, uint64_t features)
{
	if (!add_status(d, VIRTIO_CONFIG_S_ACKNOWLEDGE) || !add_status(d, VIRTIO_CONFIG_S_DRIVER))
		return false;
	driver_write(d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	driver_write(d, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
	driver_write(d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	driver_write(d, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32));
	d->event_idx = features >> VIRTIO_RING_F_EVENT_IDX & 1;
	return add_status(d, VIRTIO_CONFIG_S_FEATURES_OK);
}

static void write_address(struct driver *d, uint32_t low_register, uint64_t gpa)
{
	driver_write(d, low_register, (uint32_t)gpa);
	driver_write(d, low_register + 4, (uint32_t)(gpa >> 32));
}

void driver_raw_rings(struct driver *d, unsigned q, uint64_t desc, uint64_t avail, uint64_t used)
{
	driver_write(d, VIRTIO_MMIO_QUEUE_SEL, q);
	write_address(d, VIRTIO_MMIO_QUEUE_DESC_LOW, desc);
	write_address(d, VIRTIO_MMIO_QUEUE_AVAIL_LOW, avail);
	write_address(d, VIRTIO_MMIO_QUEUE_USED_LOW, used);
}

void driver_setup_queue(struct driver *d, unsigned q, uint16_t size)
{
	struct driver_queue *vq = &d->q[q];
	uint64_t avail_bytes = 6 + 2ull * size, used_bytes = 6 + 8ull * size;

	if (vq->size != size) {
		vq->desc_gpa = driver_alloc(d, 16ull * size, 16);
		vq->avail_gpa = driver_alloc(d, avail_bytes, 2);
		vq->used_gpa = driver_alloc(d, used_bytes, 4);
	}
	vq->size = size;
	vq->desc = driver_ptr(d, vq->desc_gpa, 16ull * size);
	vq->avail = driver_ptr(d, vq->avail_gpa, avail_bytes);
	vq->used = driver_ptr(d, vq->used_gpa, used_bytes);
	memset(vq->desc, 0, 16ull * size);
	memset(vq->avail, 0, avail_bytes);
	memset(vq->used, 0, used_bytes);
	vq->avail_idx = vq->kicked_idx = vq->used_idx = 0;
	vq->free_head = 0;
	vq->n_free = size;
	for (unsigned i = 0; i < size; i++) {
		vq->next[i] = (uint16_t)(i + 1);
		vq->chain_len[i] = 0;
	}
	driver_write(d, VIRTIO_MMIO_QUEUE_SEL, q);
	assert_true(driver_read(d, VIRTIO_MMIO_QUEUE_NUM_MAX) >= size);
	driver_write(d, VIRTIO_MMIO_QUEUE_NUM, size);
	driver_raw_rings(d, q, vq->desc_gpa, vq->avail_gpa, vq->used_gpa);
	driver_write(d, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_int_equal(driver_read(d, VIRTIO_MMIO_QUEUE_READY), 1);
}

bool driver_ok(struct driver *d)
{
	return add_status(d, VIRTIO_CONFIG_S_DRIVER_OK);
}

void driver_init(struct driver *d, uint64_t features, unsigned n_queues, uint16_t size)
{
	assert_true(driver_reset(d));
	assert_true(driver_negotiate(d, features));
	for (unsigned q = 0; q < n_queues; q++)
		driver_setup_queue(d, q, size);
	assert_true(driver_ok(d));
}

int driver_add(struct driver *d, unsigned q, const struct driver_seg *seg, unsigned n)
{
	struct driver_queue *vq = &d->q[q];
	uint16_t head = vq->free_head, i = head;

	if (n == 0 || n > vq->n_free)
		return -1;
	for (unsigned k = 0; k < n; k++) {
		bool last = k + 1 == n;

		driver_raw_desc(d, q, i, seg[k].gpa, seg[k].len,
				(uint16_t)((seg[k].writable ? VRING_DESC_F_WRITE : 0) | (last ? 0 : VRING_DESC_F_NEXT)),
				last ? 0 : vq->next[i]);
		i = vq->next[i];
	}
	vq->free_head = i;
	vq->n_free -= n;
	vq->chain_len[head] = (uint16_t)n;
	driver_raw_avail(d, q, head);
	return head;
}

void driver_kick(struct driver *d, unsigned q)
{
	driver_write(d, VIRTIO_MMIO_QUEUE_NOTIFY, q);
}

bool driver_kick_wanted(struct driver *d, unsigned q)
{
	struct driver_queue *vq = &d->q[q];
	uint16_t old = vq->kicked_idx, new = vq->avail_idx;

	/* Pairs with the device's fence in virtq_enable_kicks() (2.7.13.4.1). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	vq->kicked_idx = new;
	if (d->event_idx)
		return vring_need_event(driver_avail_event(d, q), new, old);
	return !(__atomic_load_n(&vq->used->flags, __ATOMIC_RELAXED) & VRING_USED_F_NO_NOTIFY);
}

unsigned driver_used_count(const struct driver *d, unsigned q)
{
	const struct driver_queue *vq = &d->q[q];

	return (uint16_t)(__atomic_load_n(&vq->used->idx, __ATOMIC_ACQUIRE) - vq->used_idx);
}

bool driver_used(struct driver *d, unsigned q, uint16_t *head, uint32_t *len)
{
	struct driver_queue *vq = &d->q[q];
	struct vring_used_elem elem;
	uint16_t tail;

	if (!driver_used_count(d, q))
		return false;
	elem = vq->used->ring[vq->used_idx % vq->size];
	vq->used_idx++;
	assert_true(elem.id < vq->size);
	*head = (uint16_t)elem.id;
	*len = elem.len;
	if (!vq->chain_len[*head]) /* made by the raw calls */
		return true;
	tail = *head;
	for (unsigned k = 1; k < vq->chain_len[*head]; k++)
		tail = vq->next[tail];
	vq->next[tail] = vq->free_head;
	vq->free_head = *head;
	vq->n_free += vq->chain_len[*head];
	vq->chain_len[*head] = 0;
	return true;
}

bool driver_wait(struct driver *d, struct reactor *r, unsigned q, unsigned n)
{
	uint64_t end = monotonic_ns() + WAIT_NS;

	while (driver_used_count(d, q) < n) {
		int err = reactor_step(r, false);

		assert_true(err >= 0);
		if (err == 0) {
			if (monotonic_ns() >= end)
				return false;
			usleep(20);
		}
	}
	return true;
}

uint64_t driver_irqs(struct driver *d)
{
	uint64_t n = 0;

	return read(d->irq_fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

uint32_t driver_ack(struct driver *d)
{
	uint32_t bits = driver_read(d, VIRTIO_MMIO_INTERRUPT_STATUS);

	driver_write(d, VIRTIO_MMIO_INTERRUPT_ACK, bits);
	return bits;
}

void driver_set_used_event(struct driver *d, unsigned q, uint16_t idx)
{
	__atomic_store_n(&d->q[q].avail->ring[d->q[q].size], idx, __ATOMIC_RELAXED);
	/* Pairs with the device's fence in virtq_publish() (2.7.7.2). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

uint16_t driver_avail_event(const struct driver *d, unsigned q)
{
	const struct driver_queue *vq = &d->q[q];

	return __atomic_load_n((uint16_t *)&vq->used->ring[vq->size], __ATOMIC_RELAXED);
}

void driver_raw_desc(struct driver *d, unsigned q, uint16_t i, uint64_t gpa, uint32_t len, uint16_t flags,
		     uint16_t next)
{
	d->q[q].desc[i] = (struct vring_desc){ .addr = gpa, .len = len, .flags = flags, .next = next };
}

void driver_raw_avail(struct driver *d, unsigned q, uint16_t head)
{
	struct driver_queue *vq = &d->q[q];

	vq->avail->ring[vq->avail_idx % vq->size] = head;
	driver_raw_avail_idx(d, q, (uint16_t)(vq->avail_idx + 1));
}

void driver_raw_avail_idx(struct driver *d, unsigned q, uint16_t idx)
{
	struct driver_queue *vq = &d->q[q];

	vq->avail_idx = idx;
	/* Pairs with the device's acquire of avail.idx (2.7.13.3). */
	__atomic_store_n(&vq->avail->idx, idx, __ATOMIC_RELEASE);
}
