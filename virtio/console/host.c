/* SPDX-License-Identifier: GPL-2.0-only */
/* What the host does with a console: take the guest's bytes, hold them back, send. */
#include <assert.h>
#include <errno.h>

#include "virtio/console/internal.h"

void console_consume(struct console *c, unsigned port, console_consumer fn, void *ctx)
{
	struct console_port *p = &c->port[port];

	assert(port < CONSOLE_PORTS);
	p->consumer = fn;
	p->consumer_ctx = ctx;
	if (fn)
		p->tx_fresh = p->tx.len > 0;
	selfkick_ring(&c->again, 1u << port_tx_queue(port));
}

void console_hold(struct console *c, unsigned port, bool hold)
{
	assert(port < CONSOLE_PORTS);
	if (c->port[port].held == hold)
		return;
	c->port[port].held = hold;
	if (hold)
		return;
	selfkick_ring(&c->again, 1u << port_tx_queue(port));
}

int console_send(struct console *c, unsigned port, const void *data, size_t len)
{
	struct console_port *p = &c->port[port];

	assert(port < CONSOLE_PORTS);
	if (!len)
		return 0;
	if (fifo_append(&p->rx, data, len))
		return -ENOMEM;
	c->counters.port[port].backlog_max = p->rx.len_max;
	if (p->rx.len > p->rx_low)
		p->rx_above = true;
	c->sending = true;
	console_turn(c, 1u << port_rx_queue(port));
	c->sending = false;
	return 0;
}

size_t console_backlog(const struct console *c, unsigned port)
{
	assert(port < CONSOLE_PORTS);
	return c->port[port].rx.len;
}

void console_on_backlog(struct console *c, unsigned port, size_t low, void (*fn)(void *ctx, unsigned port), void *ctx)
{
	struct console_port *p = &c->port[port];

	assert(port < CONSOLE_PORTS);
	p->rx_low = low;
	p->on_backlog = fn;
	p->backlog_ctx = ctx;
	p->rx_above = p->rx.len > low;
}

void console_final_drain(struct console *c)
{
	assert(!c->busy);
	c->busy = true;
	for (unsigned id = 0; id < CONSOLE_PORTS; id++) {
		struct console_port *p = &c->port[id];

		p->held = false;
		if (c->dev.active && (id == 0 || console_multiport(c)))
			port_take_tx_silently(c, p, CONSOLE_TX_FINAL_MAX, true);
	}
	c->irq = false; /* no vCPU runs that could take it */
	owed_clear(c);
	console_end(c);
}
