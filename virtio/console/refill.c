/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When buffers are filled for bytes that wait. A reader who is behind gives its
 * buffers back one by one, and a kick and an interrupt for each would keep it
 * from reading. What it has not read yet lasts it a while: so it gets no
 * interrupt until an eighth of its buffers is there, and is asked for no kicks,
 * but looked at by the busy-wait or by a timer.
 */
#include "virtio/console/internal.h"

static unsigned buffers_available(const struct console *c, const struct console_port *p)
{
	return virtq_available(&c->dev.vq[port_rx_queue(p->id)]);
}

/* Buffers that were given with bytes in them and have not come back. */
static unsigned buffers_unread(const struct console_port *p, unsigned n)
{
	unsigned back = n - p->rx_left; /* more than were left may have been filled, then rx_left is below zero */

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
	/* By the time that the timer comes a quarter to a half of the buffers should be there. */
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
		/* It does not read now: its next buffer is to wake us. */
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
