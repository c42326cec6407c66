/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The console device inside: console.c is the device, control.c the control
 * protocol (5.3.6.2), port.c the data of a port, refill.c when a
 * reader that is behind gets more, owed.c when a writer gets its interrupt.
 *
 * Every entry from outside is one turn: console_begin(), service queues,
 * console_end(). Servicing only moves bytes and writes used entries; the
 * interrupt, the poisoning and then the callbacks come in console_end(), in
 * that order. What an entry nested in a callback asks for, and what reached a
 * bound, goes on by @again in a later wake of the reactor.
 */
#ifndef KTSTR_VIRTIO_CONSOLE_INTERNAL_H
#define KTSTR_VIRTIO_CONSOLE_INTERNAL_H

#include <linux/virtio_console.h>

#include "virtio/console.h"
#include "virtio/console/fifo.h"
#include "virtio/console/txbuf.h"
#include "virtio/drain.h"

#define CONSOLE_QUEUES (2 + 2 * CONSOLE_PORTS)
#define CONSOLE_QUEUE_SIZE 256
#define CONSOLE_CONTROL_IN 2  /* c_ivq: host to guest */
#define CONSOLE_CONTROL_OUT 3 /* c_ovq: guest to host */

/* Bounds of one call, so that no guest holds the reactor. */
#define CONSOLE_TX_DESC_MAX (32u << 10)
#define CONSOLE_TX_PER_CALL_MAX (256u << 10)
#define CONSOLE_SALVAGE_MAX (2 * CONSOLE_TX_PER_CALL_MAX) /* waiting, beyond which a reset takes no more */
#define CONSOLE_RX_PER_CALL_MAX (1u << 20)
#define CONSOLE_CONTROL_CHAINS_PER_CALL_MAX 32u
#define CONSOLE_RX_CHAINS_PER_CALL_MAX 64u
#define CONSOLE_TX_FINAL_MAX (16u << 20) /* two rings full of the longest descriptors */

/* How late writers get their interrupt: owed.c. */
#define CONSOLE_OWED_NS_MIN 62500ull
#define CONSOLE_OWED_NS_MAX 4000000ull
/* How late buffers for a backlog are filled at most, where the reader has others to read: refill.c. */
#define CONSOLE_REFILL_NS_MIN 62500ull
#define CONSOLE_REFILL_NS_MAX 4000000ull

/* PORT_ADD for each port, then CONSOLE_PORT once, PORT_NAME and PORT_OPEN for
 * each: every message is sent at most once between two resets. */
#define CONSOLE_CONTROL_PENDING_MAX (3 * CONSOLE_PORTS + 1)

struct console_port {
	unsigned id;
	bool opened;  /* PORT_OPEN(1) came; not asked for port 0 */
	bool readied; /* PORT_READY(1) came */
	bool held;

	struct txbuf tx;
	bool tx_fresh;	  /* tx has bytes the consumer has not seen */
	unsigned tx_skip; /* segments of the next TX chain that are taken already */
	console_consumer consumer;
	void *consumer_ctx;

	struct fifo rx;
	/* Buffers given with bytes in them, and those left in the ring, when it was served last; refill.c */
	unsigned rx_given, rx_left;
	bool rx_dry;	    /* bytes were left then, and no buffer */
	uint64_t rx_due_ns; /* when buffers that are there must be filled, 0: none was seen */
	uint64_t rx_wait_ns;
	bool rx_above; /* the backlog was above rx_low */
	size_t rx_low;
	void (*on_backlog)(void *ctx, unsigned port);
	void *backlog_ctx;
};

/* An interrupt that is wanted for descriptors of TX rings that were given back without it; owed.c */
struct owed {
	unsigned descriptors;
	uint64_t from_ns, last_ns; /* when the first of them was, and the last */
	uint64_t wait_ns;
	uint64_t sent_ns; /* when the last one was sent because it was time; 0: it was sent for another reason */
	struct timer time;
};

struct console {
	struct virtio_device dev;
	struct reactor *r;
	struct console_port port[CONSOLE_PORTS];

	bool device_ready;
	struct virtio_console_control control[CONSOLE_CONTROL_PENDING_MAX];
	unsigned control_head, control_n; /* a ring */

	bool live;    /* from DRIVER_OK to reset, poisoned or not */
	bool busy;    /* inside a turn */
	bool sending; /* within console_send() */
	bool irq;     /* a queue that was serviced wants an interrupt */
	struct owed owed;
	struct turn tx_turn, rx_turn, control_turn;
	struct drain drain[CONSOLE_QUEUES];
	struct selfkick again;
	struct poller poller;
	struct timer refill;

	struct virtq_chain chain;
	struct console_counters counters;
};

/* Ports 1 and 2 and the control queues exist only for a multiport driver. */
static inline bool console_multiport(const struct console *c)
{
	return c->dev.driver_features >> VIRTIO_CONSOLE_F_MULTIPORT & 1;
}

static inline unsigned port_rx_queue(unsigned port)
{
	return port ? 2 + 2 * port : 0;
}

static inline unsigned port_tx_queue(unsigned port)
{
	return port_rx_queue(port) + 1;
}

/* The port of queue @q and its direction; -1: a control queue, or none. */
int console_queue_port(unsigned q, bool *tx);

/* Write the used element of c->chain. */
void console_push(struct console *c, unsigned q, uint32_t len);
/* Copy @len bytes to the device-writable segments of c->chain: 0, -ENOSPC when
 * they are too small, -EFAULT when unmapped. */
int console_chain_write(struct console *c, const void *data, size_t len);

/* One turn: the queues of @queues are serviced, and an interrupt is sent if one is wanted. */
void console_turn(struct console *c, uint32_t queues);
/* The end of a turn: interrupt, poisoning, callbacks, in this order. */
void console_end(struct console *c);

/* Service one queue, within the caps. */
void control_service_in(struct console *c);
void control_service_out(struct console *c);
void port_service_rx(struct console *c, struct console_port *p);
void port_service_tx(struct console *c, struct console_port *p);

/* Whether what is in the RX ring is to be filled now; and what else refill.c
 * does: before it is filled, and before the reactor sleeps while bytes wait
 * (true: it is due after all). */
bool refill_is_due(const struct console *c, struct console_port *p);
void refill_begin(const struct console *c, struct console_port *p);
bool refill_rest(struct console *c, struct console_port *p);

/* 0 or -errno of timer_open(). */
int owed_open(struct console *c);
void owed_close(struct console *c);
/* @descriptors of @vq were given back: an interrupt is owed, and comes in this turn or later. */
void owed_add(struct console *c, const struct virtqueue *vq, unsigned descriptors);
/* An interrupt is sent, or nobody is left to take it. */
void owed_clear(struct console *c);
/* Whether it is time for it. */
bool owed_is_due(struct console *c);
/* Have the timer see to it, before the reactor sleeps. */
void owed_rest(struct console *c);

/* The queues of @p on which something may come that must be served, a bit each. */
uint32_t port_open_queues(const struct console *c, const struct console_port *p);

/* Move bytes from the TX ring to p->tx, whether the port is held or not, until @d ends; the last chain may cross its
 * bound. @complete: write used elements. */
void port_take_tx(struct console *c, struct console_port *p, struct drain *d, bool complete);
/* The same without a word to the driver, and of at most @max bytes. */
void port_take_tx_silently(struct console *c, struct console_port *p, size_t max, bool complete);
void port_deliver(struct console_port *p);
/* port_report_backlog() would call. */
bool port_backlog_is_low(const struct console_port *p);
void port_report_backlog(struct console_port *p);

#endif
