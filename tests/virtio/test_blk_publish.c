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
		T(test_stall_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
