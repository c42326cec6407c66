/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the driver sees while a drain goes on, and how the device finds requests
 * that nobody kicked for. The driver is in the same thread: a poller of the
 * reactor, or a backing that looks at the rings in the midst of a request.
 * BLK-38 BLK-52 BLK-53
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "reactor/internal.h"
#include "tests/virtio/blk_fixture.h"

#define SECOND_NS 1000000000ull
#define DEPTH 32u

static struct blk_fixture f;
static struct blk_io io[DEPTH];

static void start(const struct blk_config *cfg, uint64_t features)
{
	blk_fixture_open(&f, cfg, 1 << 20);
	blk_fixture_start(&f, features, 128);
	for (unsigned i = 0; i < DEPTH; i++)
		io[i] = blk_io_new(&f, 512);
}

static int stop(void **state)
{
	blk_fixture_close(&f);
	return 0;
}

static void add(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		blk_io_add(&f, &io[i], VIRTIO_BLK_T_IN, i);
}

/* --- small steps ------------------------------------------------------------ */

/* By number of the read: what the driver could see when it began. */
static unsigned shown[DEPTH], irqs[DEPTH];

static struct fault watch_rings(struct fault_backing *fault, enum fault_kind kind, unsigned call, size_t want)
{
	shown[call - 1] = driver_used_count(&f.d, 0);
	irqs[call - 1] = (unsigned)f.blk->dev.interrupts - 1;
	return (struct fault){ 0 };
}

static void drain_watched_started(uint16_t used_event)
{
	uint32_t len;

	/* The first one ever always interrupts. */
	assert_int_equal(blk_do(&f, &io[0], VIRTIO_BLK_T_IN, 0, &len), VIRTIO_BLK_S_OK);
	f.fault.plan = watch_rings;
	driver_set_used_event(&f.d, 0, 1 + used_event);
	add(DEPTH);
	driver_kick(&f.d, 0);
	blk_settle(&f);
	assert_int_equal(driver_used_count(&f.d, 0), DEPTH);
}

static void drain_watched(uint64_t features, uint16_t used_event)
{
	start(&(struct blk_config){ 0 }, features);
	drain_watched_started(used_event);
}

/* Each request is shown before the next is begun. */
static void test_shown_one_by_one(void **state)
{
	drain_watched(BLK_F_ALL, 0);
	for (unsigned i = 0; i < DEPTH; i++)
		assert_int_equal(shown[i], i);
}

/* One that sleeps is woken at half, once, for it asked once. */
static void test_woken_at_half(void **state)
{
	drain_watched(BLK_F_ALL, 0);
	for (unsigned i = 0; i < DEPTH; i++)
		assert_int_equal(irqs[i], i < DEPTH / 2 ? 0 : 1);
	assert_int_equal(f.blk->dev.interrupts, 1 + 1);
}

/* It asked for an entry that comes after the first half: the step must not have used the question up. */
static void test_woken_for_a_later_entry(void **state)
{
	drain_watched(BLK_F_ALL, DEPTH - 1);
	assert_int_equal(irqs[DEPTH - 1], 0);
	assert_int_equal(f.blk->dev.interrupts, 1 + 1);
}

/* Without EVENT_IDX the driver can't have asked once: once a drain it is. */
static void test_once_a_drain_without_event_idx(void **state)
{
	drain_watched(BLK_F_V1, 0);
	assert_int_equal(shown[DEPTH - 1], DEPTH - 1);
	assert_int_equal(irqs[DEPTH - 1], 0);
	assert_int_equal(f.blk->dev.interrupts, 1 + 1);
}

/* The serial engine interrupts when all is done: it is what the others are compared with. */
static void test_the_control_interrupts_once_a_drain(void **state)
{
	struct backing_ops ops;

	start(&(struct blk_config){ 0 }, BLK_F_ALL);
	ops = *f.fault.b.ops;
	ops.whole_drains = true;
	f.fault.b.ops = &ops;
	drain_watched_started(0);
	assert_int_equal(shown[DEPTH - 1], DEPTH - 1);
	assert_int_equal(irqs[DEPTH - 1], 0);
	assert_int_equal(f.blk->dev.interrupts, 1 + 1);
	blk_fixture_close(&f);
	start(&(struct blk_config){ 0 }, BLK_F_ALL); /* for the teardown: ops end with this function */
}

/* --- busy-wait -------------------------------------------------------------- */

/* A driver that never kicks: it adds one request when the last is answered. */
struct silent_driver {
	struct poller p;
	unsigned posted, answered, wanted;
};

static bool add_next(struct silent_driver *s)
{
	uint16_t head;
	uint32_t len;

	while (driver_used(&f.d, 0, &head, &len))
		s->answered++;
	if (s->answered < s->posted)
		return false;
	if (s->answered == s->wanted)
		reactor_stop(f.r);
	else
		blk_io_add(&f, &io[0], VIRTIO_BLK_T_IN, s->posted++ % 64);
	return true;
}

static bool silent_look(struct poller *p)
{
	return add_next((struct silent_driver *)p);
}

static void test_finds_unkicked_requests(void **state)
{
	struct silent_driver s = { .p = { .look = silent_look, .rest = silent_look }, .wanted = 500 };
	const struct reactor_counters *c;
	uint16_t before;

	start(&(struct blk_config){ 0 }, BLK_F_ALL);
	blk_settle(&f);
	reactor_busy_wait(f.r, SECOND_NS);
	poller_add(f.r, &s.p);
	c = reactor_counters(f.r);
	before = driver_avail_event(&f.d, 0);
	assert_int_equal(reactor_run(f.r), 0);
	assert_int_equal(s.answered, 500);
	assert_int_equal(f.blk->counters.reads_completed, 500);
	poller_remove(f.r, &s.p);
	/* At the end kicks are wanted again, for whoever steps it now: from the next request on. */
	assert_int_equal(driver_avail_event(&f.d, 0), 500);
	assert_int_not_equal(before, 500);
	assert_true(c->enters < 100);
}

/* As one that has learnt how long. */
static void busy_wait_at_once(void)
{
	reactor_busy_wait(f.r, SECOND_NS);
	f.r->busy.window_ns = SECOND_NS;
}

/* A driver that has up to DEPTH requests it knows no answer of, asks for one at each look, and sleeps but for that. */
static struct {
	struct poller p;
	unsigned unseen, posted, wanted;
	uint64_t irqs;
} deep;

/* Its interrupt handler, which asks for the next one. */
static void deep_interrupt(void)
{
	uint16_t head;
	uint32_t len;

	if (f.blk->dev.interrupts == deep.irqs)
		return;
	deep.irqs = f.blk->dev.interrupts;
	while (driver_used(&f.d, 0, &head, &len))
		deep.unseen--;
	driver_set_used_event(&f.d, 0, f.d.q[0].used_idx);
}

/* It never seems slow, for this machine may be busy; only after the last one. */
static void deep_add(void)
{
	uint64_t ns = deep.posted + 1 < deep.wanted ? SECOND_NS : 1;

	f.blk->hold.gap_ns = f.blk->hold.reaction_ns = ns;
	if (f.blk->hold.first_ns)
		f.blk->hold.limit_ns = UINT64_MAX;
	blk_io_add(&f, &io[deep.posted++ % DEPTH], VIRTIO_BLK_T_IN, 0);
	deep.unseen++;
}

static bool deep_look(struct poller *p)
{
	deep_interrupt();
	if (deep.posted == deep.wanted) {
		if (!deep.unseen)
			reactor_stop(f.r);
		return !deep.unseen;
	}
	if (deep.unseen == DEPTH)
		return false;
	deep_add();
	return true;
}

static uint64_t deep_run(unsigned wanted)
{
	start(&(struct blk_config){ 0 }, BLK_F_ALL);
	blk_settle(&f);
	memset(&deep, 0, sizeof(deep));
	deep.wanted = wanted;
	deep.p = (struct poller){ .look = deep_look, .rest = deep_look };
	busy_wait_at_once();
	poller_add(f.r, &deep.p);
	assert_int_equal(reactor_run(f.r), 0);
	poller_remove(f.r, &deep.p);
	assert_int_equal(f.blk->counters.reads_completed, wanted);
	return f.blk->dev.interrupts;
}

/* Once it is known to go on asking, it is not interrupted for each answer; and nobody is forgotten at the end. */
static void test_one_interrupt_for_many(void **state)
{
	uint64_t interrupts = deep_run(3000);

	print_message("3000 requests, %u interrupts\n", (unsigned)interrupts);
	assert_in_range(interrupts, 3000 / 16, 3000 / 4);
}

/* The same beside a reactor that sleeps: kicks only where they are asked for. */
static void test_sleeping_too(void **state)
{
	uint64_t kicks = 0;

	start(&(struct blk_config){ 0 }, BLK_F_ALL);
	blk_settle(&f);
	memset(&deep, 0, sizeof(deep));
	deep.wanted = 3000;
	while (deep.posted < 3000 || deep.unseen) {
		bool full = deep.unseen == DEPTH || deep.posted == 3000;

		if (!full) {
			deep_add();
			if (driver_kick_wanted(&f.d, 0)) {
				driver_kick(&f.d, 0);
				kicks++;
			}
		}
		assert_true(reactor_step_until(f.r, full ? monotonic_ns() + SECOND_NS : 0) >= 0);
		deep_interrupt();
	}
	assert_int_equal(f.blk->counters.reads_completed, 3000);
	print_message("3000 requests, %u interrupts, %u kicks\n", (unsigned)f.blk->dev.interrupts, (unsigned)kicks);
	assert_in_range(f.blk->dev.interrupts, 3000 / 16, 3000 / 4);
	assert_in_range(kicks, 2 * 3000 / 16, 3000 / 2);
}

/* As learnt from a driver with many requests in flight. */
static void hold_a_batch(void)
{
	hold_init(&f.blk->hold);
	f.blk->hold.target = HOLD_TARGET_MOST;
	f.blk->hold.reaction_ns = f.blk->hold.gap_ns = HOLD_REACTION_MOST_NS;
}

/* One that was not kicked for is found in time, and from then on each is kicked for. */
static void test_kicks_come_back(void **state)
{
	start(&(struct blk_config){ 0 }, BLK_F_ALL);
	blk_settle(&f);
	hold_a_batch();
	driver_set_used_event(&f.d, 0, 0);
	add(2);
	assert_true(driver_kick_wanted(&f.d, 0));
	driver_kick(&f.d, 0);
	assert_int_equal(reactor_step(f.r, false), 0);
	assert_int_equal(f.blk->dev.interrupts, 0);
	assert_int_equal(driver_avail_event(&f.d, 0), 2 + HOLD_TARGET_MOST - 2 - 1);
	blk_io_add(&f, &io[2], VIRTIO_BLK_T_IN, 2);
	assert_false(driver_kick_wanted(&f.d, 0));
	assert_true(driver_wait(&f.d, f.r, 0, 3));
	blk_settle(&f);
	while (!f.blk->dev.interrupts)
		assert_true(reactor_step(f.r, true) >= 0);
	assert_int_equal(driver_avail_event(&f.d, 0), 3);
}

/* While the next request waits for its tokens the interrupt may wait too; its end is no look at that request. */
static void test_held_beside_a_stall(void **state)
{
	start(&(struct blk_config){ .iops = 1 }, BLK_F_ALL);
	blk_settle(&f);
	hold_a_batch();
	driver_set_used_event(&f.d, 0, 0);
	add(2);
	driver_kick(&f.d, 0);
	assert_true(reactor_step(f.r, false) >= 0);
	assert_int_equal(driver_used_count(&f.d, 0), 1);
	assert_int_equal(f.blk->dev.interrupts, 0);
	while (!f.blk->dev.interrupts)
		assert_true(reactor_step(f.r, true) >= 0);
	assert_int_equal(f.blk->counters.reads_completed, 1);
	assert_int_equal(f.blk->counters.throttled_count, 1);
}

/* A stalled request is not looked at again before it is due. */
static void test_stall_is_left_alone(void **state)
{
	struct silent_driver s = { .p = { .look = silent_look, .rest = silent_look }, .wanted = 3 };

	start(&(struct blk_config){ .iops = 2 }, BLK_F_ALL);
	blk_settle(&f);
	reactor_busy_wait(f.r, SECOND_NS);
	poller_add(f.r, &s.p);
	assert_int_equal(reactor_run(f.r), 0);
	assert_int_equal(f.blk->counters.throttled_count, 1);
	poller_remove(f.r, &s.p);
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, stop)
	const struct CMUnitTest tests[] = {
		T(test_shown_one_by_one),
		T(test_woken_at_half),
		T(test_woken_for_a_later_entry),
		T(test_once_a_drain_without_event_idx),
		T(test_the_control_interrupts_once_a_drain),
		T(test_finds_unkicked_requests),
		T(test_one_interrupt_for_many),
		T(test_sleeping_too),
		T(test_kicks_come_back),
		T(test_held_beside_a_stall),
		T(test_stall_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
