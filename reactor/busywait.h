/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long to busy-wait before sleeping. It tunes itself as KVM's halt polling
 * does: what came soon after falling asleep makes the next busy-wait longer,
 * what came late makes it shorter, down to none. And it gives way: when the CPU
 * was taken from it meanwhile, somebody else needs it, and there is none for a
 * while. No clock is read here.
 */
#ifndef KTSTR_REACTOR_BUSYWAIT_H
#define KTSTR_REACTOR_BUSYWAIT_H

#include <stdbool.h>
#include <stdint.h>

#define BUSY_WAIT_FIRST_NS 20000ull   /* the first one, and the shortest */
#define BUSY_WAIT_LOST_NS 1000000ull  /* a gap between two looks at the clock: preempted */
#define BUSY_WAIT_AWAY_NS 20000000ull /* no busy-wait for so long after one */

struct busy_wait {
	uint64_t max_ns;	/* 0: never */
	uint64_t window_ns;	/* of the next one; 0: none */
	uint64_t away_until_ns; /* set by busy_wait_lost() */
};

/* After a sleep: it is @idle_ns since there was nothing to do. */
void busy_wait_slept(struct busy_wait *w, uint64_t idle_ns, uint64_t now_ns);
/* The CPU was taken away. */
void busy_wait_lost(struct busy_wait *w, uint64_t now_ns);

#endif
