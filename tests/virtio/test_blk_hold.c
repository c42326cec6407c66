/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupt coalescing by the test's own clock: a driver that submits a request every so often while fewer than `depth`
 * are not completed to its knowledge, and that an interrupt keeps from submitting for a while, beside a device that
 * completes each at once. Nobody tells the device what an interrupt costs.
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
#define MS (1000 * US)
#define COST_NS (150 * US) /* of an interrupt */

static struct {
	struct hold h;
	uint64_t now, cost;
	unsigned unseen; /* completions that the driver does not know of */
	unsigned interrupts;
	unsigned waits;	    /* times that it could not go on for want of an interrupt */
	uint64_t longest;   /* from a completion to its interrupt */
	uint64_t held;	    /* the same, all of them */
	uint64_t since[64]; /* when each was completed */
} s;

static int setup(void **state)
{
	memset(&s, 0, sizeof(s));
	hold_init(&s.h);
	s.now = 1000 * US;
	s.cost = COST_NS;
	return 0;
}

static void interrupt(void)
{
	if (s.now - s.since[0] > s.longest)
		s.longest = s.now - s.since[0];
	s.held += s.now - s.since[0];
	hold_interrupted(&s.h, s.unseen, s.now);
	s.unseen = 0;
	s.interrupts++;
	s.now += s.cost;
}

/* Time passes, and the device looks whether the interrupt was held back for long enough. */
static void pass(uint64_t ns)
{
	for (uint64_t until = s.now + ns; s.now < until; s.now += US)
		if (s.h.first_ns && hold_expired(&s.h, s.now))
			interrupt();
}

/* @n requests; how long they took. */
static uint64_t run(unsigned n, unsigned depth, uint64_t gap_ns)
{
	uint64_t from = s.now;

	s.interrupts = s.waits = 0;
	s.longest = s.held = 0;
	while (n--) {
		if (s.unseen == depth)
			s.waits++;
		while (s.unseen == depth)
			pass(US);
		pass(gap_ns);
		hold_submitted(&s.h, 1, s.now);
		s.since[s.unseen++] = s.now;
		if (!hold_completed(&s.h, s.unseen, 0, s.now))
			interrupt();
	}
	return s.now - from;
}

/* --- one request at a time -------------------------------------------------- */

/* Trials cost a driver that waits for each completion next to nothing, and no request more than one reaction. */
static void a_lone_request_is_left_alone(void **state)
{
	const unsigned n = 10000;

	assert_in_range(run(n, 1, 100 * US), n * (100 * US + COST_NS), n * (100 * US + COST_NS) * 1001 / 1000);
	assert_int_equal(s.interrupts, n);
	assert_in_range(s.longest, 1, 100 * US + COST_NS + US);
	/* What the trials took in all, ever. */
	assert_in_range(s.held, 1, 3 * (100 * US + COST_NS));
	/* From then on one completion in 1000 is late, at most. */
	run(n, 1, 100 * US);
	assert_in_range(s.waits, 0, n / 1000);
	assert_in_range(s.longest, 0, (100 * US + COST_NS) / (1u << HOLD_MISSES_MOST) + US);
}

/* The first interrupts come at once: it is not known yet what one costs. */
static void nothing_is_held_before_it_is_known(void **state)
{
	for (unsigned i = 0; i < 1000; i++) {
		s.now += HOLD_PAUSE_NS + US;
		hold_submitted(&s.h, 1, s.now);
		assert_false(hold_completed(&s.h, 1, 0, s.now));
		hold_interrupted(&s.h, 1, s.now);
	}
	assert_int_equal(s.h.reaction_ns, 0);
	assert_int_equal(s.h.target, 1);
}

/* A driver that thinks for long before its next request: its thinking is not taken for the interrupt's cost. */
static void thinking_is_no_cost(void **state)
{
	run(2000, 1, 10 * MS);
	assert_int_equal(s.held, 0);
	/* One that thinks so shortly that this can't be told apart: a few trials, and none over a millisecond. */
	run(2000, 1, 3 * MS);
	assert_in_range(s.longest, 1, HOLD_REACTION_MOST_NS + US);
	assert_in_range(s.held, 1, 3 * MS);
}

/* Many in flight, and then one after the other: each of these is delayed by no more than one reaction, and few are. */
static void from_many_to_one(void **state)
{
	run(3000, 32, 30 * US);
	assert_int_equal(s.h.target, HOLD_TARGET_MOST);
	while (s.unseen)
		pass(US);
	assert_in_range(run(3000, 1, 100 * US), 0, 3000 * (100 * US + COST_NS) * 1005 / 1000);
	assert_in_range(s.longest, 1, 100 * US + COST_NS + US);
	assert_int_equal(s.h.target, 1);
}

/* --- many in flight ---------------------------------------------------------- */

/* Who goes on submitting is interrupted once for 16, and is not made to wait. */
static void many_share_an_interrupt(void **state)
{
	run(1000, 32, 30 * US);
	run(1600, 32, 30 * US);
	assert_in_range(s.interrupts, 100, 102);
	assert_int_equal(s.waits, 0);
}

/* Whatever an interrupt costs and however fast requests come, as on hardware, nested, or nested on a slow machine. */
static void learns_what_an_interrupt_costs(void **state)
{
	static const struct {
		uint64_t cost, gap;
	} hosts[] = { { 5 * US, 2 * US }, { 150 * US, 30 * US }, { 400 * US, 100 * US }, { 2 * MS, 300 * US } };

	for (unsigned i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
		uint64_t took;

		setup(NULL);
		s.cost = hosts[i].cost;
		run(2000, 32, hosts[i].gap);
		took = run(1600, 32, hosts[i].gap);
		print_message("%u us an interrupt, %u us a gap: %u interrupts, %.2f of the time\n",
			      (unsigned)(s.cost / US), (unsigned)(hosts[i].gap / US), s.interrupts,
			      (double)took / (double)(1600 * (hosts[i].gap + s.cost)));
		assert_in_range(s.interrupts, 100, 250);
	}
}

/* Not more than the driver has in flight is waited for, but for a trial now and then. */
static void not_more_than_there_is(void **state)
{
	uint64_t alone = 16000 * (30 * US + COST_NS);

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

/* However slowly it submits, an interrupt is not held back for long. */
static void never_for_long(void **state)
{
	const uint64_t reaction = 200 * US + COST_NS;

	run(1000, 32, 200 * US);
	run(1000, 32, 200 * US);
	assert_in_range(s.longest, 3 * 200 * US, HOLD_REACTIONS * reaction + US);
	run(1000, 32, 4 * MS);
	assert_in_range(s.longest, 0, HOLD_WHOLE_MOST_NS + US);
	/* Where interrupts are cheap, for less; where they are very expensive, not for more than a few ms. */
	setup(NULL);
	s.cost = 2 * US;
	run(2000, 32, 4 * US);
	assert_in_range(s.longest, 1, HOLD_REACTIONS * 6 * US + US);
	setup(NULL);
	s.cost = 10 * MS;
	run(2000, 32, MS);
	assert_in_range(s.longest, 0, HOLD_WHOLE_MOST_NS + US);
}

/* From one at a time to many, without a sign but that a trial's request comes: within some 100 interrupts where the
 * driver is seen to submit ahead, within some 5000 in any case. */
static void from_one_to_many(void **state)
{
	run(20000, 1, 100 * US);
	assert_int_equal(s.h.target, 1);
	assert_true(s.h.trial_after >= HOLD_TRIAL_LAST / 2);
	hold_submitted(&s.h, 4, s.now);
	run(500, 32, 30 * US);
	run(1600, 32, 30 * US);
	assert_in_range(s.interrupts, 100, 110);

	setup(NULL);
	run(20000, 1, 100 * US);
	run(2 * HOLD_TRIAL_LAST, 32, 10 * US);
	run(1600, 32, 10 * US);
	assert_in_range(s.interrupts, 100, 110);
}

/* It submits before it is interrupted, so more than one is in flight. */
static void submitting_ahead_is_tried_soon(void **state)
{
	run(20000, 1, 100 * US);
	assert_int_equal(s.h.target, 1);
	for (unsigned i = 0; i < HOLD_TRIAL_LAST / HOLD_TRIAL_AHEAD; i++) {
		hold_submitted(&s.h, 1, s.now += 30 * US);
		hold_interrupted(&s.h, 0, s.now);
	}
	hold_submitted(&s.h, 1, s.now += 30 * US);
	assert_false(hold_completed(&s.h, 1, 0, s.now));
	hold_interrupted(&s.h, 1, s.now);
	assert_int_equal(s.h.target, 2);
	assert_true(hold_completed(&s.h, 1, 0, s.now));
}

/* --- pauses and bursts -------------------------------------------------------- */

/* @n are completed, it submits no more, and is interrupted when that shows. For how long they were held back. */
static uint64_t remainder_of(unsigned n)
{
	uint64_t from;

	for (unsigned i = 1; i <= n; i++)
		assert_true(hold_completed(&s.h, i, 0, s.now));
	for (from = s.now; !hold_expired(&s.h, s.now);)
		s.now += US;
	hold_interrupted(&s.h, n, s.now);
	return s.now - from;
}

/* It submits what it has, pauses, and so on: the remainder at its pause is not held back for long, and says nothing of
 * the target; twice in a row it does. */
static void a_pause_soon_shows(void **state)
{
	run(1000, 32, 30 * US);
	run(1600, 32, 30 * US);
	assert_int_equal(s.h.target, HOLD_TARGET_MOST);
	hold_submitted(&s.h, 3, s.now);
	assert_in_range(remainder_of(3), 1, HOLD_GAPS_MOST * s.h.gap_ns + US);
	assert_int_equal(s.h.target, HOLD_TARGET_MOST);
	hold_submitted(&s.h, 3, s.now);
	remainder_of(3);
	assert_true(s.h.target < HOLD_TARGET_MOST);
}

/* Bursts of 17 with pauses in between: 16 share an interrupt each time. */
static void a_remainder_changes_nothing(void **state)
{
	run(2000, 32, 30 * US);
	for (unsigned i = 0; i < 20; i++) {
		for (unsigned n = 1; n < HOLD_TARGET_MOST; n++) {
			hold_submitted(&s.h, 1, s.now += 30 * US);
			assert_true(hold_completed(&s.h, n, 0, s.now));
		}
		hold_submitted(&s.h, 1, s.now += 30 * US);
		assert_false(hold_completed(&s.h, HOLD_TARGET_MOST, 0, s.now));
		hold_interrupted(&s.h, HOLD_TARGET_MOST, s.now);
		hold_submitted(&s.h, 1, s.now += 30 * US + COST_NS);
		remainder_of(1);
		assert_int_equal(s.h.target, HOLD_TARGET_MOST);
		/* and the pause is taken neither for its pace nor for an interrupt's cost */
		s.now += 6 * MS;
		hold_submitted(&s.h, 1, s.now);
		assert_in_range(s.h.gap_ns, 10 * US, 120 * US);
		assert_in_range(s.h.reaction_ns, COST_NS, COST_NS + 60 * US);
		assert_true(hold_completed(&s.h, 1, 0, s.now));
		s.h.first_ns = 0;
	}
	/* Twice nothing but that: half as many. */
	remainder_of(1);
	remainder_of(1);
	assert_in_range(s.h.target, HOLD_TARGET_MOST / 4, HOLD_TARGET_MOST / 2);
}

/* Completions that come all at once say nothing of whether more would come. */
static void batches_are_left_as_they_are(void **state)
{
	for (unsigned i = 0; i < 1000; i++) {
		s.now += 100 * US;
		hold_submitted(&s.h, 1, s.now);
		assert_false(hold_completed(&s.h, 4, 0, s.now));
		hold_interrupted(&s.h, 4, s.now);
	}
	assert_true(s.h.target <= 4);
}

/* A disk that works on some of the driver's requests is not left with less than was completed. */
static void the_disk_has_work_meanwhile(void **state)
{
	run(1000, 32, 30 * US);
	for (unsigned in_flight = 1; in_flight < 16; in_flight++) {
		unsigned n = 1;

		for (; n < in_flight; n++)
			assert_true(hold_completed(&s.h, n, in_flight, s.now));
		assert_false(hold_completed(&s.h, n, in_flight, s.now));
		hold_interrupted(&s.h, n, s.now);
		assert_int_equal(s.h.target, HOLD_TARGET_MOST);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		T(a_lone_request_is_left_alone),
		T(nothing_is_held_before_it_is_known),
		T(thinking_is_no_cost),
		T(from_many_to_one),
		T(many_share_an_interrupt),
		T(learns_what_an_interrupt_costs),
		T(not_more_than_there_is),
		T(never_for_long),
		T(from_one_to_many),
		T(submitting_ahead_is_tried_soon),
		T(a_pause_soon_shows),
		T(a_remainder_changes_nothing),
		T(batches_are_left_as_they_are),
		T(the_disk_has_work_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
