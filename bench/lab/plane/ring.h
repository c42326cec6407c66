/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver's end of one virtio-blk queue, made to be timed: split ring,
 * EVENT_IDX both ways, kick and interrupt by eventfds that a sleeper waits on.
 * A slot is one request of BLOCK bytes; its three descriptors and its buffer
 * never change, so that the driver costs little beside the device.
 *
 * ring_open(), ring_close() and the calls from ring_post() on belong to the
 * driver's thread; ring_attach() to the device's, which stands for the vCPU
 * whose register accesses the device thread answers.
 */
#ifndef KTSTR_BENCH_LAB_PLANE_RING_H
#define KTSTR_BENCH_LAB_PLANE_RING_H

#include <linux/virtio_blk.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

#include "virtio/mmio.h"

#define BLOCK 4096u
#define RING_SIZE 128u
#define RING_SLOTS (RING_SIZE / 3)

struct ring {
	struct guest_memory mem;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	struct virtio_blk_outhdr *header; /* RING_SLOTS of each */
	uint8_t *status;
	uint8_t *data;
	uint16_t avail_idx, kicked_idx, used_idx;
	int kick_fd, irq_fd;
	uint64_t kicks;
};

/* Guest memory and eventfds; 0 or a negative errno. */
int ring_open(struct ring *r);
void ring_close(struct ring *r);
/* Reset to DRIVER_OK (3.1.1). 0, or -EPROTO when the device refuses a step. */
int ring_attach(struct ring *r, struct virtio_device *d);

/* Make slot @slot available as a request of @type for block @block. */
void ring_post(struct ring *r, unsigned slot, uint32_t type, uint64_t block);
/* Kick, if the device wants one for what was posted since the last call (2.7.13.4). */
void ring_kick(struct ring *r);
/* Take one used entry: its slot, -EAGAIN when there is none, or -EIO when the
 * request failed, moved other than BLOCK bytes, or left a read's buffer as it was. */
int ring_take(struct ring *r);
/* Sleep until the device interrupts for a used entry that is not taken yet (2.7.7). */
void ring_sleep(struct ring *r);

#endif
