/* SPDX-License-Identifier: GPL-2.0-only */
#include "reactor/busywait.h"

void busy_wait_slept(struct busy_wait *w, uint64_t idle_ns, uint64_t now_ns)
{
	if (idle_ns > w->max_ns) {
		w->window_ns /= 2;
		if (w->window_ns < BUSY_WAIT_FIRST_NS)
			w->window_ns = 0;
		return;
	}
	/* It would have been caught; one that was as long as can be, and yet slept, was overtaken by a hair. */
	if (now_ns < w->away_until_ns)
		return;
	w->window_ns = w->window_ns ? w->window_ns * 2 : BUSY_WAIT_FIRST_NS;
	if (w->window_ns > w->max_ns)
		w->window_ns = w->max_ns;
}

void busy_wait_lost(struct busy_wait *w, uint64_t now_ns)
{
	w->window_ns = 0;
	w->away_until_ns = now_ns + BUSY_WAIT_AWAY_NS;
}
