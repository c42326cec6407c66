/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupt coalescing: how many used entries (completions) one interrupt is for. A driver with many requests in flight
 * submits the next as soon as it has handled an interrupt. A device that is faster than the driver then interrupts it
 * once per request, and in a virtual machine the interrupt costs more than the request. So the interrupt is held back
 * until the batch target is reached, as long as the driver goes on submitting.
 *
 * Everything is learnt from the traffic; nothing is held before a request has followed an interrupt. No clock is read
 * here.
 *
 * What is measured (moving averages, a new sample weighs 1/8):
 *   reaction  from an interrupt to the next request: what an interrupt costs, as the device sees it. Samples are cut at
 *             HOLD_REACTION_MOST_NS; one over HOLD_PAUSE_NS is a pause, and no sample.
 *   gap       between two requests. Cut at reaction; the first after a pause is no sample.
 *
 * How long an interrupt is held back: no longer than
 *   the last request (or the first completion held) + idle        the driver has stopped submitting
 *   the first completion held + min(8 x reaction, 3 ms)           it submits, but slowly
 *     missing = target - completions
 *     idle    = min((missing + missing / 2, rounded up, but at most 4) x gap, reaction)
 *     in a trial of target 2: at most reaction / 2^misses
 * and not at all once as many requests are completed as the disk still works on. So a request without a successor is
 * never delayed by more than one reaction.
 *
 * The batch target:
 *   state    target    the interrupt waits for
 *   unknown  1         nothing: reaction is not known
 *   single   1         nothing; the next trial comes after `trial_after` interrupts
 *   trial    2 to 16   twice the target that was, `previous`
 *   batch    2 to 16   the target
 *
 *   event                              in state  then
 *   first request after an interrupt   unknown   single, trial_after 4
 *   interrupt for target or more       single    after trial_after of them: trial of 2
 *     that was held                    trial     batch, trial_after 4, misses 0
 *     that was held                    batch     after trial_after of them: trial of twice the target, up to 16
 *     that was not held                any other none: completions that came all at once show nothing
 *   the driver submitted too slowly    any other target = completions
 *   the driver stopped, remainder (1)  any other none, but for the pause
 *   the driver stopped otherwise       trial     target = previous, or less (2); trial_after and misses grow (3)
 *                                      batch     target is less (2)
 *   no interrupt was wanted            any       counts as 64 interrupts; and as submitting ahead
 *   several requests at once           any       submits ahead: trial_after is 64 at most, misses 0
 *
 *   (1) since its last pause it took at least target + completions: a driver that keeps a fixed number of requests in
 *       flight leaves a remainder when that is no multiple of the target.
 *   (2) max(completions, target / 2); in a trial, previous if completions reached that.
 *   (3) trial_after doubles, up to 4096; misses, up to 4, counts trials of 2 that failed in a row.
 */
#ifndef KTSTR_VIRTIO_BLK_HOLD_H
#define KTSTR_VIRTIO_BLK_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#define HOLD_TARGET_MOST 16u
#define HOLD_TRIAL_FIRST 4u
#define HOLD_TRIAL_LAST 4096u
#define HOLD_TRIAL_AHEAD 64u
#define HOLD_MISSES_MOST 4u
#define HOLD_GAPS_MOST 4u
#define HOLD_REACTIONS 8u
#define HOLD_WHOLE_MOST_NS 3000000ull
#define HOLD_REACTION_MOST_NS 1000000ull
#define HOLD_PAUSE_NS 5000000ull

struct hold {
	unsigned target;      /* 1: no interrupt is held back */
	unsigned previous;    /* in a trial: the target before; else 0 */
	unsigned trial_after; /* interrupts at this target until the next trial */
	unsigned interrupts;  /* of these so far */
	unsigned misses;
	bool enough;	/* the disk worked on as many: what comes of it says nothing of the target */
	bool paused;	/* the driver stopped submitting, and has not begun again */
	unsigned taken; /* completions interrupted for since the last pause */
	uint64_t reaction_ns, gap_ns;
	uint64_t request_ns;   /* when the last request came */
	uint64_t interrupt_ns; /* when the driver was interrupted; 0: a request has come since */
	uint64_t first_ns;     /* of the completions held back, when the first came; 0: none is held */
	/* While one is held: when that ends, unless a request comes; and when it ends in any case. */
	uint64_t until_ns, limit_ns;
};

void hold_init(struct hold *h);
/* The driver has submitted @n more requests. */
void hold_submitted(struct hold *h, unsigned n, uint64_t now_ns);
/* @n completions want an interrupt, and @in_flight requests are not completed: whether to hold the interrupt back. */
bool hold_completed(struct hold *h, unsigned n, unsigned in_flight, uint64_t now_ns);
/* Whether the interrupt is to be held back no longer. */
bool hold_expired(const struct hold *h, uint64_t now_ns);
/* The driver was interrupted for @n completions; 0: it wanted no interrupt. */
void hold_interrupted(struct hold *h, unsigned n, uint64_t now_ns);

#endif
