/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When the buffers of a reader that is behind are filled. It returns them one by one, and a kick and an interrupt for
 * each would keep it from reading. It still has filled buffers to read; so no more are filled until an eighth of all is
 * returned (7 * returned >= unread), or rx_wait_ns has passed. Kicks are off meanwhile: the busy-wait or a timer looks
 * at the ring.
 */
#include "virtio/console/internal.h"

static unsigned buffers_available(const struct console *c, const struct console_port *p)
{
	return virtq_available(&c->dev.vq[port_rx_queue(p->id)]);
}

/* Filled buffers that the guest has not returned. */
static unsigned buffers_unread(const struct console_port *p, unsigned n)
{
	unsigned back = n - p->rx_left; /* modulo 2^32: more than were left may have been filled */

	return p->rx_given > back ? p->rx_given - back : 0;
}

bool refill_is_due(const struct console *c, struct console_port *p)
{
	unsigned n = buffers_available(c, p);
	uint64_t now;

	if (n && (!p->rx_dry || 7 * n >= buffers_unread(p, n)))
		return true;
	now = monotonic_ns();
	if (!p->rx_due_ns)
		p->rx_due_ns = now + p->rx_wait_ns;
	return n && now >= p->rx_due_ns;
}

void refill_begin(const struct console *c, struct console_port *p)
{
	unsigned n = buffers_available(c, p);

	p->rx_given = buffers_unread(p, n);
	p->rx_left = n;
	/* When the timer fires, a quarter to a half of the buffers should have been returned. */
	if (n < p->rx_given / 3 && p->rx_wait_ns < CONSOLE_REFILL_NS_MAX)
		p->rx_wait_ns *= 2;
	else if (n > p->rx_given && p->rx_wait_ns > CONSOLE_REFILL_NS_MIN)
		p->rx_wait_ns /= 2;
	p->rx_due_ns = 0;
}

bool refill_rest(struct console *c, struct console_port *p)
{
	struct virtqueue *vq = &c->dev.vq[port_rx_queue(p->id)];

	if (refill_is_due(c, p))
		return true;
	if (!buffers_available(c, p) && (!p->rx_dry || monotonic_ns() >= p->rx_due_ns)) {
		/* The guest does not read: have its next buffer kick. */
		p->rx_due_ns = 0;
		if (!virtq_enable_kicks(vq))
			return false;
		virtq_disable_kicks(vq);
		if (refill_is_due(c, p))
			return true;
	}
	if (!c->refill.deadline_ns || p->rx_due_ns < c->refill.deadline_ns)
		timer_set(&c->refill, p->rx_due_ns);
	return false;
}
