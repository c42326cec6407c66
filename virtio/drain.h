/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Draining a queue: how every device takes the chains that its driver made available.
 *
 *	drain_begin(d);
 *	do {
 *		while (drain_next(d, &chain))
 *			handle the chain, or drain_defer(d, &chain);
 *		publish what was used;
 *	} while (drain_again(d));
 *
 * Contract
 *  - The driver is asked not to kick while a drain is under way. Once the queue is empty drain_again() asks it to kick,
 *    and returns true if chains came in between. While the reactor busy-waits kicks stay off: the device's poller finds
 *    chains by drain_is_due(), and calls drain_rest() before the reactor sleeps.
 *  - A drain takes at most chains_max chains, and none once the turn is over (turn.h). If chains are left then,
 *    drain_again() rings the self-kick for this queue, and the next drain comes in a later wake.
 *  - A chain that can't be handled now is deferred: it goes back to the ring, kicks stay off, and the poller leaves the
 *    queue alone. Whoever removes the obstacle begins the next drain.
 *  - A ring that can't be trusted ends the drain. The device takes the error by drain_error() after it has published
 *    what came before it, and poisons the queue.
 */
#ifndef KTSTR_VIRTIO_DRAIN_H
#define KTSTR_VIRTIO_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "virtio/selfkick.h"
#include "virtio/turn.h"
#include "virtio/virtqueue.h"

enum drain_state {
	DRAIN_RUNNING,	/* also if the device wants no more chains */
	DRAIN_EMPTY,	/* no chain is left */
	DRAIN_SPENT,	/* chains are left, and the budget is used up */
	DRAIN_DEFERRED, /* the next chain waits for something other than a kick */
	DRAIN_BROKEN,	/* the ring can't be trusted */
};

struct drain {
	struct virtqueue *vq;
	struct turn *turn;
	struct selfkick *again;
	uint32_t queue;	     /* its bit in the self-kick */
	unsigned chains_max; /* 0: the size of the queue */

	enum drain_state state; /* of the last drain, or of the one under way */
	unsigned chains;	/* that this drain may still take */
	int error;		/* virtq_pop()'s, until drain_error() takes it */
};

void drain_begin(struct drain *d);
/* Take the next chain; false: there is none, or the drain is over. */
bool drain_next(struct drain *d, struct virtq_chain *chain);
/* @chain, the last one taken, can't be handled now. */
void drain_defer(struct drain *d, const struct virtq_chain *chain);
/* After publishing. True: continue at once. */
bool drain_again(struct drain *d);
/* Why the ring can't be trusted; 0 if it can. Returned once. */
int drain_error(struct drain *d);
/* After a reset of the device nothing is deferred. */
void drain_reset(struct drain *d);

/* Whether kicks and pollers begin drains: not while the self-kick is under way or a chain is deferred. */
bool drain_is_open(const struct drain *d);
/* For the poller: whether to drain now. */
bool drain_is_due(const struct drain *d);
/* For the poller, before the reactor sleeps: ask for kicks. True: chains came in between, drain now. */
bool drain_rest(struct drain *d);

#endif
