/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtio driver in the same process: the other side of a struct
 * virtio_device, over anonymous guest memory, through the mmio registers and
 * the rings only. It can also do what no honest driver does: see the raw calls.
 *
 *	struct driver d;
 *	driver_open(&d, blk_device(b), 16 << 20);
 *	driver_init(&d, 1ull << VIRTIO_F_VERSION_1, 1, 256);
 *	head = driver_add(&d, 0, segs, n);
 *	driver_kick(&d, 0);
 *	driver_wait(&d, reactor, 0, 1);
 *	driver_used(&d, 0, &head, &len);
 *
 * Every setup failure is a failed cmocka assertion. Memory regions lie between
 * PROT_NONE pages, so that a stray access ends the test.
 */
#ifndef KTSTR_TESTS_VIRTIO_DRIVER_H
#define KTSTR_TESTS_VIRTIO_DRIVER_H

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reactor/reactor.h"
#include "virtio/mmio.h"

#define DRIVER_RAM_GPA 0x100000ull
#define DRIVER_STATUS_READY 0x0fu /* ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK */

struct driver_queue {
	uint16_t size;
	uint64_t desc_gpa, avail_gpa, used_gpa;
	struct vring_desc *desc; /* host view of the rings */
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t avail_idx;  /* next avail.idx */
	uint16_t kicked_idx; /* avail_idx when driver_kick_wanted() was last asked */
	uint16_t used_idx;   /* used entries taken */
	uint16_t free_head, n_free;
	uint16_t next[VIRTQ_SIZE_MAX];	    /* free list, and the links of a chain in use */
	uint16_t chain_len[VIRTQ_SIZE_MAX]; /* by head; 0: not in use */
};

struct driver {
	struct virtio_device *dev;
	struct guest_memory mem;
	uint64_t heap, heap_end; /* bump allocator in the first region */
	int irq_fd;
	bool event_idx;
	struct driver_queue q[VIRTIO_QUEUES_MAX];
};

/* By which turns are measured: nothing takes time while this is false. */
extern bool driver_clock_runs;
uint64_t __wrap_reactor_read_clock(struct reactor *r);
uint64_t __real_reactor_read_clock(struct reactor *r);

/* One segment of a chain to build. */
struct driver_seg {
	uint64_t gpa;
	uint32_t len;
	bool writable;
};

/* Memory, eventfd, and both given to @dev. @dev may be NULL: memory only. */
void driver_open(struct driver *d, struct virtio_device *dev, size_t ram_size);
/* One more region (page-aligned), anywhere that is free. Returns its host address. */
uint8_t *driver_add_region(struct driver *d, uint64_t gpa, size_t size);
/* The device must not use the memory any more. */
void driver_close(struct driver *d);

/* Guest memory from the first region; zeroed at first use, never given back. */
uint64_t driver_alloc(struct driver *d, uint64_t size, uint64_t align);
void *driver_ptr(const struct driver *d, uint64_t gpa, uint64_t len);

/* Registers. */
uint32_t driver_read(const struct driver *d, uint32_t offset);
bool driver_write(struct driver *d, uint32_t offset, uint32_t value);
uint64_t driver_device_features(struct driver *d);

/* The steps of 3.1.1, one by one ... */
bool driver_reset(struct driver *d);
/* ACKNOWLEDGE, DRIVER, features, FEATURES_OK: whether the device took them. */
bool driver_negotiate(struct driver *d, uint64_t features);
/* Ring memory for queue @q and its registers. */
void driver_setup_queue(struct driver *d, unsigned q, uint16_t size);
bool driver_ok(struct driver *d);
/* ... and all of them: reset, negotiate, @n_queues queues of @size, DRIVER_OK. */
void driver_init(struct driver *d, uint64_t features, unsigned n_queues, uint16_t size);

/* Build a chain of @n segments from free descriptors and make it available.
 * Returns its head, or -1 when there are not enough free descriptors. */
int driver_add(struct driver *d, unsigned q, const struct driver_seg *seg, unsigned n);
/* Write QueueNotify, whether the device wants it or not. */
void driver_kick(struct driver *d, unsigned q);
/* Whether the device wants a kick for what was added since this was last asked
 * (2.7.13.4); honest drivers kick only then. */
bool driver_kick_wanted(struct driver *d, unsigned q);

/* Take one used entry: true and its head and length. Frees the descriptors;
 * asserts that the head was in use. */
bool driver_used(struct driver *d, unsigned q, uint16_t *head, uint32_t *len);
/* Used entries not taken yet. */
unsigned driver_used_count(const struct driver *d, unsigned q);
/* Step @r until @n used entries wait, at most about 10 s: true when they do. */
bool driver_wait(struct driver *d, struct reactor *r, unsigned q, unsigned n);

/* Interrupts since the last call, from the eventfd. */
uint64_t driver_irqs(struct driver *d);
/* InterruptStatus, acknowledged. */
uint32_t driver_ack(struct driver *d);
void driver_set_used_event(struct driver *d, unsigned q, uint16_t idx);
uint16_t driver_avail_event(const struct driver *d, unsigned q);

/* Raw: what no honest driver does. */
void driver_raw_desc(struct driver *d, unsigned q, uint16_t i, uint64_t gpa, uint32_t len, uint16_t flags,
		     uint16_t next);
void driver_raw_avail(struct driver *d, unsigned q, uint16_t head); /* into the ring, idx + 1 */
void driver_raw_avail_idx(struct driver *d, unsigned q, uint16_t idx);
/* Point a queue's rings elsewhere; between driver_negotiate() and driver_ok(). */
void driver_raw_rings(struct driver *d, unsigned q, uint64_t desc, uint64_t avail, uint64_t used);

#endif
