/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupt coalescing. A driver that keeps many requests in flight submits the next ones when it handles an interrupt.
 * If the device is faster than the driver, it interrupts once per request, and in a virtual machine an interrupt costs
 * more than the request. So the device holds an interrupt back until a batch of completions is there (the batch
 * target), for as long as the driver goes on submitting. Without traffic to learn from nothing is held. Nothing here
 * reads a clock.
 *
 * Learnt from the traffic, as moving averages in which a new sample has the weight 1/8:
 *   reaction  from an interrupt to the next request: what an interrupt costs, seen from the device. Samples are capped
 *             at HOLD_REACTION_MOST_NS. One above HOLD_PAUSE_NS is a pause of the driver, and no sample.
 *   gap       between two requests. Samples are capped at reaction. The first gap after a pause is no sample.
 *
 * An interrupt that is held for `completions` is sent when the first of these has passed:
 *   last = max(last request, first completion held)
 *   last + idle                                         the driver has stopped submitting
 *   first completion held + min(8 * reaction, 3 ms)     the driver submits too slowly (the limit)
 *     missing = target - completions
 *     idle    = min(gaps * gap, most)
 *     gaps    = min(ceil(1.5 * missing), HOLD_GAPS_MOST)
 *     most    = reaction; in a trial of target 2: reaction / 2^misses
 * It is sent at once if completions >= target, if reaction is not known, or if completions >= requests in flight > 0.
 * So a request without a successor is never delayed by more than one reaction.
 *
 *   state    target   previous  what it means
 *   unknown  1        0         reaction is 0: nothing is known yet; nothing is held
 *   single   1        0         nothing is held; a trial comes after trial_after interrupts
 *   trial    2 to 16  target/2  whether the doubled target pays
 *   batch    2 to 16  0         the target pays; below 16 a trial of twice the target comes after trial_after
 * interrupts
 *
 *   event                              state    then
 *   first request after an interrupt   unknown  single, trial_after = 4
 *   interrupt, completions >= target   single   interrupts + 1; at trial_after: trial of 2
 *     and it was held                  trial    batch, trial_after = 4, misses = 0; counts as the first interrupt there
 *     and it was held                  batch    interrupts + 1; at trial_after: trial of 2 * target, if target < 16
 *     and it was not held              other    nothing: completions that came all at once show nothing
 *   interrupt at the limit             other    target = completions; a trial has failed (3)
 *   interrupt after idle, remainder(1) other    nothing but the pause
 *   interrupt after idle               trial    target = previous; the trial has failed (3)
 *   interrupt after idle               batch    target = max(completions, target / 2)
 *   completions >= requests in flight  other    nothing, below the target: the disk had no more to complete
 *   the driver wanted no interrupt     any      interrupts + 64; it submits ahead (2)
 *   several requests at once           any      it submits ahead (2)
 * With each new target interrupts begins at 0.
 *
 *   (1) Since the last pause at least target + completions were interrupted for: a driver that keeps a fixed number of
 *       requests in flight leaves a remainder when that number is no multiple of the target.
 *   (2) There is more than one request in flight, so a trial may pay: trial_after = min(trial_after, 64), misses = 0.
 *   (3) Only in state trial: trial_after doubles, up to 4096; in a trial of 2, misses + 1, up to 4.
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
	unsigned target;      /* of a batch; 1: no interrupt is held back */
	unsigned previous;    /* in a trial: the target before it; else 0 */
	unsigned trial_after; /* interrupts that reach the target until the next trial */
	unsigned interrupts;  /* of these so far */
	unsigned misses;      /* trials of 2 that failed in a row */
	bool enough;	      /* the last completions were as many as the requests in flight */
	bool paused;	      /* the driver stopped submitting, and has not begun again */
	unsigned taken;	      /* completions interrupted for since the last pause; capped */
	uint64_t reaction_ns, gap_ns;
	uint64_t request_ns;   /* time of the last request */
	uint64_t interrupt_ns; /* time of the last interrupt; 0: a request has come since */
	uint64_t first_ns;     /* time of the first completion that is held; 0: none is */
	/* While one is held: when it is sent unless a request comes, and the limit. */
	uint64_t until_ns, limit_ns;
};

void hold_init(struct hold *h);
/* The driver has submitted @n more requests. */
void hold_submitted(struct hold *h, unsigned n, uint64_t now_ns);
/* The driver wants an interrupt for @n completions; @in_flight requests are not completed. True: hold it back. */
bool hold_completed(struct hold *h, unsigned n, unsigned in_flight, uint64_t now_ns);
/* Whether an interrupt that is held is to be sent now. */
bool hold_expired(const struct hold *h, uint64_t now_ns);
/* The driver was interrupted for @n completions; 0: it wanted no interrupt for them. */
void hold_interrupted(struct hold *h, unsigned n, uint64_t now_ns);

#endif
