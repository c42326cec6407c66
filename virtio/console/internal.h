/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the console device: console.c is the device, host.c what the host calls, control.c the control protocol
 * (5.3.6.2), port.c the data of a port, refill.c when a slow reader's buffers are filled, owed.c when a writer is
 * interrupted.
 *
 * console_turn() is every entry from outside: it services queues and calls console_end(). Servicing only moves bytes
 * and writes used entries. console_end() then interrupts, poisons, and calls back, in this order. What a callback asks
 * for, and what has reached a bound, is continued by the self-kick in a later wake.
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

/* Bounds of one turn, so that no guest blocks the reactor. */
#define CONSOLE_TX_DESC_MAX (32u << 10)
#define CONSOLE_TX_PER_CALL_MAX (256u << 10)
#define CONSOLE_SALVAGE_MAX (2 * CONSOLE_TX_PER_CALL_MAX) /* waiting bytes from which a reset salvages no more */
#define CONSOLE_RX_PER_CALL_MAX (1u << 20)
#define CONSOLE_CONTROL_CHAINS_PER_CALL_MAX 32u
#define CONSOLE_RX_CHAINS_PER_CALL_MAX 64u
#define CONSOLE_TX_FINAL_MAX (16u << 20) /* twice a ring full of the longest descriptors */

/* How long a writer's interrupt is held back: owed.c. */
#define CONSOLE_OWED_NS_MIN 62500ull
#define CONSOLE_OWED_NS_MAX 4000000ull
/* How long a reader that has others to read waits for a buffer to be filled: refill.c. */
#define CONSOLE_REFILL_NS_MIN 62500ull
#define CONSOLE_REFILL_NS_MAX 4000000ull

/* PORT_ADD, PORT_NAME and PORT_OPEN for each port and CONSOLE_PORT for one: each is sent at most once between resets.
 */
#define CONSOLE_CONTROL_PENDING_MAX (3 * CONSOLE_PORTS + 1)

struct console_port {
	unsigned id;
	bool opened;  /* PORT_OPEN(1) came; not required of port 0 */
	bool readied; /* PORT_READY(1) came */
	bool held;

	struct txbuf tx;
	bool tx_fresh;	  /* tx has bytes that the consumer has not seen */
	unsigned tx_skip; /* segments of the next TX chain that were taken already */
	console_consumer consumer;
	void *consumer_ctx;

	struct fifo rx;
	/* Buffers filled, and buffers left in the ring, at the last service; refill.c */
	unsigned rx_given, rx_left;
	bool rx_dry;	    /* then bytes were left, and no buffer */
	uint64_t rx_due_ns; /* when the buffers that are there must be filled; 0: no time is set */
	uint64_t rx_wait_ns;
	bool rx_above; /* the backlog has been above rx_low */
	size_t rx_low;
	void (*on_backlog)(void *ctx, unsigned port);
	void *backlog_ctx;
};

/* An interrupt that the driver wants for used TX descriptors, and that is held back; owed.c */
struct owed {
	unsigned descriptors;
	uint64_t from_ns, last_ns; /* when the first and the last of them were used */
	uint64_t wait_ns;
	uint64_t sent_ns; /* when the last interrupt was sent by the timer; 0: it was sent for another reason */
	struct timer time;
};

struct console {
	struct virtio_device dev;
	struct reactor *r;
	struct console_port port[CONSOLE_PORTS];

	bool device_ready;
	struct virtio_console_control control[CONSOLE_CONTROL_PENDING_MAX];
	unsigned control_head, control_n; /* a ring */

	bool live;    /* from DRIVER_OK to reset, even if poisoned */
	bool busy;    /* inside a turn */
	bool sending; /* inside console_send() */
	bool irq;     /* interrupt at the end of this turn */
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

/* The port of queue @q, and its direction; -1: a control queue, or no queue. */
int console_queue_port(unsigned q, bool *tx);

/* Write the used element of c->chain. */
void console_push(struct console *c, unsigned q, uint32_t len);
/* Copy @len bytes to the device-writable segments of c->chain. 0; -ENOSPC: they are too small; -EFAULT: unmapped. */
int console_chain_write(struct console *c, const void *data, size_t len);

/* One turn: service the queues of @queues, a bit each, then console_end(). Inside a turn: ring the self-kick for them.
 */
void console_turn(struct console *c, uint32_t queues);
/* The end of a turn: interrupt, poisoning, callbacks, in this order. */
void console_end(struct console *c);

/* Service one queue. */
void control_service_in(struct console *c);
void control_service_out(struct console *c);
void port_service_rx(struct console *c, struct console_port *p);
void port_service_tx(struct console *c, struct console_port *p);

/* refill.c: whether to fill the buffers of the RX ring now; account them before they are filled; and, before the
 * reactor sleeps while bytes wait, have a kick or the timer wake it (true: fill them now). */
bool refill_is_due(const struct console *c, struct console_port *p);
void refill_begin(const struct console *c, struct console_port *p);
bool refill_rest(struct console *c, struct console_port *p);

/* 0 or -errno of timer_open(). */
int owed_open(struct console *c);
void owed_close(struct console *c);
/* @descriptors of @vq were used: the interrupt comes in this turn or later. */
void owed_add(struct console *c, const struct virtqueue *vq, unsigned descriptors);
/* An interrupt was sent, or is of no use any more. */
void owed_clear(struct console *c);
/* Whether to send it now. */
bool owed_is_due(struct console *c);
/* Before the reactor sleeps: set the timer for it. */
void owed_rest(struct console *c);

/* The queues of @p that may have work, a bit each. */
uint32_t port_open_queues(const struct console *c, const struct console_port *p);

/* Move bytes from the TX ring to p->tx until @d ends, even if the port is held; the last chain may cross its bound in
 * bytes.
 * @complete: write used elements. */
void port_take_tx(struct console *c, struct console_port *p, struct drain *d, bool complete);
/* The same, but suppress no kicks, ask for none, and take at most @max bytes. */
void port_take_tx_silently(struct console *c, struct console_port *p, size_t max, bool complete);
void port_deliver(struct console_port *p);
/* Whether port_report_backlog() would call back. */
bool port_backlog_is_low(const struct console_port *p);
void port_report_backlog(struct console_port *p);

#endif
