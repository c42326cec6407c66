/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the reactor share. */
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
	/* SQEs that did not fit into the SQ while the kernel accepted none. They are submitted before all later ones.
	 */
	struct io_uring_sqe *late;
	unsigned n_late, max_late;
	unsigned n_slots;
	uint32_t free_slot;  /* head of the list of slots that were given back; 0: none */
	uint32_t fresh_slot; /* from here on no slot was ever used, so that their pages are not touched */
	unsigned in_flight;  /* SQEs without their final CQE */
	bool stop;
	bool dispatching;
	uint64_t wake; /* number of the last one */
	uint64_t wake_ns, clock_ns;
	bool draining; /* teardown: CQEs are counted, handlers not run */
	int fatal;
	struct deferred *deferred, **deferred_tail;
	struct poller *pollers;
	struct busy_wait busy;
	unsigned stirred;	    /* rounds of the loop since the pollers were last called */
	bool polling;		    /* inside reactor_run(), which busy-waits */
	struct io_uring_cqe *batch; /* the CQEs of one wake */
	struct slot slot[];
};

/* Stop the loop and make reactor_run() return @error (negative). */
void reactor_fatal(struct reactor *r, int error);
void reactor_count_rearm(struct reactor *r);
/* Submit, and wait for @min CQEs, at most @timeout_ns (UINT64_MAX: no limit). 0 or a fatal negative errno. */
int ring_enter(struct reactor *r, unsigned min, uint64_t timeout_ns);
/* Submit only; take no completions. 0 or a fatal negative errno. */
int ring_submit(struct reactor *r);
/* Whether ring_reap() would find a completion. */
bool ring_has_completed(const struct reactor *r);
/* Whether the ring has work pending: SQEs to submit, or completions to take. */
bool ring_stirs(const struct reactor *r);
/* Run the handlers of the CQEs that are there; how many. */
int ring_reap(struct reactor *r);
int reactor_poll_multishot(struct reactor *r, struct completion *c, int fd, unsigned events);

#define CLOSE_PATIENCE_NS 2000000000ull

#endif
