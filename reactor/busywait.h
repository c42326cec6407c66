/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long to busy-wait before a sleep. A busy-wait that finds work saves the wake-up of this thread and the kick of
 * the other side; it costs CPU time. So its length is learnt from the idle times. Nothing here reads a clock.
 *
 *   idle time  from when the reactor ran out of work until there is work again, found by the busy-wait or by a wake-up
 *   window     the most that the next busy-wait may last; 0: none
 *   ceiling    the most that the window may be: 200 us in the states short and control, most_ns in trial and long
 *
 * The window changes as in KVM's halt polling:
 *   event                               window
 *   woken after idle <= ceiling         doubles: from 20 us up to the ceiling
 *   woken after idle > ceiling          halves; below 20 us it becomes 0
 *   the CPU was preempted meanwhile     becomes 0, and does not grow for 20 ms
 *
 * 200 us is too short where a wake-up is expensive, as in nested virtualization: the wake-up itself delays the next
 * request beyond it. So windows of most_ns are tried. They pay if they shorten the mean idle time by a ninth:
 *   long pays    mean(long) * 9/8 <= mean(short), each over 256 idle times
 * An idle time over most_ns is a pause of the guest, and no sample.
 *
 *   state    ceiling  next state, and when
 *   short    200 us   trial    trial_after idle times were between 200 us and most_ns and ended in a wake-up
 *   trial    most_ns  long     after 256 idle times, if long pays
 *                     short    after 256 idle times, if not; trial_after doubles, up to 8192
 *                     short    the CPU was preempted
 *   long     most_ns  control  after 8192 idle times
 *   control  200 us   long     after 256 idle times, if long pays; trial_after becomes 64
 *                     short    after 256 idle times, if not; trial_after becomes 64
 *
 *   counter      counts
 *   idles        idle times in this state; in short only those that count towards trial_after
 *   trial_after  idle times in short until the next trial: 64 at first
 *   with_short   mean of the idle times in short and control; control begins it anew
 *   with_long    mean of the idle times in trial and long; trial begins it anew
 */
#ifndef KTSTR_REACTOR_BUSYWAIT_H
#define KTSTR_REACTOR_BUSYWAIT_H

#include <stdbool.h>
#include <stdint.h>

#define BUSY_WAIT_FIRST_NS 20000ull
#define BUSY_WAIT_SHORT_NS 200000ull
#define BUSY_WAIT_LOST_NS 1000000ull  /* a longer time between two readings of the clock: the CPU was preempted */
#define BUSY_WAIT_AWAY_NS 20000000ull /* after which there is no busy-wait for this long */
#define BUSY_WAIT_IDLES 256u	      /* samples of a mean */
#define BUSY_WAIT_LONG_IDLES 8192u    /* in state long before a control */
#define BUSY_WAIT_TRIAL_FIRST 64u
#define BUSY_WAIT_TRIAL_LAST 8192u

enum busy_wait_state { BUSY_WAIT_SHORT, BUSY_WAIT_TRIAL, BUSY_WAIT_LONG, BUSY_WAIT_CONTROL };

/* The mean of the first 256 samples; from then on a moving average of that weight. */
struct busy_wait_mean {
	uint64_t ns;
	unsigned n;
};

struct busy_wait {
	uint64_t most_ns;	/* 0: never */
	uint64_t window_ns;	/* of the next busy-wait; 0: none */
	uint64_t away_until_ns; /* set by busy_wait_lost() */
	enum busy_wait_state state;
	unsigned idles;
	unsigned trial_after;
	struct busy_wait_mean with_short, with_long;
};

void busy_wait_init(struct busy_wait *w, uint64_t most_ns);
/* The busy-wait found work after @idle_ns. */
void busy_wait_found(struct busy_wait *w, uint64_t idle_ns);
/* The thread slept and was woken; @idle_ns since it ran out of work. */
void busy_wait_slept(struct busy_wait *w, uint64_t idle_ns, uint64_t now_ns);
/* The CPU was preempted during a busy-wait. */
void busy_wait_lost(struct busy_wait *w, uint64_t now_ns);

#endif
