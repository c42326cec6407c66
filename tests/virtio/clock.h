/* SPDX-License-Identifier: GPL-2.0-only */
/* A clock and timers that are the test's: link with --wrap of monotonic_ns, timer_set and timer_clear. */
#ifndef KTSTR_TESTS_VIRTIO_CLOCK_H
#define KTSTR_TESTS_VIRTIO_CLOCK_H

#include <stdint.h>

#include "reactor/reactor.h"

static uint64_t now_ns = 1000000000;
static unsigned timer_sets; /* of all timers */
static uint64_t timer_ns;   /* the last one's */

uint64_t __wrap_monotonic_ns(void);
int __wrap_timer_set(struct timer *t, uint64_t deadline_ns);
void __wrap_timer_clear(struct timer *t);

uint64_t __wrap_monotonic_ns(void)
{
	return now_ns;
}

int __wrap_timer_set(struct timer *t, uint64_t deadline_ns)
{
	t->deadline_ns = timer_ns = deadline_ns;
	timer_sets++;
	return 0;
}

void __wrap_timer_clear(struct timer *t)
{
	t->deadline_ns = 0;
}

#endif
