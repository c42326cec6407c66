/* SPDX-License-Identifier: GPL-2.0-only */
#include "virtio/drain.h"

void drain_begin(struct drain *d)
{
	virtq_disable_kicks(d->vq);
	turn_begin(d->turn);
	d->state = DRAIN_RUNNING;
	d->chains = d->chains_max ? d->chains_max : d->vq->size;
}

bool drain_next(struct drain *d, struct virtq_chain *chain)
{
	int popped;

	if (d->state != DRAIN_RUNNING)
		return false;
	if (!d->chains || turn_is_over(d->turn)) {
		d->state = virtq_pending(d->vq) ? DRAIN_SPENT : DRAIN_EMPTY;
		return false;
	}
	popped = virtq_pop(d->vq, chain);
	if (popped > 0) {
		d->chains--;
		turn_charge(d->turn, 0);
		return true;
	}
	d->state = popped ? DRAIN_BROKEN : DRAIN_EMPTY;
	if (popped)
		d->error = popped;
	return false;
}

void drain_defer(struct drain *d, const struct virtq_chain *chain)
{
	virtq_unpop(d->vq, chain->head);
	d->state = DRAIN_DEFERRED;
}

bool drain_again(struct drain *d)
{
	if (d->state == DRAIN_SPENT)
		selfkick_ring(d->again, d->queue);
	if (d->state != DRAIN_EMPTY || reactor_polls(d->turn->r) || !virtq_enable_kicks(d->vq))
		return false;
	virtq_disable_kicks(d->vq);
	d->state = DRAIN_RUNNING;
	return true;
}

int drain_error(struct drain *d)
{
	int error = d->error;

	d->error = 0;
	return error;
}

void drain_reset(struct drain *d)
{
	d->state = DRAIN_EMPTY;
	d->error = 0;
}

bool drain_is_open(const struct drain *d)
{
	return d->state != DRAIN_DEFERRED && !(d->again->queues & d->queue);
}

bool drain_is_due(const struct drain *d)
{
	return drain_is_open(d) && virtq_pending(d->vq);
}

bool drain_rest(struct drain *d)
{
	return drain_is_open(d) && virtq_enable_kicks(d->vq);
}
