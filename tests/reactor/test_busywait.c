/* SPDX-License-Identifier: GPL-2.0-only */
/* The busy-wait before a sleep: how long it gets, what it looks at, when there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "reactor/busywait.h"
#include "reactor/container.h"
#include "reactor/reactor.h"

#define MAX_NS 200000u
#define SECOND_NS 1000000000ull

/* --- how long ------------------------------------------------------------- */

static struct busy_wait busy_wait(uint64_t most_ns, uint64_t window_ns)
{
	struct busy_wait w;

	busy_wait_init(&w, most_ns);
	w.window_ns = window_ns;
	return w;
}

static void test_grows_by_what_comes_soon(void **state)
{
	struct busy_wait w = busy_wait(MAX_NS, 0);
	uint64_t last = 0;

	for (unsigned i = 0; i < 10; i++) {
		busy_wait_slept(&w, MAX_NS, i);
		assert_true(w.window_ns > last || w.window_ns == MAX_NS);
		last = w.window_ns;
	}
	assert_int_equal(w.window_ns, MAX_NS);
}

static void test_shrinks_to_none_by_what_comes_late(void **state)
{
	struct busy_wait w = busy_wait(MAX_NS, MAX_NS);
	uint64_t last = MAX_NS;

	for (unsigned i = 0; w.window_ns; i++) {
		busy_wait_slept(&w, MAX_NS + 1, i);
		assert_true(w.window_ns < last);
		last = w.window_ns;
		assert_true(i < 10);
	}
}

static void test_never_where_it_is_off(void **state)
{
	struct busy_wait w = busy_wait(0, 0);

	busy_wait_slept(&w, 0, 1);
	busy_wait_slept(&w, 1, 2);
	assert_int_equal(w.window_ns, 0);
}

static void test_gives_way(void **state)
{
	struct busy_wait w = busy_wait(MAX_NS, MAX_NS);

	busy_wait_lost(&w, 1000);
	assert_int_equal(w.window_ns, 0);
	busy_wait_slept(&w, 10, 1000 + BUSY_WAIT_AWAY_NS - 1);
	assert_int_equal(w.window_ns, 0);
	busy_wait_slept(&w, 10, 1000 + BUSY_WAIT_AWAY_NS);
	assert_true(w.window_ns > 0);
}

/* --- longer windows, where they pay ----------------------------------------- */

#define US 1000ull
#define MOST_NS (2000 * US)

static struct {
	struct busy_wait w;
	uint64_t now, spun;
	unsigned sleeps;
} sim;

static void begin(void)
{
	memset(&sim, 0, sizeof(sim));
	sim.now = SECOND_NS;
	busy_wait_init(&sim.w, MOST_NS);
}

/* @n idle times: the other side has something to do after @after_ns, and a wake-up takes @wake_ns. */
static void idle(unsigned n, uint64_t after_ns, uint64_t wake_ns)
{
	sim.sleeps = 0;
	sim.spun = 0;
	while (n--) {
		if (sim.w.window_ns >= after_ns) {
			sim.spun += after_ns;
			sim.now += after_ns;
			busy_wait_found(&sim.w, after_ns);
			continue;
		}
		sim.spun += sim.w.window_ns;
		sim.sleeps++;
		sim.now += after_ns + wake_ns;
		busy_wait_slept(&sim.w, after_ns + wake_ns, sim.now);
	}
}

/* Nothing is known of this machine: no longer than KVM's halt polling, until it has been tried. */
static void test_starts_short(void **state)
{
	begin();
	idle(BUSY_WAIT_IDLES - 1, 400 * US, 200 * US);
	assert_int_equal(sim.w.state, BUSY_WAIT_SHORT);
	assert_int_equal(sim.spun, 0);
	begin();
	idle(100, 50 * US, 100 * US);
	assert_int_equal(sim.w.state, BUSY_WAIT_SHORT);
	assert_in_range(sim.w.window_ns, 50 * US, BUSY_WAIT_SHORT_NS);
	assert_in_range(sim.sleeps, 1, 5);
}

/* Requests 400 us apart, and 200 us more where the thread must be woken: nearly none is slept for. */
static void test_long_where_a_wake_up_is_expensive(void **state)
{
	begin();
	idle(2 * BUSY_WAIT_IDLES, 400 * US, 200 * US);
	assert_int_equal(sim.w.state, BUSY_WAIT_LONG);
	/* But for the control. */
	idle(2 * BUSY_WAIT_LONG_IDLES, 400 * US, 200 * US);
	assert_in_range(sim.sleeps, 1, BUSY_WAIT_IDLES);
	/* They would have been found in 200 us, but for the wake-up that a short window needs each time. */
	begin();
	idle(1000, 190 * US, 60 * US);
	idle(1000, 190 * US, 60 * US);
	assert_in_range(sim.sleeps, 0, 5);
}

/* A request each millisecond, and a wake-up of 10 us: no CPU is spent on that. */
static void test_short_where_a_wake_up_is_cheap(void **state)
{
	const unsigned n = 5 * BUSY_WAIT_TRIAL_LAST;

	begin();
	idle(n, 1000 * US, 10 * US);
	assert_int_equal(sim.w.state, BUSY_WAIT_SHORT);
	assert_int_equal(sim.w.trial_after, BUSY_WAIT_TRIAL_LAST);
	/* But for the trials: a tenth of the time at first, then a thirtieth. */
	assert_in_range(sim.spun, 1, n * 1000 * US / 10);
	idle(n, 1000 * US, 10 * US);
	assert_in_range(sim.spun, 0, n * 1000 * US / 25);
}

/* Most come at once and a few late: what is spent on the few is not worth what it saves of all. */
static void test_all_idle_times_count(void **state)
{
	begin();
	for (unsigned i = 0; i < 2000; i++) {
		idle(20, 100 * US, 30 * US);
		idle(1, 1500 * US, 30 * US);
	}
	assert_int_not_equal(sim.w.state, BUSY_WAIT_LONG);
	assert_in_range(sim.w.trial_after, 4 * BUSY_WAIT_TRIAL_FIRST, BUSY_WAIT_TRIAL_LAST);
}

/* The other side becomes quick to wake, or slow: it is found out again. */
static void test_learns_anew(void **state)
{
	begin();
	idle(1000, 400 * US, 200 * US);
	assert_int_equal(sim.w.state, BUSY_WAIT_LONG);
	idle(2 * BUSY_WAIT_LONG_IDLES, 400 * US, 10 * US);
	assert_int_not_equal(sim.w.state, BUSY_WAIT_LONG);
	idle(2 * BUSY_WAIT_TRIAL_LAST, 400 * US, 200 * US);
	assert_int_not_equal(sim.w.state, BUSY_WAIT_SHORT);
}

/* A pause ends every window, and is no sample: what was learnt stays. */
static void test_pauses_are_not_waited_for(void **state)
{
	begin();
	idle(1000, 400 * US, 200 * US);
	idle(20, MOST_NS + US, 200 * US);
	assert_int_equal(sim.w.window_ns, 0);
	assert_in_range(sim.spun, MOST_NS, 2 * MOST_NS);
	assert_int_equal(sim.w.state, BUSY_WAIT_LONG);
	idle(100, 400 * US, 200 * US);
	assert_in_range(sim.sleeps, 1, 10);
}

/* Somebody needs the CPU while it is tried: not now. */
static void test_a_trial_gives_way(void **state)
{
	begin();
	idle(BUSY_WAIT_IDLES, 400 * US, 200 * US);
	assert_int_equal(sim.w.state, BUSY_WAIT_TRIAL);
	busy_wait_lost(&sim.w, sim.now);
	assert_int_equal(sim.w.state, BUSY_WAIT_SHORT);
	idle(BUSY_WAIT_AWAY_NS / (600 * US) - 1, 400 * US, 200 * US);
	assert_int_equal(sim.spun, 0);
}

/* --- what it looks at ------------------------------------------------------ */

struct fixture {
	struct reactor *r;
	struct poller p;
	struct kick kick;
	struct deferred deferred;
	int fd;
	unsigned kicks, looks, rests, deferrals;
	unsigned looks_until_stop;
	bool work_at_rest, kick_at_look;
};

static void kicked(struct kick *k)
{
	container_of(k, struct fixture, kick)->kicks++;
}

static void deferred(struct deferred *d)
{
	container_of(d, struct fixture, deferred)->deferrals++;
}

static bool look(struct poller *p)
{
	struct fixture *f = container_of(p, struct fixture, p);

	assert_true(reactor_polls(f->r));
	f->looks++;
	if (f->kick_at_look && f->looks % 8 == 0)
		assert_int_equal(eventfd_write(f->fd, 1), 0);
	if (f->looks < f->looks_until_stop)
		return f->looks % 4 == 0 && (reactor_defer(f->r, &f->deferred), true);
	reactor_stop(f->r);
	return true;
}

/* Its other side kicks at once: the sleep is short, and the next busy-wait longer. */
static bool rest(struct poller *p)
{
	struct fixture *f = container_of(p, struct fixture, p);

	f->rests++;
	if (f->work_at_rest) {
		reactor_stop(f->r);
		return true;
	}
	assert_int_equal(eventfd_write(f->fd, 1), 0);
	return false;
}

static void open_fixture(struct fixture *f, uint64_t max_ns)
{
	memset(f, 0, sizeof(*f));
	f->p = (struct poller){ .look = look, .rest = rest };
	f->deferred.fn = deferred;
	f->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert_int_equal(reactor_create(&f->r, 16, 16), 0);
	assert_int_equal(kick_watch(f->r, &f->kick, f->fd, kicked), 0);
	assert_int_equal(reactor_step(f->r, false), 0); /* the poll is armed */
	reactor_busy_wait(f->r, max_ns);
	poller_add(f->r, &f->p);
}

static void close_fixture(struct fixture *f)
{
	poller_remove(f->r, &f->p);
	kick_unwatch(&f->kick);
	assert_int_equal(reactor_destroy(f->r, 5 * SECOND_NS), 0);
	close(f->fd);
}

/* What @look finds is done, and what it defers is run, with no kick and no entry into the kernel. */
static void test_finds_what_nobody_kicked_for(void **state)
{
	struct fixture f;
	const struct reactor_counters *c;

	open_fixture(&f, SECOND_NS);
	c = reactor_counters(f.r);
	f.looks_until_stop = 1000;
	assert_int_equal(reactor_run(f.r), 0);
	assert_int_equal(f.looks, 1000);
	assert_int_equal(f.deferrals, 249);
	assert_int_equal(f.kicks, f.rests - 1); /* one for each sleep; the last rest is at the end */
	assert_int_equal(c->polls_hit, 250);
	/* On a machine that leaves us the CPU there is one sleep, before the first busy-wait. */
	if (!c->polls_missed) {
		assert_int_equal(f.rests, 2);
		assert_true(c->enters < 10);
	}
	assert_true(c->poll_ns > 0);
	assert_false(reactor_polls(f.r));
	close_fixture(&f);
}

/* The ring is looked at too: completions come in between without a sleep. */
static void test_sees_completions(void **state)
{
	struct fixture f;

	open_fixture(&f, SECOND_NS);
	f.looks_until_stop = 1000;
	f.kick_at_look = true;
	assert_int_equal(reactor_run(f.r), 0);
	assert_int_equal(f.kicks, f.rests - 1 + 124);
	close_fixture(&f);
}

static void test_does_not_sleep_on_work_at_rest(void **state)
{
	struct fixture f;

	open_fixture(&f, SECOND_NS);
	f.work_at_rest = true;
	assert_int_equal(reactor_run(f.r), 0); /* nobody kicks: it would never end */
	assert_int_equal(f.looks, 0);
	close_fixture(&f);
}

struct stirrer {
	struct completion c;
	struct fixture *f;
	int fd;
	char byte;
	unsigned reads;
};

/* Each read completes at once, and its handler begins the next. */
static void read_again(struct completion *c, int32_t res, uint32_t flags)
{
	struct stirrer *s = container_of(c, struct stirrer, c);

	assert_int_equal(res, 1);
	if (++s->reads < 5000 && !s->f->looks)
		assert_int_equal(reactor_read(s->f->r, &s->c, s->fd, &s->byte, 1, 0), 0);
	else
		reactor_stop(s->f->r);
}

/* A ring that always stirs does not keep the pollers from being looked at. */
static void test_looks_while_the_ring_stirs(void **state)
{
	struct fixture f;
	struct stirrer s = { .f = &f, .fd = open("/dev/zero", O_RDONLY | O_CLOEXEC) };

	open_fixture(&f, SECOND_NS);
	assert_int_equal(reactor_attach(f.r, &s.c, read_again), 0);
	assert_int_equal(reactor_read(f.r, &s.c, s.fd, &s.byte, 1, 0), 0);
	f.looks_until_stop = 1;
	assert_int_equal(reactor_run(f.r), 0);
	assert_true(f.looks > 0);
	assert_in_range(s.reads, 1, 100);
	while (s.c.in_flight)
		assert_true(reactor_step(f.r, true) >= 0);
	reactor_detach(f.r, &s.c);
	close(s.fd);
	close_fixture(&f);
}

static void stop_at_kick(struct kick *k)
{
	kicked(k);
	reactor_stop(k->r);
}

static void test_off_looks_at_nothing(void **state)
{
	struct fixture f;

	open_fixture(&f, 0);
	f.kick.fn = stop_at_kick;
	assert_int_equal(eventfd_write(f.fd, 1), 0);
	assert_int_equal(reactor_run(f.r), 0);
	assert_int_equal(f.looks + f.rests, 0);
	assert_int_equal(reactor_counters(f.r)->poll_ns, 0);
	close_fixture(&f);
}

/* Whoever steps the reactor himself gets no busy-wait, and his devices their kicks. */
static void test_steps_do_not_poll(void **state)
{
	struct fixture f;

	open_fixture(&f, SECOND_NS);
	assert_false(reactor_polls(f.r));
	assert_int_equal(eventfd_write(f.fd, 1), 0);
	assert_int_equal(reactor_step(f.r, true), 1);
	assert_int_equal(f.looks + f.rests, 0);
	close_fixture(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows_by_what_comes_soon),
		cmocka_unit_test(test_shrinks_to_none_by_what_comes_late),
		cmocka_unit_test(test_never_where_it_is_off),
		cmocka_unit_test(test_gives_way),
		cmocka_unit_test(test_starts_short),
		cmocka_unit_test(test_long_where_a_wake_up_is_expensive),
		cmocka_unit_test(test_short_where_a_wake_up_is_cheap),
		cmocka_unit_test(test_all_idle_times_count),
		cmocka_unit_test(test_learns_anew),
		cmocka_unit_test(test_pauses_are_not_waited_for),
		cmocka_unit_test(test_a_trial_gives_way),
		cmocka_unit_test(test_finds_what_nobody_kicked_for),
		cmocka_unit_test(test_sees_completions),
		cmocka_unit_test(test_looks_while_the_ring_stirs),
		cmocka_unit_test(test_does_not_sleep_on_work_at_rest),
		cmocka_unit_test(test_off_looks_at_nothing),
		cmocka_unit_test(test_steps_do_not_poll),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
