/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How many answers an interrupt tells of, by the test's own clock: a driver that asks every so often while fewer than
 * so many are unanswered to its knowledge, beside a device that answers at once.
 * BLK-52
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "virtio/blk/hold.h"

#define US 1000ull
#define INTERRUPT_NS (150 * US) /* that one keeps the driver from asking */
#define ROUND_TRIP_NS (100 * US)
#define WHOLE_NS (HOLD_ROUND_TRIPS * ROUND_TRIP_NS)

static struct {
	struct hold h;
	uint64_t now;
	unsigned unseen; /* requests whose answer the driver does not know of */
	unsigned interrupts;
	unsigned waits;	    /* times that it had nothing to do */
	uint64_t longest;   /* from an answer to its interrupt */
	uint64_t since[64]; /* when each came */
} s;

static int setup(void **state)
{
	memset(&s, 0, sizeof(s));
	hold_init(&s.h, ROUND_TRIP_NS);
	s.now = 1000 * US;
	return 0;
}

static void interrupt(void)
{
	if (s.now - s.since[0] > s.longest)
		s.longest = s.now - s.since[0];
	hold_told(&s.h, s.unseen, s.now);
	s.unseen = 0;
	s.interrupts++;
	s.now += INTERRUPT_NS;
}

/* Time passes, and the device looks whether the hold is over. */
static void pass(uint64_t ns)
{
	for (uint64_t until = s.now + ns; s.now < until; s.now += US)
		if (s.h.first_ns && hold_over(&s.h, s.now))
			interrupt();
}

/* @n requests; how long they took. */
static uint64_t run(unsigned n, unsigned depth, uint64_t gap_ns)
{
	uint64_t from = s.now;

	s.interrupts = s.waits = 0;
	s.longest = 0;
	while (n--) {
		if (s.unseen == depth)
			s.waits++;
		while (s.unseen == depth)
			pass(US);
		pass(gap_ns);
		hold_asked(&s.h, 1, s.now);
		s.since[s.unseen++] = s.now;
		if (!hold_answers(&s.h, s.unseen, 0, s.now))
			interrupt();
	}
	return s.now - from;
}

/* Who waits for each answer loses nothing to speak of: the few tries. */
static void one_at_a_time_is_left_alone(void **state)
{
	const unsigned n = 10000;

	assert_in_range(run(n, 1, 100 * US), n * (100 * US + INTERRUPT_NS),
			n * (100 * US + INTERRUPT_NS) * 1003 / 1000);
	assert_int_equal(s.interrupts, n);
	/* An answer in 1000 is late by it, at most. */
	run(n, 1, 100 * US);
	assert_in_range(s.waits, 1, n / 1000);
}

/* Who goes on asking is told of 16 at once, and is not made to wait. */
static void many_are_told_together(void **state)
{
	run(1000, 32, 30 * US);
	run(1600, 32, 30 * US);
	assert_in_range(s.interrupts, 100, 102);
	assert_int_equal(s.waits, 0);
}

/* Not more than it has is waited for, but for a try now and then. */
static void not_more_than_there_is(void **state)
{
	uint64_t alone = 16000 * (30 * US + INTERRUPT_NS);

	for (unsigned depth = 2; depth <= 16; depth *= 2) {
		uint64_t took;

		setup(NULL);
		run(4000, depth, 30 * US);
		took = run(16000, depth, 30 * US);
		print_message("depth %u: %u interrupts, %u waits, %.2f of the time\n", depth, s.interrupts, s.waits,
			      (double)took / (double)alone);
		assert_true(took < alone);
		assert_in_range(s.interrupts, 16000 / depth, 16000 / (depth / 2) * 11 / 10 + 1);
	}
}

/* However slowly it asks, an answer is told of in time. */
static void never_for_long(void **state)
{
	run(1000, 32, 200 * US);
	run(1000, 32, 200 * US);
	assert_in_range(s.longest, 3 * 200 * US, WHOLE_NS + US);
	assert_in_range(s.interrupts, 1000 / 6, 1000 / 4);
	run(1000, 32, 5000 * US);
	assert_in_range(s.longest, 0, WHOLE_NS + US);
	/* Where interrupts are cheap, for less; where they are very dear, not for more than a few ms. */
	setup(NULL);
	hold_init(&s.h, 2 * US);
	run(2000, 32, 4 * US);
	assert_in_range(s.longest, 1, HOLD_ROUND_TRIPS * 2 * US + US);
	hold_init(&s.h, 10000 * US);
	run(2000, 32, 1000 * US);
	assert_in_range(s.longest, WHOLE_NS, HOLD_WHOLE_MOST_NS + US);
}

/* Nobody knows what an interrupt costs: each answer has its own. */
static void unknown_is_not_held(void **state)
{
	hold_init(&s.h, 0);
	run(2000, 32, 4 * US);
	assert_int_equal(s.interrupts, 2000);
	assert_int_equal(s.longest, 0);
}

/* @n answers come, it asks no more, and is interrupted when the hold is over. For how long they were held. */
static uint64_t left_over(unsigned n)
{
	uint64_t from;

	for (unsigned i = 1; i <= n; i++)
		assert_true(hold_answers(&s.h, i, 0, s.now));
	for (from = s.now; !hold_over(&s.h, s.now);)
		s.now += US;
	hold_told(&s.h, n, s.now);
	return s.now - from;
}

/* It asks for as many as it has place for, pauses, and so on: what is left at its pause is soon told of, and says
 * nothing of what to wait for next; twice in a row it does. */
static void a_pause_is_soon_over(void **state)
{
	run(1000, 32, 30 * US);
	run(1600, 32, 30 * US);
	assert_int_equal(s.h.target, HOLD_MOST);
	hold_asked(&s.h, 3, s.now);
	assert_in_range(left_over(3), 1, HOLD_GAPS_MOST * s.h.gap_ns + US);
	assert_int_equal(s.h.target, HOLD_MOST);
	hold_asked(&s.h, 3, s.now);
	left_over(3);
	assert_true(s.h.target < HOLD_MOST);
}

/* However often it pauses in between: it was told of 16 at once, and will be again. */
static void what_is_over_changes_nothing(void **state)
{
	run(2000, 32, 30 * US);
	for (unsigned i = 0; i < 20; i++) {
		for (unsigned n = 1; n < HOLD_MOST; n++) {
			hold_asked(&s.h, 1, s.now += 30 * US);
			assert_true(hold_answers(&s.h, n, 0, s.now));
		}
		hold_asked(&s.h, 1, s.now += 30 * US);
		assert_false(hold_answers(&s.h, HOLD_MOST, 0, s.now));
		hold_told(&s.h, HOLD_MOST, s.now);
		hold_asked(&s.h, 1, s.now += 30 * US);
		left_over(1);
		assert_int_equal(s.h.target, HOLD_MOST);
		/* and the pause is not taken for its pace */
		s.now += 5000 * US;
		hold_asked(&s.h, 1, s.now);
		assert_in_range(s.h.gap_ns, 10 * US, 60 * US);
		assert_true(hold_answers(&s.h, 1, 0, s.now));
		s.h.first_ns = 0;
	}
	/* Twice nothing but that: half as many. */
	left_over(1);
	left_over(1);
	assert_in_range(s.h.target, HOLD_MOST / 4, HOLD_MOST / 2);
}

/* It asks for more before it took the last answer, so there is more than one thing that it waits for. */
static void who_asks_ahead_is_tried_soon(void **state)
{
	run(20000, 1, 100 * US);
	assert_int_equal(s.h.target, 1);
	assert_true(s.h.tries >= HOLD_TRIES_LAST / 2);
	for (unsigned i = 0; i < HOLD_TRIES_LAST / HOLD_TRIES_AHEAD; i++) {
		hold_asked(&s.h, 1, s.now += 30 * US);
		hold_told(&s.h, 0, s.now);
	}
	hold_asked(&s.h, 1, s.now += 30 * US);
	assert_false(hold_answers(&s.h, 1, 0, s.now));
	hold_told(&s.h, 1, s.now);
	assert_int_equal(s.h.target, 2);
	assert_true(hold_answers(&s.h, 1, 0, s.now));
}

/* It changes its mind: from many to one, and back. */
static void learns_anew(void **state)
{
	run(2000, 32, 30 * US);
	assert_in_range(run(3000, 1, 100 * US), 0, 3000 * (100 * US + INTERRUPT_NS) * 1015 / 1000);
	/* It asks for several things at once, as one does that begins. */
	hold_asked(&s.h, 4, s.now);
	run(500, 32, 30 * US);
	run(1600, 32, 30 * US);
	assert_in_range(s.interrupts, 100, 110);
}

/* Answers that come all at once say nothing of whether more would come. */
static void batches_are_told_as_they_are(void **state)
{
	for (unsigned i = 0; i < 1000; i++) {
		s.now += 100 * US;
		hold_asked(&s.h, 1, s.now);
		assert_false(hold_answers(&s.h, 4, 0, s.now));
		hold_told(&s.h, 4, s.now);
	}
	assert_true(s.h.target <= 4);
}

/* A disk that works on some of the driver's requests is not left with less than was answered. */
static void the_disk_has_work_meanwhile(void **state)
{
	run(1000, 32, 30 * US);
	for (unsigned in_flight = 1; in_flight < 16; in_flight++) {
		unsigned n = 1;

		for (; n < in_flight; n++)
			assert_true(hold_answers(&s.h, n, in_flight, s.now));
		assert_false(hold_answers(&s.h, n, in_flight, s.now));
		hold_told(&s.h, n, s.now);
		assert_int_equal(s.h.target, HOLD_MOST);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		T(one_at_a_time_is_left_alone),
		T(many_are_told_together),
		T(not_more_than_there_is),
		T(never_for_long),
		T(unknown_is_not_held),
		T(a_pause_is_soon_over),
		T(what_is_over_changes_nothing),
		T(who_asks_ahead_is_tried_soon),
		T(learns_anew),
		T(batches_are_told_as_they_are),
		T(the_disk_has_work_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
