/* SPDX-License-Identifier: GPL-2.0-only */
/* virtio-console: when a writer need not kick. The clock is the test's. */
#include "tests/virtio/console_fixture.h"
#include "tests/virtio/clock.h"

#define PACE_NS 100000ull

static struct timer *timer_of(struct fixture *f)
{
	return &f->c->gather_time;
}

/* As Linux does: used buffers back, a chain, and a kick where one is wanted. */
static void write_one(struct fixture *f, unsigned port)
{
	while (driver_used_count(&f->d, TXQ(port)))
		take_used(f, TXQ(port));
	post_tx(f, TXQ(port), "x", 1);
	if (driver_kick_wanted(&f->d, TXQ(port)))
		driver_kick(&f->d, TXQ(port));
}

static void write_in_pace(struct fixture *f, unsigned port, unsigned n, uint64_t pace_ns)
{
	for (unsigned i = 0; i < n; i++) {
		now_ns += pace_ns;
		write_one(f, port);
	}
}

/* A port in the midst of a stream: its ring is empty and it need not kick. */
static void stream(struct fixture *f)
{
	open_ports(f);
	write_in_pace(f, 1, 20, PACE_NS);
	while (f->got[1].len < 20)
		fire(timer_of(f));
	assert_false(driver_kick_wanted(&f->d, TXQ(1)));
	assert_int_not_equal(timer_of(f)->deadline_ns, 0);
}

/* Chains gather, and are taken together, without a kick; when no more come, kicks do again */
static void chains_gather(void **state)
{
	struct fixture *f = *state;

	stream(f);
	for (unsigned i = 0; i < 10; i++) {
		unsigned calls = f->got[1].calls;
		uint64_t from = now_ns;

		write_in_pace(f, 1, 4, 1000);
		assert_int_equal(f->got[1].calls, calls);
		fire(timer_of(f));
		assert_int_equal(f->got[1].len, 20 + 4 * (i + 1));
		assert_int_equal(f->got[1].calls, calls + 1);
		assert_false(driver_kick_wanted(&f->d, TXQ(1)));
		assert_in_range(now_ns - from, CONSOLE_LOOK_NS_MIN, CONSOLE_LOOK_NS_MAX);
	}
	fire(timer_of(f));
	assert_true(driver_kick_wanted(&f->d, TXQ(1)));
	assert_int_equal(timer_of(f)->deadline_ns, 0);
	write_one(f, 1);
	assert_int_equal(f->got[1].len, 61);
}

/* One chain a look, and again and again, is no stream: it would come sooner by a kick */
static void one_chain(void **state)
{
	struct fixture *f = *state;
	unsigned looks = 0;

	stream(f);
	for (unsigned i = 0; i < 40; i++) { /* now and then it is */
		write_in_pace(f, 1, i % 4 == 3 ? 1 : 2, 1000);
		fire(timer_of(f));
		assert_false(driver_kick_wanted(&f->d, TXQ(1)));
	}
	for (; !driver_kick_wanted(&f->d, TXQ(1)); looks++) {
		write_one(f, 1);
		fire(timer_of(f));
	}
	assert_in_range(looks, 2, 5);
}

static uint64_t look_after(struct fixture *f, uint64_t gap_ns)
{
	f->c->port[1].gather = (struct gather){ .run = 10, .gap_ns = gap_ns, .last_ns = now_ns };
	assert_false(gather_rest(f->c, &f->c->port[1]));
	return f->c->port[1].gather.look_ns - now_ns;
}

/* The looks keep the writer's pace, within bounds; its pace is a mean */
static void pace(void **state)
{
	struct fixture *f = *state;
	struct gather *g = &f->c->port[1].gather;

	open_ports(f);
	assert_int_equal(look_after(f, 100000), 400000);
	assert_int_equal(look_after(f, 10), CONSOLE_LOOK_NS_MIN);
	assert_int_equal(look_after(f, CONSOLE_GAP_NS_MAX), CONSOLE_LOOK_NS_MAX);
	*g = (struct gather){ .run = 10, .gap_ns = 400000, .last_ns = now_ns };
	now_ns += 8000;
	gather_note(&f->c->port[1], 8);
	assert_int_equal(g->gap_ns, 300250);
	gather_note(&f->c->port[1], 0); /* a kick for what was taken already tells nothing */
	assert_int_equal(g->gap_ns, 300250);
	assert_int_equal(g->run, 11);
	now_ns += 8 * (CONSOLE_GAP_NS_MAX + 1);
	gather_note(&f->c->port[1], 8);
	assert_int_equal(g->gap_ns, CONSOLE_GAP_NS_MAX);
	assert_int_equal(g->run, 0);
	/* a look that comes late says less: many were there */
	*g = (struct gather){ .run = 10, .gap_ns = 400000, .last_ns = now_ns, .look_ns = now_ns + 1000 };
	now_ns += 8 * CONSOLE_GAP_NS_MAX;
	gather_note(&f->c->port[1], 4);
	assert_int_equal(g->gap_ns, 550000);
	assert_int_equal(g->run, 11);
}

/* Slow writers kick, and so do those of port 0, at any pace */
static void always_kicked(void **state)
{
	struct fixture *f = *state;

	open_ports(f);
	write_in_pace(f, 2, 100, CONSOLE_GAP_NS_MAX + 1);
	assert_int_equal(f->got[2].len, 100);
	assert_true(driver_kick_wanted(&f->d, TXQ(2)));
	write_in_pace(f, 0, 100, PACE_NS);
	assert_int_equal(f->got[0].len, 100);
	assert_true(driver_kick_wanted(&f->d, TXQ(0)));
	assert_int_equal(timer_of(f)->deadline_ns, 0);
}

/* Who gets answers may wait for them */
static void answers(void **state)
{
	struct fixture *f = *state;

	open_ports(f);
	for (unsigned i = 0; i < 100; i++) {
		post_rx(f, RXQ(2), 8);
		write_in_pace(f, 2, 1, PACE_NS);
		assert_int_equal(f->got[2].len, i + 1);
		console_send(f->c, 2, "answer", 6);
	}
	assert_true(driver_kick_wanted(&f->d, TXQ(2)));
}

/* A ring full at once: what is beyond a call's bound comes in later wakes, without a look */
static void more_than_a_call(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 32 * KIB, 1);

	stream(f);
	for (unsigned i = 0; i < 20; i++)
		driver_add(&f->d, TXQ(1), &(struct driver_seg){ gpa, 32 * KIB, false }, 1);
	fire(timer_of(f));
	settle(f);
	assert_int_equal(f->got[1].len, 20 + 640 * KIB);
}

/* A hold in the midst of it: nothing is taken until the release, nor forgotten by it */
static void hold(void **state)
{
	struct fixture *f = *state;

	stream(f);
	console_hold(f->c, 1, true);
	write_in_pace(f, 1, 3, PACE_NS);
	fire(timer_of(f));
	assert_int_equal(timer_of(f)->deadline_ns, 0);
	assert_int_equal(f->got[1].len, 20);
	console_hold(f->c, 1, false);
	settle(f);
	assert_int_equal(f->got[1].len, 23);
	assert_true(timer_of(f)->deadline_ns || driver_kick_wanted(&f->d, TXQ(1)));
}

/* Two ports stream at paces of their own by one timer */
static void two_ports(void **state)
{
	struct fixture *f = *state;

	stream(f);
	for (unsigned i = 0; i < 200; i++) {
		write_in_pace(f, 1, 1, PACE_NS / 2);
		write_in_pace(f, 2, i % 4 == 0, PACE_NS / 2);
		if (timer_of(f)->deadline_ns && timer_of(f)->deadline_ns <= now_ns)
			fire(timer_of(f));
	}
	for (unsigned i = 0; i < 10 && timer_of(f)->deadline_ns; i++)
		fire(timer_of(f));
	assert_int_equal(timer_of(f)->deadline_ns, 0);
	assert_int_equal(f->got[1].len, 20 + 200);
	assert_int_equal(f->got[2].len, 50);
	assert_true(driver_kick_wanted(&f->d, TXQ(1)));
	assert_true(driver_kick_wanted(&f->d, TXQ(2)));
}

/* A reset leaves nothing of it */
static void after_reset(void **state)
{
	struct fixture *f = *state;

	stream(f);
	assert_true(driver_reset(&f->d));
	assert_int_equal(timer_of(f)->deadline_ns, 0);
	driver_init(&f->d, F_V1 | F_MULTIPORT, CONSOLE_QUEUES, 256);
	open_ports(f);
	write_in_pace(f, 1, 7, PACE_NS);
	assert_int_equal(f->got[1].len, 27);
	assert_true(driver_kick_wanted(&f->d, TXQ(1)));
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(chains_gather),    T(one_chain), T(pace),	 T(always_kicked), T(answers),
		T(more_than_a_call), T(hold),	   T(two_ports), T(after_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
