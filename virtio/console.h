/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtio-console (virtio 1.2, 5.3) with MULTIPORT: three ports, eight queues.
 *   port 0 "ktstr-console"  hvc0: stdin, stdout, wake bytes
 *   port 1 "ktstr-bulk"     the TLV stream of virtio/wire.h
 *   port 2 "ktstr-stats"    raw bytes to and from the scheduler's statistics
 */
#ifndef KTSTR_VIRTIO_CONSOLE_H
#define KTSTR_VIRTIO_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reactor/reactor.h"
#include "virtio/mmio.h"

#define CONSOLE_PORTS 3
#define CONSOLE_PORT_CONSOLE 0
#define CONSOLE_PORT_BULK 1
#define CONSOLE_PORT_STATS 2

struct console;
int console_create(struct console **out, struct reactor *r);
struct virtio_device *console_device(struct console *c);

/*
 * Guest to host. @fn gets the bytes of @port in order, on the reactor thread. It must take all of them, and must not
 * step the ring. While a port is held, the device pops no TX chain of it, so that the guest blocks: that is the
 * back-pressure of a full sink (sink_full()). A port without a consumer keeps 256 KiB for a later one, then blocks too.
 * On ports 1 and 2 the writer sleeps meanwhile. On port 0 Linux's hvc driver spins with interrupts off until its buffer
 * is used, so hold that port only for a short time.
 */
typedef void (*console_consumer)(void *ctx, unsigned port, const uint8_t *data, size_t len);
void console_consume(struct console *c, unsigned port, console_consumer fn, void *ctx);
void console_hold(struct console *c, unsigned port, bool hold);

/* Host to guest: queued without bound, delivered as the guest provides buffers. 0 or -ENOMEM. */
int console_send(struct console *c, unsigned port, const void *data, size_t len);
/* Bytes queued on @port and not yet delivered. */
size_t console_backlog(const struct console *c, unsigned port);
/* Call @fn each time the backlog of @port falls to @low or below. It is not called from within console_send(), so it
 * may send. */
void console_on_backlog(struct console *c, unsigned port, size_t low, void (*fn)(void *ctx, unsigned port), void *ctx);

/* After the vCPUs have stopped: take what is left in the guest's TX rings. */
void console_final_drain(struct console *c);

struct console_counters {
	struct {
		uint64_t tx_bytes, rx_bytes, backlog_max;
	} port[CONSOLE_PORTS];
	uint64_t control_in, control_out, invalid_avail_idx_count, ring_errors;
};
const struct console_counters *console_counters(const struct console *c);
void console_destroy(struct console *c);

#endif
