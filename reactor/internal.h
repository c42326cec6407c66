/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this room share. */
#ifndef KTSTR_REACTOR_INTERNAL_H
#define KTSTR_REACTOR_INTERNAL_H

#include <liburing.h>

#include "reactor/busywait.h"
#include "reactor/container.h"
#include "reactor/epoll.h"
#include "reactor/reactor.h"

#define NS_PER_S 1000000000ull

struct slot {
	struct completion *c;
	uint32_t generation;
	uint32_t next_free;
};

struct reactor {
	struct io_uring ring;
	struct epoll_ground *epoll; /* instead of the ring; NULL */
	struct reactor_features features;
	struct reactor_counters counters;
	unsigned enter_flags;
	/* SQEs that found the SQ full while the kernel took none, in order; they go before all later ones. */
	struct io_uring_sqe *late;
	unsigned n_late, max_late;
	unsigned n_slots;
	uint32_t free_slot;  /* head of the list of slots that are free again; 0: none */
	uint32_t fresh_slot; /* from here on none was ever used, nor touched */
	unsigned in_flight;  /* SQEs whose final CQE has not come */
	bool stop;
	bool dispatching;
	uint64_t wake; /* number of the last one */
	uint64_t wake_ns, clock_ns;
	bool draining; /* teardown: CQEs are counted, handlers not run */
	int fatal;
	struct deferred *deferred, **deferred_tail;
	struct poller *pollers;
	struct busy_wait busy;
	unsigned stirred;	    /* turns in a row without a look at the pollers */
	bool polling;		    /* in reactor_run(), and it busy-waits */
	struct io_uring_cqe *batch; /* local list of one wake */
	struct slot slot[];
};

/* Stop the loop and make reactor_run() return @error (negative). */
void reactor_fatal(struct reactor *r, int error);
void reactor_count_rearm(struct reactor *r);
/* Publish the SQ tail, submit, and wait for @min CQEs (at most @timeout_ns, when
 * that is not UINT64_MAX). 0 or a fatal negative errno. */
int ring_enter(struct reactor *r, unsigned min, uint64_t timeout_ns);
/* Publish the SQ tail and submit; completions stay where they are. 0 or a fatal negative errno. */
int ring_submit(struct reactor *r);
/* Whether there is something for ring_reap(). */
bool ring_has_completed(const struct reactor *r);
/* Whether entering, or looking at the CQ, would do something. */
bool ring_stirs(const struct reactor *r);
/* Run the handlers of what is in the CQ; how many. */
int ring_reap(struct reactor *r);
int reactor_poll_multishot(struct reactor *r, struct completion *c, int fd, unsigned events);

#define CLOSE_PATIENCE_NS 2000000000ull

#endif
