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
#include "reactor/reactor.h"

#define MAX_NS 200000u
#define SECOND_NS 1000000000ull

/* --- how long ------------------------------------------------------------- */

static void test_grows_by_what_comes_soon(void **state)
{
	struct busy_wait w = { .max_ns = MAX_NS };
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
	struct busy_wait w = { .max_ns = MAX_NS, .window_ns = MAX_NS };
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
	struct busy_wait w = { 0 };

	busy_wait_slept(&w, 0, 1);
	busy_wait_slept(&w, 1, 2);
	assert_int_equal(w.window_ns, 0);
}

static void test_gives_way(void **state)
{
	struct busy_wait w = { .max_ns = MAX_NS, .window_ns = MAX_NS };

	busy_wait_lost(&w, 1000);
	assert_int_equal(w.window_ns, 0);
	busy_wait_slept(&w, 10, 1000 + BUSY_WAIT_AWAY_NS - 1);
	assert_int_equal(w.window_ns, 0);
	busy_wait_slept(&w, 10, 1000 + BUSY_WAIT_AWAY_NS);
	assert_true(w.window_ns > 0);
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
	((struct fixture *)((char *)k - offsetof(struct fixture, kick)))->kicks++;
}

static void deferred(struct deferred *d)
{
	((struct fixture *)((char *)d - offsetof(struct fixture, deferred)))->deferrals++;
}

static bool look(struct poller *p)
{
	struct fixture *f = (struct fixture *)((char *)p - offsetof(struct fixture, p));

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
	struct fixture *f = (struct fixture *)((char *)p - offsetof(struct fixture, p));

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
	struct stirrer *s = (struct stirrer *)((char *)c - offsetof(struct stirrer, c));

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
		cmocka_unit_test(test_finds_what_nobody_kicked_for),
		cmocka_unit_test(test_sees_completions),
		cmocka_unit_test(test_looks_while_the_ring_stirs),
		cmocka_unit_test(test_does_not_sleep_on_work_at_rest),
		cmocka_unit_test(test_off_looks_at_nothing),
		cmocka_unit_test(test_steps_do_not_poll),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
