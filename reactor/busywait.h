/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long to busy-wait before a sleep, learnt from the idle times themselves. A busy-wait saves the wake-up of this
 * thread and the kick of the other side. It costs the time of a CPU, so it must be likely to find something, and worth
 * the time. No clock is read here.
 *
 * idle: from when there was nothing to do until there was something again, found by the busy-wait or woken.
 * window: how long the next busy-wait lasts at most. Short windows follow what KVM's halt polling does:
 *
 *   event                               then
 *   woken after idle <= ceiling         the window doubles, from 20 us up to the ceiling
 *   woken after idle > ceiling          the window is halved, below 20 us to none
 *   the CPU was taken away meanwhile    no window, and none grows for 20 ms; a trial ends
 *
 * The ceiling is 200 us, and at first nothing more. Where a wake-up is expensive, as in nested virtualization, the next
 * request comes later than that because of the wake-up. So longer windows, up to most_ns, are tried, and kept where
 * they shorten the mean idle time by an eighth or more: mean(long) * 9/8 <= mean(short), over 256 each. Idle times over
 * most_ns are pauses, and no samples.
 *
 *   state    ceiling   left after                                           for
 *   short    200 us    256 idle times, of these `trial_after` wake-ups      trial
 *                      after 200 us < idle <= most_ns
 *   trial    most_ns   256 idle times                                       long, if they are shorter; else
 *                                                                           short; trial_after doubles (64..8192)
 *   long     most_ns   8192 idle times                                      control
 *   control  200 us    256 idle times                                       long, if these are longer; else
 *                                                                           short; trial_after 64
 */
#ifndef KTSTR_REACTOR_BUSYWAIT_H
#define KTSTR_REACTOR_BUSYWAIT_H

#include <stdbool.h>
#include <stdint.h>

#define BUSY_WAIT_FIRST_NS 20000ull
#define BUSY_WAIT_SHORT_NS 200000ull
#define BUSY_WAIT_LOST_NS 1000000ull  /* between two readings of the clock: the CPU was taken away */
#define BUSY_WAIT_AWAY_NS 20000000ull /* no busy-wait for this long then */
#define BUSY_WAIT_IDLES 256u	      /* that make a mean */
#define BUSY_WAIT_LONG_IDLES 8192u    /* from one control to the next */
#define BUSY_WAIT_TRIAL_FIRST 64u
#define BUSY_WAIT_TRIAL_LAST 8192u

enum busy_wait_state { BUSY_WAIT_SHORT, BUSY_WAIT_TRIAL, BUSY_WAIT_LONG, BUSY_WAIT_CONTROL };

/* Of the first 256 samples, then moving. */
struct busy_wait_mean {
	uint64_t ns;
	unsigned n;
};

struct busy_wait {
	uint64_t most_ns;	/* 0: never */
	uint64_t window_ns;	/* of the next busy-wait; 0: none */
	uint64_t away_until_ns; /* set by busy_wait_lost() */
	enum busy_wait_state state;
	unsigned idles; /* in this state; in BUSY_WAIT_SHORT only wake-ups that a longer window would have spared */
	unsigned trial_after;
	struct busy_wait_mean with_short, with_long; /* idle times by length of the windows */
};

void busy_wait_init(struct busy_wait *w, uint64_t most_ns);
/* The busy-wait found something to do after @idle_ns. */
void busy_wait_found(struct busy_wait *w, uint64_t idle_ns);
/* The thread slept; there is something to do, @idle_ns after there was nothing. */
void busy_wait_slept(struct busy_wait *w, uint64_t idle_ns, uint64_t now_ns);
/* The CPU was taken away during a busy-wait. */
void busy_wait_lost(struct busy_wait *w, uint64_t now_ns);

#endif
