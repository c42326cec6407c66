/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the block device: device.c (set-up, transport, reset, teardown), queue.c (drain, throttle, publishing) and
 * perform.c (order, transfer rules, completion). All of it runs on the reactor thread.
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
#define BLK_QUEUE 1u /* the only queue, as a bit of the self-kick */
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
	struct timer retry; /* when the stalled head is tried again */
	struct turn turn;
	struct selfkick again;	  /* continues what the turn had no room for */
	struct drain drain;	  /* deferred while the next head waits for tokens */
	struct deferred publish;  /* used.idx and the interrupt decision, at the end of a wake */
	struct poller poller;	  /* polls the queue while the reactor busy-waits */
	struct virtq_chain chain; /* being decoded */
	uint64_t due_ns;	  /* when the stalled head has its tokens */
	bool paused;
	bool dirty;	  /* used entries are not published yet */
	uint16_t asked;	  /* avail.idx as last read */
	struct hold hold; /* interrupt coalescing */
	struct timer hold_end;

	/* perform.c */
	struct blk_request *first, *last;	/* popped and not answered, in ring order */
	struct blk_request *ready, *ready_last; /* to be started: no blockers are left */
	bool starting;
	bool write_through; /* the driver can't flush: writes are durable before they are answered (5.2.6.2) */
	unsigned n_waiting; /* requests in the list with blockers */
	unsigned n_writes;  /* requests in the list that change the disk */

	/* device.c */
	uint64_t generation; /* incremented by a reset: older requests are dropped when they complete */
	unsigned submitted;  /* operations that the backing has, of any generation */
	unsigned attached;
	struct timer reset_bound;
	uint64_t reset_patience_ns;
	struct blk_request slot[VIRTQ_SIZE_MAX]; /* by head */
	/* The slots' ranges, a page each and apart from the slots: an idle disk touches none of these pages. */
	struct iovec iov[VIRTQ_SIZE_MAX][BLK_IOV_MAX];
};

/* As blk_create(), on @backing, which is closed with the device, and on failure. */
int blk_create_on(struct blk **out, struct reactor *r, const struct blk_config *cfg, struct backing *backing, char *why,
		  size_t why_size);

/* queue.c */
int blk_queue_init(struct blk *b, const struct blk_config *cfg, char *why, size_t why_size);
void blk_queue_close(struct blk *b);
/* Drain the queue: pop and start requests. */
void blk_service(struct blk *b);
/* Write the status byte and the used element of @r, which frees its slot. */
void blk_answer(struct blk *b, struct blk_request *r, uint8_t status, uint32_t used_len);
/* Publish at once; an interrupt is not held back. */
void blk_publish(struct blk *b);
/* Nothing is stalled or held back any more. Tokens and debts stay: otherwise a driver could lift the limit by a reset.
 */
void blk_queue_reset(struct blk *b);
void blk_unstall(struct blk *b);

/* perform.c */
/* Perform the decoded @r: now, or after the earlier requests that it must follow. */
void blk_perform(struct blk *b, struct blk_request *r);
/* Start what is ready; the self-kick continues what this turn has no room for. */
void blk_start_ready(struct blk *b);
/* Drop what has not been submitted, and cancel what the backing has. */
void blk_abandon(struct blk *b);

/* device.c */
/* timer_open(), but on failure fd is -1; and the matching close. */
int blk_timer_open(struct blk *b, struct timer *t, void (*fn)(struct timer *t));
void blk_timer_close(struct timer *t);
/* An operation of an older generation has completed. */
void blk_straggler_done(struct blk *b);

#endif
