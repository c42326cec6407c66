/* SPDX-License-Identifier: GPL-2.0-only */
/* The two ends of the request queue: popping under the throttle, and publishing in batches. */
#include <assert.h>
#include <stddef.h>

#include "reactor/container.h"
#include "virtio/blk/device.h"

static struct virtqueue *queue_of(struct blk *b)
{
	return &b->dev.vq[0];
}

/* Whether kicks and pollers begin drains. */
static bool takes_kicks(const struct blk *b)
{
	return b->dev.active && !b->paused && drain_is_open(&b->drain);
}

/* --- publishing ----------------------------------------------------------- */

/* Interrupt the driver for @n used entries, as virtq_awaited() returned. */
static void interrupt_driver(struct blk *b, int n)
{
	b->dirty = false;
	if (n < 0) {
		b->counters.io_errors++;
		virtio_guest_error(&b->dev, "the used ring is unmapped");
		return;
	}
	virtq_told(queue_of(b));
	hold_interrupted(&b->hold, (unsigned)n, monotonic_ns());
	if (n) {
		virtio_raise(&b->dev, VIRTIO_INT_VRING);
	} else {
		/* The driver suppressed it; InterruptStatus still shows that there is something. */
		atomic_fetch_or(&b->dev.interrupt_status, VIRTIO_INT_VRING);
	}
}

void blk_publish(struct blk *b)
{
	/* If not dirty, a reset came in between, or publish_step() has published all. */
	if (b->dirty)
		interrupt_driver(b, virtq_awaited(queue_of(b)));
}

/*
 * Publish, and interrupt the driver unless the interrupt is better held back for a batch; true: it is held. Without
 * EVENT_IDX the driver can't tell that it is awake, so nothing is held.
 */
static bool publish_or_hold(struct blk *b)
{
	bool may_hold = queue_of(b)->event_idx && !b->backing->ops->whole_drains && !b->paused;
	int n = virtq_awaited(queue_of(b));

	if (n > 0 && may_hold && hold_completed(&b->hold, (unsigned)n, (unsigned)b->counters.in_flight, monotonic_ns()))
		return true;
	interrupt_driver(b, n);
	return false;
}

/*
 * Before the reactor sleeps with an interrupt held: have the timer wake it when the interrupt must be sent, and a kick
 * when the driver has submitted enough. Where all requests are answered at once, they can wait until the batch would be
 * full. True: they are there already.
 */
static bool await_more_requests(struct blk *b)
{
	unsigned held = virtq_unsignalled(queue_of(b)), left = 1;

	if (!b->hold_end.deadline_ns || b->hold_end.deadline_ns > b->hold.until_ns)
		timer_set(&b->hold_end, b->hold.until_ns);
	if (!takes_kicks(b))
		return false;
	if (!b->counters.in_flight && held < b->hold.target)
		left = b->hold.target - held;
	return virtq_enable_kicks_after(queue_of(b), (uint16_t)left);
}

static void publish_deferred(struct deferred *d)
{
	struct blk *b = container_of(d, struct blk, publish);

	if (b->dirty && publish_or_hold(b) && !reactor_polls(b->r) && await_more_requests(b))
		blk_service(b);
}

static void hold_timer_fired(struct timer *t)
{
	struct blk *b = container_of(t, struct blk, hold_end);

	if (!b->dirty)
		return;
	/* A stalled head is not tried before its tokens are due. */
	if (takes_kicks(b))
		blk_service(b);
	/* If requests were answered just now, the end of this wake decides. */
	if (b->dirty && !b->publish.queued)
		blk_publish(b);
}

/*
 * Between two requests of a drain: show what is done, so that a driver that is awake continues in parallel. One that
 * sleeps is interrupted once as much is done as is left, so that it has new requests ready at the end of the drain: one
 * interrupt each time that the rest halves, rather than one per request.
 */
static void publish_step(struct blk *b)
{
	struct virtqueue *vq = queue_of(b);
	uint16_t left = virtq_available(vq);

	if (!b->dirty || !left)
		return;
	/* Without EVENT_IDX the driver can't tell that it is awake. */
	if (vq->event_idx && !b->backing->ops->whole_drains && virtq_unsignalled(vq) >= left)
		(void)publish_or_hold(b);
	else
		(void)virtq_show(vq); /* an unmapped ring is reported when it is published */
}

void blk_answer(struct blk *b, struct blk_request *r, uint8_t status, uint32_t used_len)
{
	r->busy = false;
	if (!r->status) {
		b->counters.io_errors++;
		virtio_guest_error(&b->dev, "the status byte of request %u is unmapped", r->head);
		virtq_drop(queue_of(b), r->head);
		return;
	}
	*r->status = status;
	if (virtq_push(queue_of(b), r->head, used_len)) {
		b->counters.io_errors++;
		virtio_guest_error(&b->dev, "the used ring is unmapped");
		return;
	}
	b->dirty = true;
	reactor_defer(b->r, &b->publish);
}

/* --- popping -------------------------------------------------------------- */

void blk_unstall(struct blk *b)
{
	b->counters.currently_throttled_gauge = 0;
}

/* False: the request must wait for @wait_ns. */
static bool take_tokens(struct blk *b, const struct blk_request *r, uint64_t now_ns, uint64_t *wait_ns)
{
	bool data = r->type == VIRTIO_BLK_T_IN || r->type == VIRTIO_BLK_T_OUT;

	return throttle_take(&b->throttle, data ? r->len : 0, now_ns, wait_ns);
}

/* The head goes back to the ring: no status, no used entry, no interrupt. */
static void stall_head(struct blk *b, uint64_t due_ns)
{
	drain_defer(&b->drain, &b->chain);
	b->due_ns = due_ns;
	b->counters.throttled_count++;
	b->counters.currently_throttled_gauge = 1;
	timer_set(&b->retry, due_ns);
}

/* Whether @r may be performed now; if not, it is stalled. */
static bool pass_throttle(struct blk *b, const struct blk_request *r)
{
	uint64_t now_ns, wait_ns;
	bool granted;

	if (!throttle_limited(&b->throttle))
		return true;
	now_ns = monotonic_ns();
	granted = take_tokens(b, r, now_ns, &wait_ns);
	/* A wait of 0: try again rather than set a timer. */
	if (!granted && !wait_ns) {
		now_ns = monotonic_ns();
		granted = take_tokens(b, r, now_ns, &wait_ns);
	}
	if (!granted) {
		stall_head(b, now_ns + (wait_ns ? wait_ns : 1));
		return false;
	}
	if (b->counters.currently_throttled_gauge && b->observer.granted)
		b->observer.granted(b->observer.ctx, now_ns > b->due_ns ? now_ns - b->due_ns : 0);
	return true;
}

static void answer_decided(struct blk *b, struct blk_request *r, uint8_t status)
{
	if (status == VIRTIO_BLK_S_IOERR)
		b->counters.io_errors++;
	else if (status == VIRTIO_BLK_S_OK)
		b->counters.flushes_completed++; /* the flush of a read-only disk */
	blk_answer(b, r, status, 1);
}

/* Handle the chain just popped. False: it was stalled. */
static bool take_chain(struct blk *b)
{
	struct blk_request *r = &b->slot[b->chain.head];
	uint8_t status;

	assert(!r->busy);
	switch (blk_decode(r, &b->chain, b->dev.mem, &b->geometry, &status)) {
	case BLK_DROP:
		b->counters.io_errors++;
		virtio_guest_error(&b->dev, "request %u has no room for a status byte; it is never answered",
				   b->chain.head);
		virtq_drop(queue_of(b), b->chain.head);
		break;
	case BLK_ANSWER:
		answer_decided(b, r, status);
		break;
	case BLK_PERFORM:
		if (!pass_throttle(b, r))
			return false;
		blk_perform(b, r);
		break;
	}
	blk_unstall(b);
	return true;
}

/* Tell the coalescing how many requests the driver has submitted since the last drain. */
static void note_submissions(struct blk *b)
{
	uint16_t asked = (uint16_t)(queue_of(b)->next_avail + virtq_available(queue_of(b)));

	/* A stalled head was counted before. */
	if (asked != b->asked)
		hold_submitted(&b->hold, (uint16_t)(asked - b->asked), monotonic_ns());
	b->asked = asked;
}

void blk_service(struct blk *b)
{
	struct drain *d = &b->drain;
	int error;

	if (!b->dev.active || b->paused)
		return;
	drain_begin(d);
	do {
		note_submissions(b);
		while (drain_next(d, &b->chain) && take_chain(b))
			publish_step(b);
	} while (drain_again(d));
	error = drain_error(d);
	if (error)
		virtio_poison(&b->dev, 0, error);
}

/* --- busy-wait ------------------------------------------------------------ */

static bool blk_poller_look(struct poller *p)
{
	struct blk *b = container_of(p, struct blk, poller);

	if (b->dev.active && !b->paused && drain_is_due(&b->drain)) {
		blk_service(b);
		return true;
	}
	if (!b->dirty || !hold_expired(&b->hold, monotonic_ns()))
		return false;
	blk_publish(b);
	return true;
}

static bool blk_poller_rest(struct poller *p)
{
	struct blk *b = container_of(p, struct blk, poller);

	if (b->dirty && hold_expired(&b->hold, monotonic_ns()))
		blk_publish(b);
	if (!(b->dirty ? await_more_requests(b) : b->dev.active && !b->paused && drain_rest(&b->drain)))
		return false;
	blk_service(b);
	return true;
}

/* --- what wakes a drain ---------------------------------------------------- */

static void throttle_retry_fired(struct timer *t)
{
	blk_service(container_of(t, struct blk, retry));
}

static void blk_selfkick_fired(struct selfkick *s, uint32_t queues)
{
	struct blk *b = container_of(s, struct blk, again);

	turn_begin(&b->turn);
	/* A pause does not stop requests that were begun. */
	blk_start_ready(b);
	blk_service(b);
}

/* --- set-up --------------------------------------------------------------- */

void blk_queue_reset(struct blk *b)
{
	timer_clear(&b->retry);
	timer_clear(&b->hold_end);
	blk_unstall(b);
	drain_reset(&b->drain);
	b->dirty = false;
	b->asked = 0;
	hold_init(&b->hold);
}

int blk_queue_init(struct blk *b, const struct blk_config *cfg, char *why, size_t why_size)
{
	const struct throttle_limit ops = { cfg->iops, cfg->iops_burst }, bytes = { cfg->bps, cfg->bps_burst };
	int err;

	b->retry.fd = b->again.fd = b->hold_end.fd = -1;
	b->publish.fn = publish_deferred;
	turn_init(&b->turn, b->r, BLK_TURN_BYTES);
	b->drain = (struct drain){ .vq = queue_of(b), .turn = &b->turn, .again = &b->again, .queue = BLK_QUEUE };
	b->poller = (struct poller){ .look = blk_poller_look, .rest = blk_poller_rest };
	err = throttle_limit_check(&ops, "iops", why, why_size);
	if (!err)
		err = throttle_limit_check(&bytes, "bps", why, why_size);
	if (err)
		return err;
	hold_init(&b->hold);
	throttle_init(&b->throttle, &ops, &bytes, monotonic_ns());
	err = blk_timer_open(b, &b->retry, throttle_retry_fired);
	if (!err)
		err = blk_timer_open(b, &b->hold_end, hold_timer_fired);
	if (!err)
		err = selfkick_open(b->r, &b->again, blk_selfkick_fired);
	if (!err)
		poller_add(b->r, &b->poller);
	return err;
}

void blk_queue_close(struct blk *b)
{
	poller_remove(b->r, &b->poller);
	blk_timer_close(&b->retry);
	blk_timer_close(&b->hold_end);
	selfkick_close(&b->again);
}
