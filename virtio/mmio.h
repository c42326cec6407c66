/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtio-mmio transport, version 2 (virtio 1.2, 4.2). One struct per device;
 * the device embeds it and gives its operations. It names no hypervisor: it is
 * given guest memory, an eventfd or a function that interrupts, and is called for
 * register accesses and for kicks. All calls come from the reactor thread.
 */
#ifndef KTSTR_VIRTIO_MMIO_H
#define KTSTR_VIRTIO_MMIO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio/memory.h"
#include "virtio/virtqueue.h"

#define VIRTIO_MMIO_SIZE 0x1000u
#define VIRTIO_MMIO_CONFIG 0x100
#define VIRTIO_QUEUES_MAX 8

struct virtio_device;

struct virtio_device_ops {
	const char *name;   /* "blk", for messages */
	uint32_t device_id; /* 1 net, 2 blk, 3 console */
	unsigned n_queues;
	/* Device configuration space; @offset from VIRTIO_MMIO_CONFIG, any @len. */
	void (*config_read)(struct virtio_device *d, uint32_t offset, void *buf, unsigned len);
	void (*config_write)(struct virtio_device *d, uint32_t offset, const void *buf, unsigned len);
	/* DRIVER_OK was accepted; queues are started. Every queue is then
	 * kicked once by the transport: a kick that came early was lost. */
	void (*activate)(struct virtio_device *d);
	/* Queue @q has work, perhaps. Never called before activate or after reset. */
	void (*kick)(struct virtio_device *d, unsigned q);
	/* Stop using guest memory. Return true when nothing is in flight any
	 * more; false: virtio_reset_done() will be called later. */
	bool (*reset)(struct virtio_device *d);
	/* Counts a poisoned queue: @avail_idx tells MM-23 from MM-24. */
	void (*poisoned)(struct virtio_device *d, unsigned q, bool avail_idx);
};

/* Messages, counted, of which some are shown. */
struct virtio_log {
	uint64_t count;
	uint64_t window_ns;
	unsigned budget;
};

struct virtio_device {
	const struct virtio_device_ops *ops;
	uint64_t features;	  /* offered */
	uint64_t driver_features; /* accepted */
	uint32_t features_sel, driver_features_sel, queue_sel;
	uint32_t status;
	_Atomic uint32_t interrupt_status;
	_Atomic uint32_t config_generation;
	uint64_t interrupts; /* that were raised */
	uint8_t *page;	     /* virtio_registers_show(), or NULL */
	const struct guest_memory *mem;
	int irq_fd;
	bool active;	/* DRIVER_OK seen, not reset, not poisoned */
	bool resetting; /* reset asked for, I/O still in flight */
	/* Called when a register write that returned false has taken effect. */
	void (*settled)(struct virtio_device *d, void *ctx);
	void *settled_ctx;
	/* A reset did not get through: the host still has guest memory, and the guest must not go on. NULL: the device
	 * fails, and its driver is trusted to leave that memory alone. */
	void (*stuck)(struct virtio_device *d, void *ctx, const char *why);
	void *stuck_ctx;
	/* Interrupts the driver instead of a write to irq_fd, unless NULL. False: it could not. */
	bool (*interrupt)(struct virtio_device *d, void *ctx);
	void *interrupt_ctx;
	struct virtqueue vq[VIRTIO_QUEUES_MAX];
	struct virtio_log guest_errors; /* through virtio_guest_error() */
	struct virtio_log host_errors;	/* through virtio_host_error() */
	bool warned_no_memory;
};

void virtio_device_init(struct virtio_device *d, const struct virtio_device_ops *ops, uint64_t features,
			uint16_t queue_size_max);

/*
 * Closing. Whatever a device has in flight, it is closed in this order:
 *  1. Its owner shuts the streams that it feeds or that feed it (source_shut(), sink_shut()) and closes timers. No
 *     handler of theirs is called any more, and nothing here steps the ring.
 *  2. virtio_device_detach(): the device is reset, and from then on calls nobody: no interrupt, consumer, observer or
 *     completed reset. It returns false if the host still does I/O on guest memory; that memory must stay until 3.
 *  3. The device's own destroy: blk_destroy(), net_destroy(), console_destroy(). It steps the ring until what is in
 *     flight has ended, and the handlers of all others run meanwhile. Hence 1 and 2 come first for all of them.
 *  4. Guest memory and the VM go, unless a destroy has failed: then the kernel still uses that memory.
 *  5. The reactor, which 3 has used.
 * A VM does 2 for all its devices in vm_remove_devices().
 */
bool virtio_device_detach(struct virtio_device *d);

/* Register access at @offset in 0..0xfff. A write returns true when it has
 * taken effect, false when a reset waits for I/O: the vCPU must not go on
 * before @settled was called. */
void virtio_mmio_read(struct virtio_device *d, uint32_t offset, void *data, unsigned len);
bool virtio_mmio_write(struct virtio_device *d, uint32_t offset, const void *data, unsigned len);
/* What QueueNotify does; called for a kick that came by eventfd. */
void virtio_mmio_kick(struct virtio_device *d, uint32_t queue);

/* Set bits of InterruptStatus (first), then interrupt the driver. */
#define VIRTIO_INT_VRING 1u
#define VIRTIO_INT_CONFIG 2u
void virtio_raise(struct virtio_device *d, uint32_t bits);
/*
 * Keep the registers up to date in @page (VIRTIO_MMIO_SIZE bytes), from which
 * the guest reads them without leaving the guest; its writes still come to
 * virtio_mmio_write(). While the driver runs, bit VIRTIO_INT_VRING of
 * InterruptStatus then stays up, so that acknowledging it needs no answer:
 * whoever gives a page lets writes of exactly VIRTIO_INT_VRING to InterruptACK
 * come to nothing, and hands over every other one. (Cleared late, it would
 * take a later interrupt with it; a driver that finds it up looks at its
 * queues, which is right after any interrupt.) NULL: no page.
 */
void virtio_registers_show(struct virtio_device *d, uint8_t *page);
/* A device's asynchronous reset is through. */
void virtio_reset_done(struct virtio_device *d);
/* It did not get through in bounded time: @stuck ends the machine, and the write never settles, for drivers don't read
 * the status back, and a late transfer would fall into memory that is something else by now. Without @stuck the device
 * is failed (FAILED and DEVICE_NEEDS_RESET), the write settles, and the next reset tries again. */
void virtio_reset_failed(struct virtio_device *d, const char *why);
/* What config_read() does for a constant layout: [offset, offset+len) of
 * @config; @fill beyond its end. */
void virtio_config_copy(const void *config, size_t size, uint32_t offset, void *buf, unsigned len, uint8_t fill);

/*
 * The one choke point for a queue that can't be trusted any more: counts by
 * ops->poisoned, sets DEVICE_NEEDS_RESET, raises the config interrupt once.
 * @pop_error is what virtq_pop() returned.
 */
void virtio_poison(struct virtio_device *d, unsigned q, int pop_error);
/* The one choke point for a guest error that is not fatal: count, and log at
 * most 10 lines in 5 s to stderr. */
void virtio_guest_error(struct virtio_device *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same for what the host failed to do for the guest. */
void virtio_host_error(struct virtio_device *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
