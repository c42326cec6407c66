/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The block device's insides: device.c (set-up, transport, reset, teardown),
 * queue.c (drain, throttle, publish) and perform.c (order, transfer rules,
 * completion). One thread, the reactor's.
 */
#ifndef KTSTR_VIRTIO_BLK_DEVICE_H
#define KTSTR_VIRTIO_BLK_DEVICE_H

#include <linux/virtio_blk.h>

#include "virtio/blk.h"
#include "virtio/blk/backing.h"
#include "virtio/blk/hold.h"
#include "virtio/blk/request.h"
#include "virtio/blk/throttle.h"
#include "virtio/drain.h"

#define BLK_RETRIES_MAX 16u
#define BLK_QUEUE 1u /* the one there is, as a bit of the self-kick */
/* In a turn of the device no more than this is begun. A transfer goes to the backing in pieces of turn_room() bytes. */
#define BLK_TURN_BYTES TURN_ROOM_MOST
#define BLK_RESET_PATIENCE_NS 5000000000ull

struct blk {
	struct virtio_device dev;
	struct reactor *r;
	struct backing *backing;
	struct blk_counters counters;
	struct blk_geometry geometry;
	uint8_t id[BLK_ID_BYTES];
	struct blk_observer observer;

	/* queue.c */
	struct throttle throttle;
	struct timer retry; /* the stalled head is looked at again */
	struct turn turn;
	struct selfkick again;	  /* what the turn had no room for */
	struct drain drain;	  /* deferred: the next head waits for tokens */
	struct deferred publish;  /* used.idx and the interrupt, once a wake at least */
	struct poller poller;	  /* looks at the queue while the reactor busy-waits */
	struct virtq_chain chain; /* the one being decoded */
	uint64_t due_ns;	  /* when the stalled head has its tokens */
	bool paused;
	bool dirty;	  /* used entries wait for publish */
	uint16_t asked;	  /* avail.idx, when it was last looked at */
	struct hold hold; /* interrupt coalescing */
	struct timer hold_end;

	/* perform.c */
	struct blk_request *first, *last;	/* popped and not answered, in ring order */
	struct blk_request *ready, *ready_last; /* no blockers any more, to be started */
	bool starting;
	bool write_through; /* the driver can't flush: a write is durable before it is answered (5.2.6.2) */
	unsigned n_waiting; /* of the list, with blockers */
	unsigned n_writes;  /* of the list, writes */

	/* device.c */
	uint64_t generation; /* moves at reset: older requests are dropped when they end */
	unsigned submitted;  /* operations with the backing, of any generation */
	unsigned attached;
	struct timer reset_bound;
	uint64_t reset_patience_ns;
	struct blk_request slot[VIRTQ_SIZE_MAX]; /* by head */
	/* The slots', a page each and apart from them: of an idle disk none is touched. */
	struct iovec iov[VIRTQ_SIZE_MAX][BLK_IOV_MAX];
};

/* As blk_create(), on a backing that is there; it is closed with the device,
 * and on failure too. */
int blk_create_on(struct blk **out, struct reactor *r, const struct blk_config *cfg, struct backing *backing, char *why,
		  size_t why_size);

/* queue.c */
int blk_queue_init(struct blk *b, const struct blk_config *cfg, char *why, size_t why_size);
void blk_queue_close(struct blk *b);
/* Pop and start what is available; bounded by the queue's size. */
void blk_service(struct blk *b);
/* Write the status byte and the used entry of @r; its slot is free then. */
void blk_answer(struct blk *b, struct blk_request *r, uint8_t status, uint32_t used_len);
/* An interrupt that is held is held no longer. */
void blk_publish(struct blk *b);
/* Nothing stalled, nothing held back. Tokens and debts stay: a limit that a driver lifts by a reset is none. */
void blk_queue_reset(struct blk *b);
void blk_unstall(struct blk *b);

/* perform.c */
/* Take the decoded @r: now, or after the earlier ones that it must follow. */
void blk_perform(struct blk *b, struct blk_request *r);
/* Begin what is ready; what this turn has no room for goes on by the self-kick. */
void blk_start_ready(struct blk *b);
/* Forget what waits; ask the backing to end what it has. */
void blk_abandon(struct blk *b);

/* device.c */
/* timer_open() that leaves fd at -1 on failure, and its undoing. */
int blk_timer_open(struct blk *b, struct timer *t, void (*fn)(struct timer *t));
void blk_timer_close(struct timer *t);
/* An operation of an older generation has ended. */
void blk_straggler_done(struct blk *b);

#endif
