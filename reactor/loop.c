/* SPDX-License-Identifier: GPL-2.0-only */
/* The loop: submit, wait, run the handlers; and the busy-wait before it sleeps. */
#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <sched.h>
#include <time.h>

#include "reactor/internal.h"

static void run_deferred(struct reactor *r)
{
	struct deferred *d = r->deferred;

	/* What these functions defer waits for the next step: a busy device must not keep others from their CQEs. */
	r->deferred = NULL;
	r->deferred_tail = &r->deferred;
	while (d) {
		struct deferred *next = d->next;

		d->queued = false;
		d->next = NULL;
		d->fn(d);
		d = next;
	}
}

#define YIELD_TURNS 16
#define STIRRED_TURNS 16 /* a ring that stays busy keeps the pollers waiting for at most this many turns */

/* Account handlers that began at @from_ns, when counters.kernel_ns was @kernel_ns. */
static void count_handlers(struct reactor *r, uint64_t from_ns, uint64_t kernel_ns)
{
	uint64_t ns = monotonic_ns() - from_ns;
	unsigned i = ns ? 63 - (unsigned)__builtin_clzll(ns) : 0;

	r->counters.handlers_ns += ns - (r->counters.kernel_ns - kernel_ns);
	r->counters.held[i < REACTOR_HELD_BUCKETS ? i : REACTOR_HELD_BUCKETS - 1]++;
	r->counters.held_long += ns > REACTOR_HELD_LONG_NS;
	if (ns > r->counters.held_max_ns)
		r->counters.held_max_ns = ns;
}

static void begin_wake(struct reactor *r, uint64_t now_ns)
{
	r->wake++;
	r->wake_ns = r->clock_ns = now_ns;
}

/* Run the handlers of all completions, then what they deferred. Called right after ring_enter() has read the clock. */
static int run_handlers(struct reactor *r)
{
	uint64_t before = r->clock_ns, kernel_ns = r->counters.kernel_ns;
	int n;

	r->dispatching = true;
	begin_wake(r, before);
	n = ring_reap(r);
	if (!r->draining)
		run_deferred(r);
	r->dispatching = false;
	count_handlers(r, before, kernel_ns);
	return n;
}

static int step_once(struct reactor *r, bool wait, uint64_t timeout_ns)
{
	int rc;

	assert(!r->dispatching);
	if (r->deferred || ring_has_completed(r))
		wait = false;
	rc = ring_enter(r, wait ? 1 : 0, timeout_ns);
	return rc < 0 ? rc : run_handlers(r);
}

uint64_t reactor_wake(struct reactor *r)
{
	if (!r->dispatching)
		begin_wake(r, monotonic_ns());
	return r->wake;
}

uint64_t reactor_wake_ns(const struct reactor *r)
{
	return r->wake_ns;
}

uint64_t reactor_clock_ns(const struct reactor *r)
{
	return r->clock_ns;
}

uint64_t reactor_read_clock(struct reactor *r)
{
	return r->clock_ns = monotonic_ns();
}

int reactor_step(struct reactor *r, bool wait)
{
	return step_once(r, wait, UINT64_MAX);
}

int reactor_step_until(struct reactor *r, uint64_t deadline_ns)
{
	uint64_t now = monotonic_ns();

	return step_once(r, now < deadline_ns, now < deadline_ns ? deadline_ns - now : 0);
}

/* --- busy-wait ----------------------------------------------------------- */

void reactor_busy_wait(struct reactor *r, uint64_t max_ns)
{
	busy_wait_init(&r->busy, r->epoll ? 0 : max_ns);
}

bool reactor_polls(const struct reactor *r)
{
	return r->polling;
}

void poller_add(struct reactor *r, struct poller *p)
{
	p->next = r->pollers;
	r->pollers = p;
}

void poller_remove(struct reactor *r, struct poller *p)
{
	struct poller **at = &r->pollers;

	while (*at && *at != p)
		at = &(*at)->next;
	if (*at)
		*at = p->next;
}

/* Call look or rest of every poller; whether one had work. */
static bool ask_pollers(struct reactor *r, bool rest, uint64_t now_ns)
{
	uint64_t kernel_ns = r->counters.kernel_ns;
	bool any = false;

	r->dispatching = true;
	begin_wake(r, now_ns);
	for (struct poller *p = r->pollers; p; p = p->next)
		any |= rest ? p->rest(p) : p->look(p);
	if (any) {
		run_deferred(r);
		count_handlers(r, now_ns, kernel_ns);
	}
	r->dispatching = false;
	return any;
}

/* Busy-wait until there is work (true) or the window is over. */
static bool busy_wait_spin(struct reactor *r, uint64_t idle_from_ns)
{
	uint64_t now = idle_from_ns, last;
	bool found;
	unsigned turns = 0;

	do {
		/*
		 * The completion that is awaited may need this very CPU: kernel threads complete direct writes, and
		 * io-wq workers do what was handed to them. Without a yield they would wait for this slice to end.
		 */
		if (++turns % YIELD_TURNS == 0)
			sched_yield();
		found = ask_pollers(r, false, now) || ring_stirs(r);
		if (found)
			break;
		__builtin_ia32_pause();
		last = now;
		now = monotonic_ns();
		if (now - last > BUSY_WAIT_LOST_NS) {
			r->counters.polls_preempted++;
			busy_wait_lost(&r->busy, now);
			break;
		}
	} while (now - idle_from_ns < r->busy.window_ns);
	if (!found)
		r->clock_ns = now;
	if (found)
		busy_wait_found(&r->busy, now - idle_from_ns);
	r->counters.poll_ns += now - idle_from_ns;
	*(found ? &r->counters.polls_hit : &r->counters.polls_missed) += 1;
	return found;
}

/* One round of the loop: do what is pending; else busy-wait; else sleep. */
static int loop_turn(struct reactor *r)
{
	uint64_t idle_from, now;
	int rc = 0;

	if (r->deferred || ring_stirs(r)) {
		rc = step_once(r, false, UINT64_MAX);
		/* A busy ring must not starve pollers whose kicks are disabled. */
		if (rc >= 0 && ++r->stirred % STIRRED_TURNS == 0)
			ask_pollers(r, false, monotonic_ns());
		return rc;
	}
	r->stirred = 0;
	idle_from = r->clock_ns = monotonic_ns();
	if (r->busy.window_ns && busy_wait_spin(r, idle_from))
		return 0;
	if (ask_pollers(r, true, r->clock_ns))
		return 0;
	rc = step_once(r, true, UINT64_MAX);
	now = monotonic_ns();
	busy_wait_slept(&r->busy, now - idle_from, now);
	return rc;
}

int reactor_run(struct reactor *r)
{
	int rc = 0;

	r->polling = r->busy.most_ns;
	while (!r->stop && rc >= 0)
		rc = r->polling ? loop_turn(r) : step_once(r, true, UINT64_MAX);
	r->stop = false;
	if (r->polling) {
		r->polling = false;
		ask_pollers(r, true, monotonic_ns());
	}
	if (rc >= 0)
		rc = r->fatal;
	return rc < 0 ? rc : 0;
}

void reactor_stop(struct reactor *r)
{
	r->stop = true;
}

void reactor_defer(struct reactor *r, struct deferred *d)
{
	if (d->queued)
		return;
	d->queued = true;
	d->next = NULL;
	*r->deferred_tail = d;
	r->deferred_tail = &d->next;
}

int reactor_settle(struct reactor *r, struct completion *c, uint64_t deadline_ns)
{
	int rc = reactor_cancel(r, c);

	while (rc >= 0 && c->slot && c->in_flight) {
		if (monotonic_ns() >= deadline_ns)
			return -ETIMEDOUT;
		rc = reactor_step_until(r, deadline_ns);
	}
	return rc < 0 ? rc : 0;
}
