/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When a writer is interrupted. Linux' driver reclaims used buffers when it writes the next time, and sleeps only while
 * its ring is full: most of these interrupts wake nobody, and each costs the guest some exits. So an interrupt is sent
 * when a quarter of the ring is used, or after wait_ns. A writer that stops writing, and continues once it is
 * interrupted, has waited for the interrupt: wait_ns halves. For any other it grows fourfold. Its range is
 * CONSOLE_OWED_NS_MIN..MAX.
 */
#include <stddef.h>

#include "reactor/container.h"
#include "virtio/console/internal.h"

static bool writer_waited(const struct owed *o, uint64_t now)
{
	return o->sent_ns && o->sent_ns - o->last_ns > o->wait_ns / 2 && now - o->sent_ns < o->wait_ns / 4;
}

/* It grows faster than it shrinks: otherwise it could stay just below the pace of a writer that never waits. */
static void owed_adapt(struct owed *o, uint64_t now)
{
	if (writer_waited(o, now))
		o->wait_ns /= 2;
	else
		o->wait_ns *= 4;
	if (o->wait_ns < CONSOLE_OWED_NS_MIN)
		o->wait_ns = CONSOLE_OWED_NS_MIN;
	if (o->wait_ns > CONSOLE_OWED_NS_MAX)
		o->wait_ns = CONSOLE_OWED_NS_MAX;
	o->sent_ns = 0;
}

void owed_add(struct console *c, const struct virtqueue *vq, unsigned descriptors)
{
	struct owed *o = &c->owed;
	uint64_t now = monotonic_ns();

	if (!o->descriptors) {
		owed_adapt(o, now);
		o->from_ns = now;
	}
	o->last_ns = now;
	o->descriptors += descriptors;
	if (o->descriptors >= vq->size / 4)
		c->irq = true;
	else if (!reactor_polls(c->r))
		owed_rest(c);
}

void owed_clear(struct console *c)
{
	c->owed.descriptors = 0;
}

bool owed_is_due(struct console *c)
{
	struct owed *o = &c->owed;
	uint64_t now;

	if (!o->descriptors)
		return false;
	now = monotonic_ns();
	if (now - o->from_ns < o->wait_ns)
		return false;
	o->sent_ns = now;
	return true;
}

void owed_rest(struct console *c)
{
	struct owed *o = &c->owed;
	uint64_t due_ns = o->from_ns + o->wait_ns;

	/* A timer that fires too early is set again: cheaper than to move it each time. */
	if (o->descriptors && (!o->time.deadline_ns || due_ns < o->time.deadline_ns))
		timer_set(&o->time, due_ns);
}

static void owed_timer_fired(struct timer *t)
{
	struct console *c = container_of(t, struct console, owed.time);

	if (owed_is_due(c)) {
		c->irq = true;
		console_turn(c, 0);
	} else {
		owed_rest(c);
	}
}

int owed_open(struct console *c)
{
	c->owed.wait_ns = CONSOLE_OWED_NS_MAX;
	return timer_open(c->r, &c->owed.time, owed_timer_fired);
}

void owed_close(struct console *c)
{
	if (c->owed.time.r)
		timer_close(&c->owed.time);
}
