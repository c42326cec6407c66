/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtio-mmio transport, version 2 (virtio 1.2, 4.2). A device embeds struct virtio_device and provides operations. The
 * transport knows no hypervisor: it is given guest memory and an eventfd or a function that interrupts, and is called
 * for register accesses and kicks. All calls are made on the reactor thread.
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
	/* DRIVER_OK was accepted, and the queues are started. The transport then kicks each of them once, for an
	 * earlier kick was lost. */
	void (*activate)(struct virtio_device *d);
	/* Queue @q may have work. Not called before activate or after reset. */
	void (*kick)(struct virtio_device *d, unsigned q);
	/* Stop using guest memory. True: nothing is in flight; false: virtio_reset_done() is called later. */
	bool (*reset)(struct virtio_device *d);
	/* Count a poisoned queue. @avail_idx: true for MM-23, false for MM-24. */
	void (*poisoned)(struct virtio_device *d, unsigned q, bool avail_idx);
};

/* Messages that are counted, and shown up to a limit. */
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
	uint64_t interrupts; /* raised */
	uint8_t *page;	     /* virtio_registers_show(), or NULL */
	const struct guest_memory *mem;
	int irq_fd;
	bool active;	/* DRIVER_OK seen, not reset, not poisoned */
	bool resetting; /* the driver has reset it, and I/O is still in flight */
	/* A register write that returned false has taken effect. */
	void (*settled)(struct virtio_device *d, void *ctx);
	void *settled_ctx;
	/* A reset did not complete: the host still uses guest memory, and the guest must not continue. NULL: the device
	 * fails, and its driver is trusted not to reuse that memory. */
	void (*stuck)(struct virtio_device *d, void *ctx, const char *why);
	void *stuck_ctx;
	/* If not NULL: interrupt the driver by this rather than by irq_fd. False: it failed. */
	bool (*interrupt)(struct virtio_device *d, void *ctx);
	void *interrupt_ctx;
	struct virtqueue vq[VIRTIO_QUEUES_MAX];
	struct virtio_log guest_errors; /* of virtio_guest_error() */
	struct virtio_log host_errors;	/* of virtio_host_error() */
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

/* Register access at @offset in 0..0xfff. A write returns true if it has taken effect; false: a reset waits for I/O,
 * and the vCPU must not continue before @settled is called. */
void virtio_mmio_read(struct virtio_device *d, uint32_t offset, void *data, unsigned len);
bool virtio_mmio_write(struct virtio_device *d, uint32_t offset, const void *data, unsigned len);
/* The effect of QueueNotify; for kicks that come by eventfd. */
void virtio_mmio_kick(struct virtio_device *d, uint32_t queue);

/* Set bits of InterruptStatus, then interrupt the driver. */
#define VIRTIO_INT_VRING 1u
#define VIRTIO_INT_CONFIG 2u
void virtio_raise(struct virtio_device *d, uint32_t bits);
/*
 * Keep the registers up to date in @page (VIRTIO_MMIO_SIZE bytes); NULL: no page. The guest reads them there without an
 * exit; its writes still go to virtio_mmio_write(). While the driver runs, VIRTIO_INT_VRING stays set in the page's
 * InterruptStatus, so that acknowledging it needs no exit to user space: the provider of the page drops writes of
 * exactly VIRTIO_INT_VRING to InterruptACK, and passes on all others. (If the bit were cleared late, a later interrupt
 * would be lost. A driver that finds it set looks at its queues, which is right after any interrupt.)
 */
void virtio_registers_show(struct virtio_device *d, uint8_t *page);
/* A device's asynchronous reset has completed. */
void virtio_reset_done(struct virtio_device *d);
/* It did not complete in bounded time. @stuck ends the machine and the write never takes effect: drivers don't read the
 * status back, and a late transfer would overwrite memory that has another use by then. Without @stuck the device fails
 * (FAILED and DEVICE_NEEDS_RESET), the write takes effect, and the next reset tries again. */
void virtio_reset_failed(struct virtio_device *d, const char *why);
/* config_read() of a constant layout: bytes [offset, offset+len) of @config, @fill beyond its end. */
void virtio_config_copy(const void *config, size_t size, uint32_t offset, void *buf, unsigned len, uint8_t fill);

/*
 * A queue can't be trusted any more; the only way to say so. Counts by ops->poisoned, sets DEVICE_NEEDS_RESET and
 * raises the config interrupt once. @pop_error is what virtq_pop() returned.
 */
void virtio_poison(struct virtio_device *d, unsigned q, int pop_error);
/* A guest error that is not fatal; the only way to say so. Counted; at most 10 lines in 5 s are logged to stderr. */
void virtio_guest_error(struct virtio_device *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same for what the host has failed to do for the guest. */
void virtio_host_error(struct virtio_device *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
