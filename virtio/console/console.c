/* SPDX-License-Identifier: GPL-2.0-only */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>

#include "reactor/container.h"
#include "virtio/console/internal.h"

/* 5.3.4; columns and rows are valid only with VIRTIO_CONSOLE_F_SIZE, which is not offered. */
static const struct virtio_console_config console_config = { .max_nr_ports = CONSOLE_PORTS };

_Static_assert(sizeof(console_config) == 12, "5.3.4");

static struct console *console_of(struct virtio_device *d)
{
	return container_of(d, struct console, dev);
}

int console_queue_port(unsigned q, bool *tx)
{
	if (q >= CONSOLE_QUEUES || q == CONSOLE_CONTROL_IN || q == CONSOLE_CONTROL_OUT)
		return -1;
	*tx = q & 1;
	return q < 2 ? 0 : (int)(q - 2) / 2;
}

/* --- queues -------------------------------------------------------------- */

void console_push(struct console *c, unsigned q, uint32_t len)
{
	if (virtq_push(&c->dev.vq[q], c->chain.head, len) == 0)
		return;
	c->counters.ring_errors++;
	virtio_guest_error(&c->dev, "queue %u: the used ring is not in memory", q);
}

int console_chain_write(struct console *c, const void *data, size_t len)
{
	const uint8_t *from = data;
	uint64_t room = 0;

	for (unsigned i = 0; i < c->chain.n; i++)
		room += c->chain.seg[i].writable ? c->chain.seg[i].len : 0;
	if (c->chain.malformed || room < len)
		return -ENOSPC;
	for (unsigned i = 0; len; i++) {
		size_t n = c->chain.seg[i].writable ? c->chain.seg[i].len : 0;

		if (n > len)
			n = len;
		if (n && guest_memory_write(c->dev.mem, c->chain.seg[i].gpa, from, n))
			return -EFAULT;
		from += n;
		len -= n;
	}
	return 0;
}

static void service_queue(struct console *c, unsigned q)
{
	bool tx;
	int port = console_queue_port(q, &tx);

	if (!c->dev.active || !c->dev.vq[q].ready)
		return;
	if (q == CONSOLE_CONTROL_IN)
		control_service_in(c);
	else if (q == CONSOLE_CONTROL_OUT)
		control_service_out(c);
	else if (port > 0 && !console_multiport(c))
		return;
	else if (tx)
		port_service_tx(c, &c->port[port]);
	else
		port_service_rx(c, &c->port[port]);
}

/* --- turns --------------------------------------------------------------- */

void console_end(struct console *c)
{
	bool later = false;

	/* Interrupt for what was used before a queue broke. */
	for (unsigned q = 0; q < CONSOLE_QUEUES; q++)
		c->irq |= c->drain[q].error && c->owed.descriptors;
	/* Before the callbacks, so that the guest continues meanwhile. */
	if (c->irq) {
		virtio_raise(&c->dev, VIRTIO_INT_VRING);
		owed_clear(c);
	}
	c->irq = false;
	for (unsigned q = 0; q < CONSOLE_QUEUES; q++) {
		int err = drain_error(&c->drain[q]);

		if (err)
			virtio_poison(&c->dev, q, err);
	}
	/* Once detached the device calls nobody. */
	for (unsigned id = 0; c->dev.mem && id < CONSOLE_PORTS; id++) {
		/* Not from within console_send(): a feeder that sends from its backlog callback would send the same
		 * bytes twice. */
		if (c->sending) {
			later |= port_backlog_is_low(&c->port[id]);
			continue;
		}
		port_deliver(&c->port[id]);
		port_report_backlog(&c->port[id]);
	}
	c->busy = false;
	if (later)
		selfkick_ring(&c->again, 0);
}

void console_turn(struct console *c, uint32_t queues)
{
	if (c->busy) {
		selfkick_ring(&c->again, queues);
		return;
	}
	c->busy = true;
	for (unsigned q = 0; q < CONSOLE_QUEUES; q++) {
		if (queues >> q & 1)
			service_queue(c, q);
	}
	console_end(c);
}

static void console_selfkick_fired(struct selfkick *s, uint32_t queues)
{
	console_turn(container_of(s, struct console, again), queues);
}

static void refill_timer_fired(struct timer *t)
{
	struct console *c = container_of(t, struct console, refill);
	uint32_t queues = 0;

	for (unsigned id = 0; id < CONSOLE_PORTS; id++)
		if (c->port[id].rx_due_ns)
			queues |= 1u << port_rx_queue(id);
	console_turn(c, queues);
}

/* --- busy-wait ------------------------------------------------------------ */

/* Those that the poller looks after: a drain leaves kicks off on every queue while the reactor busy-waits. Buffers for
 * messages matter only while messages wait for them. */
static uint32_t open_queues(const struct console *c)
{
	uint32_t queues = 0;

	if (c->dev.active && console_multiport(c)) {
		queues |= c->dev.vq[CONSOLE_CONTROL_OUT].ready ? 1u << CONSOLE_CONTROL_OUT : 0;
		queues |= c->dev.vq[CONSOLE_CONTROL_IN].ready && c->control_n ? 1u << CONSOLE_CONTROL_IN : 0;
	}
	for (unsigned id = 0; id < CONSOLE_PORTS; id++)
		queues |= port_open_queues(c, &c->port[id]);
	return queues;
}

/* Whether queue @q is worth a turn. */
static bool queue_is_due(struct console *c, unsigned q)
{
	bool tx = true;
	int port = console_queue_port(q, &tx);

	return tx || port < 0 ? drain_is_due(&c->drain[q]) : refill_is_due(c, &c->port[port]);
}

static bool console_poller_look(struct poller *p)
{
	struct console *c = container_of(p, struct console, poller);
	uint32_t open = open_queues(c), queues = 0;

	for (unsigned q = 0; q < CONSOLE_QUEUES; q++)
		if (open >> q & 1 && queue_is_due(c, q))
			queues |= 1u << q;
	c->irq |= owed_is_due(c);
	if (!queues && !c->irq)
		return false;
	console_turn(c, queues);
	return true;
}

/* Whether queue @q has work; if not, a kick or the timer will wake the reactor for it. */
static bool queue_rest(struct console *c, unsigned q)
{
	bool tx = true;
	int port = console_queue_port(q, &tx);

	return tx || port < 0 ? drain_rest(&c->drain[q]) : refill_rest(c, &c->port[port]);
}

static bool console_poller_rest(struct poller *p)
{
	struct console *c = container_of(p, struct console, poller);
	uint32_t open = open_queues(c), queues = 0;

	for (unsigned q = 0; q < CONSOLE_QUEUES; q++)
		if (open >> q & 1 && queue_rest(c, q))
			queues |= 1u << q;
	owed_rest(c);
	if (!queues)
		return false;
	console_turn(c, queues);
	return true;
}

/* --- the device ---------------------------------------------------------- */

static void console_config_read(struct virtio_device *d, uint32_t offset, void *buf, unsigned len)
{
	virtio_config_copy(&console_config, sizeof(console_config), offset, buf, len, 0xff);
}

static void console_config_write(struct virtio_device *d, uint32_t offset, const void *buf, unsigned len)
{
	virtio_guest_error(d, "write of %u bytes to config offset %u ignored", len, offset);
}

static void console_activate(struct virtio_device *d)
{
	console_of(d)->live = true;
}

static void console_kick(struct virtio_device *d, unsigned q)
{
	console_turn(console_of(d), 1u << q);
}

/*
 * Keep what the guest has sent before it reset the device, for an exit code may be in it. The consumers get it in a
 * later wake; nothing is written to guest memory. A port that is held delivers nothing, so what it may keep is bounded:
 * otherwise a guest could fill host memory by resets.
 */
static void salvage_tx(struct console *c)
{
	for (unsigned id = 0; id < CONSOLE_PORTS; id++) {
		struct console_port *p = &c->port[id];

		if (!p->tx.lent && p->tx.len < CONSOLE_SALVAGE_MAX && (id == 0 || console_multiport(c)))
			port_take_tx_silently(c, p, CONSOLE_TX_PER_CALL_MAX, false);
	}
}

static bool console_reset(struct virtio_device *d)
{
	struct console *c = console_of(d);

	if (c->live)
		salvage_tx(c);
	for (unsigned id = 0; id < CONSOLE_PORTS; id++) {
		c->port[id].opened = false;
		c->port[id].readied = false;
		c->port[id].tx_skip = 0;
		fifo_clear(&c->port[id].rx);
		c->port[id].rx_given = c->port[id].rx_left = 0;
		c->port[id].rx_dry = false;
		c->port[id].rx_due_ns = 0;
	}
	timer_clear(&c->refill);
	c->live = false;
	c->device_ready = false;
	c->control_n = 0;
	c->irq = false;
	owed_clear(c);
	for (unsigned q = 0; q < CONSOLE_QUEUES; q++)
		drain_reset(&c->drain[q]);
	c->again.queues = 0;
	selfkick_ring(&c->again, 0);
	return true;
}

static void console_poisoned(struct virtio_device *d, unsigned q, bool avail_idx)
{
	struct console_counters *n = &console_of(d)->counters;

	if (avail_idx)
		n->invalid_avail_idx_count++;
	else
		n->ring_errors++;
}

static const struct virtio_device_ops console_ops = {
	.name = "console",
	.device_id = VIRTIO_ID_CONSOLE,
	.n_queues = CONSOLE_QUEUES,
	.config_read = console_config_read,
	.config_write = console_config_write,
	.activate = console_activate,
	.kick = console_kick,
	.reset = console_reset,
	.poisoned = console_poisoned,
};

static void init_drains(struct console *c)
{
	turn_init(&c->tx_turn, c->r, CONSOLE_TX_PER_CALL_MAX);
	turn_init(&c->rx_turn, c->r, CONSOLE_RX_PER_CALL_MAX);
	turn_init(&c->control_turn, c->r, UINT64_MAX);
	for (unsigned q = 0; q < CONSOLE_QUEUES; q++) {
		struct drain *d = &c->drain[q];
		bool tx = false, control = console_queue_port(q, &tx) < 0;

		*d = (struct drain){ .vq = &c->dev.vq[q], .again = &c->again, .queue = 1u << q };
		d->turn = control ? &c->control_turn : tx ? &c->tx_turn : &c->rx_turn;
		d->chains_max = control ? CONSOLE_CONTROL_CHAINS_PER_CALL_MAX : tx ? 0 : CONSOLE_RX_CHAINS_PER_CALL_MAX;
	}
}

/* --- what the host calls ------------------------------------------------- */

int console_create(struct console **out, struct reactor *r)
{
	struct console *c = calloc(1, sizeof(*c));
	int ret = 0;

	if (!c)
		return -ENOMEM;
	virtio_device_init(&c->dev, &console_ops, 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_CONSOLE_F_MULTIPORT,
			   CONSOLE_QUEUE_SIZE);
	c->r = r;
	c->again.fd = -1;
	init_drains(c);
	c->poller = (struct poller){ .look = console_poller_look, .rest = console_poller_rest };
	poller_add(r, &c->poller);
	for (unsigned id = 0; id < CONSOLE_PORTS && !ret; id++) {
		c->port[id].id = id;
		c->port[id].rx_wait_ns = CONSOLE_REFILL_NS_MIN;
		ret = txbuf_init(&c->port[id].tx);
		if (!ret)
			ret = fifo_init(&c->port[id].rx);
	}
	if (!ret)
		ret = timer_open(r, &c->refill, refill_timer_fired);
	if (!ret)
		ret = owed_open(c);
	if (!ret)
		ret = selfkick_open(r, &c->again, console_selfkick_fired);
	if (ret < 0) {
		console_destroy(c);
		return ret;
	}
	*out = c;
	return 0;
}

void console_destroy(struct console *c)
{
	if (!c)
		return;
	poller_remove(c->r, &c->poller);
	selfkick_close(&c->again);
	if (c->refill.r)
		timer_close(&c->refill);
	owed_close(c);
	for (unsigned id = 0; id < CONSOLE_PORTS; id++) {
		fifo_free(&c->port[id].rx);
		txbuf_free(&c->port[id].tx);
	}
	free(c);
}

struct virtio_device *console_device(struct console *c)
{
	return &c->dev;
}

const struct console_counters *console_counters(const struct console *c)
{
	return &c->counters;
}
