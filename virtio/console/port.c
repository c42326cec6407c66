/* SPDX-License-Identifier: GPL-2.0-only */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "virtio/console/internal.h"

/* --- guest to host ------------------------------------------------------- */

/* Append at most CONSOLE_TX_DESC_MAX bytes of one descriptor, whatever length it claims. 0; -EFAULT or -ENOMEM: nothing
 * was appended. */
static int take_segment(struct console *c, struct console_port *p, const struct virtq_seg *seg)
{
	uint32_t len = seg->len < CONSOLE_TX_DESC_MAX ? seg->len : CONSOLE_TX_DESC_MAX;
	uint8_t *room = txbuf_room(&p->tx, len);

	if (!room)
		return -ENOMEM;
	if (guest_memory_read(c->dev.mem, seg->gpa, room, len))
		return -EFAULT;
	txbuf_add(&p->tx, len);
	return 0;
}

/*
 * Append c->chain from segment p->tx_skip on, without its unmapped segments. False: there is no memory, or the turn's
 * time is over; the next call continues at p->tx_skip.
 */
static bool take_chain(struct console *c, struct console_port *p, struct turn *turn)
{
	const struct virtq_chain *chain = &c->chain;
	unsigned i = p->tx_skip;
	size_t before = p->tx.len;

	p->tx_skip = 0;
	if (chain->malformed) {
		virtio_guest_error(&c->dev, "port %u: malformed TX chain dropped", p->id);
		return true;
	}
	for (; i < chain->n; i++) {
		const struct virtq_seg *seg = &chain->seg[i];
		size_t len = p->tx.len;
		int ret;

		if (seg->writable || !seg->len)
			continue;
		ret = len != before && turn_time_is_over(turn) ? -EAGAIN : take_segment(c, p, seg);
		if (ret == -EAGAIN || ret == -ENOMEM) {
			p->tx_skip = i;
			return false;
		}
		if (ret)
			virtio_guest_error(&c->dev, "port %u: TX descriptor at 0x%llx is not in memory", p->id,
					   (unsigned long long)seg->gpa);
		turn_charge(turn, p->tx.len - len);
	}
	return true;
}

void port_take_tx(struct console *c, struct console_port *p, struct drain *d, bool complete)
{
	unsigned q = port_tx_queue(p->id), descriptors = 0;
	size_t before = p->tx.len, taken;

	while (drain_next(d, &c->chain)) {
		if (!take_chain(c, p, d->turn)) {
			drain_defer(d, &c->chain);
			selfkick_ring(&c->again, 1u << q);
			break;
		}
		descriptors += c->chain.n;
		if (complete)
			console_push(c, q, 0);
	}
	taken = p->tx.len - before;
	c->counters.port[p->id].tx_bytes += taken;
	if (taken)
		p->tx_fresh = true;
	/* Empty chains are used, but cause no interrupt. */
	if (complete && virtq_publish(d->vq) > 0 && taken)
		owed_add(c, d->vq, descriptors);
}

void port_take_tx_silently(struct console *c, struct console_port *p, size_t max, bool complete)
{
	struct virtqueue *vq = &c->dev.vq[port_tx_queue(p->id)];
	struct turn turn;
	struct drain d = { .vq = vq, .turn = &turn, .state = DRAIN_RUNNING, .chains = vq->size };

	turn_init(&turn, c->r, max);
	turn.untimed = true;
	port_take_tx(c, p, &d, complete);
	if (d.error)
		c->drain[port_tx_queue(p->id)].error = d.error;
}

void port_service_tx(struct console *c, struct console_port *p)
{
	struct drain *d = &c->drain[port_tx_queue(p->id)];

	drain_begin(d);
	/* Kicks stay off while the port is held: console_hold() brings us back here. */
	if (p->held || (!p->consumer && p->tx.len >= CONSOLE_TX_PER_CALL_MAX))
		return;
	do
		port_take_tx(c, p, d, true);
	while (drain_again(d));
}

void port_deliver(struct console_port *p)
{
	const uint8_t *data;
	size_t n;

	if (!p->tx_fresh || !p->consumer || p->held)
		return;
	p->tx_fresh = false;
	data = txbuf_lend(&p->tx, &n);
	p->consumer(p->consumer_ctx, p->id, data, n);
	txbuf_end(&p->tx);
}

/* --- host to guest ------------------------------------------------------- */

static bool may_deliver(const struct console *c, const struct console_port *p)
{
	return p->id == 0 || (console_multiport(c) && p->opened);
}

/* Fill c->chain from the backlog. Returns the number of bytes; -EFAULT: the backlog is unchanged. */
static int64_t fill_chain(struct console *c, struct console_port *p)
{
	uint32_t room = turn_room(&c->rx_turn);
	size_t most = p->rx.len < room ? p->rx.len : room, left = most, done = 0;
	struct iovec iov[GUEST_MEMORY_REGIONS_MAX];
	const struct virtq_chain *chain = &c->chain;

	/* Two passes: a chain that is unmapped in the middle must not lose bytes. */
	for (unsigned i = 0; i < chain->n && left; i++) {
		uint32_t len = chain->seg[i].len < left ? chain->seg[i].len : (uint32_t)left;

		if (!chain->seg[i].writable || !len)
			continue;
		if (guest_memory_iov(c->dev.mem, chain->seg[i].gpa, len, iov, GUEST_MEMORY_REGIONS_MAX) < 0)
			return -EFAULT;
		left -= len;
	}
	for (unsigned i = 0; i < chain->n && done < most; i++) {
		uint64_t gpa = chain->seg[i].gpa;
		uint32_t here = chain->seg[i].writable ? chain->seg[i].len : 0;

		while (here && done < most) {
			size_t n;
			const uint8_t *data = fifo_peek(&p->rx, &n);
			int err;

			if (n > here)
				n = here;
			if (n > most - done)
				n = most - done;
			err = guest_memory_write(c->dev.mem, gpa, data, n);
			assert(!err); /* the first pass found it mapped */
			fifo_consume(&p->rx, n);
			gpa += n;
			here -= (uint32_t)n;
			done += n;
		}
	}
	return (int64_t)done;
}

/* Whether the length of the chain fits into a used element. */
static bool chain_is_sane(const struct virtq_chain *chain)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < chain->n; i++)
		sum += chain->seg[i].writable ? chain->seg[i].len : 0;
	return !chain->malformed && sum <= UINT32_MAX;
}

/* Returns the bytes delivered. */
static size_t drain_backlog(struct console *c, struct console_port *p, unsigned q)
{
	size_t moved = 0;

	while (p->rx.len && drain_next(&c->drain[q], &c->chain)) {
		int64_t n = chain_is_sane(&c->chain) ? fill_chain(c, p) : -EINVAL;

		if (n < 0) {
			virtio_guest_error(&c->dev, "port %u: RX chain can't be written: %s", p->id, strerror((int)-n));
			n = 0;
		}
		console_push(c, q, (uint32_t)n);
		turn_charge(&c->rx_turn, (size_t)n);
		moved += (size_t)n;
		p->rx_given += n > 0;
		p->rx_left--;
	}
	return moved;
}

void port_service_rx(struct console *c, struct console_port *p)
{
	unsigned q = port_rx_queue(p->id);
	struct virtqueue *vq = &c->dev.vq[q];
	size_t moved;

	/* New buffers matter only while bytes wait. */
	drain_begin(&c->drain[q]);
	if (!p->rx.len || !may_deliver(c, p))
		return;
	if (refill_is_due(c, p)) {
		refill_begin(c, p);
		moved = drain_backlog(c, p, q);
		p->rx_dry = p->rx.len && p->rx_given && !virtq_pending(vq);
		c->counters.port[p->id].rx_bytes += moved;
		if (virtq_publish(vq) > 0 && moved)
			c->irq = true;
	}
	if (p->rx.len && !reactor_polls(c->r) && refill_rest(c, p))
		selfkick_ring(&c->again, 1u << q);
}

uint32_t port_open_queues(const struct console *c, const struct console_port *p)
{
	unsigned rx = port_rx_queue(p->id), tx = port_tx_queue(p->id);
	uint32_t queues = 0;

	if (!c->dev.active || (p->id && !console_multiport(c)))
		return 0;
	if (c->dev.vq[tx].ready && !p->held && (p->consumer || p->tx.len < CONSOLE_TX_PER_CALL_MAX))
		queues |= 1u << tx;
	if (c->dev.vq[rx].ready && p->rx.len && may_deliver(c, p))
		queues |= 1u << rx;
	return queues;
}

bool port_backlog_is_low(const struct console_port *p)
{
	return p->rx_above && p->rx.len <= p->rx_low;
}

void port_report_backlog(struct console_port *p)
{
	if (p->rx.len > p->rx_low) {
		p->rx_above = true;
	} else if (p->rx_above) {
		p->rx_above = false;
		if (p->on_backlog)
			p->on_backlog(p->backlog_ctx, p->id);
	}
}
