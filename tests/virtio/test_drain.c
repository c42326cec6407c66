/* SPDX-License-Identifier: GPL-2.0-only */
/* The drain that all devices use: its bounds, and when the driver is asked to kick. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "virtio/drain.h"

#define SIZE 8u

static struct {
	struct reactor *r;
	struct guest_memory mem;
	uint8_t ram[8192];
	struct virtqueue vq;
	struct turn turn;
	struct selfkick again;
	struct drain d;
	struct virtq_chain chain;
	unsigned fired;
	uint32_t fired_for;
} f;

static uint16_t *avail(unsigned at)
{
	return (uint16_t *)(void *)(f.ram + 1024) + at;
}

static uint16_t *used(unsigned at)
{
	return (uint16_t *)(void *)(f.ram + 2048) + at;
}

static void fired(struct selfkick *s, uint32_t queues)
{
	f.fired++;
	f.fired_for = queues;
}

static int setup(void **state)
{
	memset(&f, 0, sizeof(f));
	assert_int_equal(reactor_create(&f.r, 8, 8), 0);
	f.mem = (struct guest_memory){ .n = 1, .region = { { .size = sizeof(f.ram), .hva = f.ram } } };
	virtq_init(&f.vq, SIZE);
	f.vq.avail_gpa = 1024;
	f.vq.used_gpa = 2048;
	f.vq.ready = true;
	assert_int_equal(virtq_start(&f.vq, &f.mem, false), 0);
	assert_int_equal(selfkick_open(f.r, &f.again, fired), 0);
	turn_init(&f.turn, f.r, 1000);
	f.d = (struct drain){ .vq = &f.vq, .turn = &f.turn, .again = &f.again, .queue = 4 };
	return 0;
}

static int teardown(void **state)
{
	selfkick_close(&f.again);
	return reactor_destroy(f.r, 1000000000);
}

static bool kicks_are_off(void)
{
	return used(0)[0] & VRING_USED_F_NO_NOTIFY;
}

static void make_available(unsigned n)
{
	for (uint16_t i = 0; i < SIZE; i++)
		avail(2)[i] = i;
	avail(0)[1] = (uint16_t)(avail(0)[1] + n);
}

static unsigned take(unsigned most)
{
	unsigned n = 0;

	while (n < most && drain_next(&f.d, &f.chain)) {
		assert_int_equal(virtq_push(&f.vq, f.chain.head, 0), 0);
		n++;
	}
	return n;
}

/* Kicks are off while it runs, and on again when the queue is empty. */
static void test_kicks(void **state)
{
	make_available(3);
	drain_begin(&f.d);
	assert_true(kicks_are_off());
	assert_int_equal(take(99), 3);
	assert_false(drain_again(&f.d));
	assert_false(kicks_are_off());
	assert_false(f.again.rung);
}

/* What comes between the last look and the asking for kicks is taken at once. */
static void test_chains_that_come_in_between(void **state)
{
	make_available(1);
	drain_begin(&f.d);
	assert_int_equal(take(99), 1);
	make_available(1);
	assert_true(drain_again(&f.d));
	assert_true(kicks_are_off());
	assert_int_equal(take(99), 1);
	assert_false(drain_again(&f.d));
	assert_int_equal(f.vq.next_avail, 2);
}

/* A driver that always has one more is left for a later wake after as many as the queue holds. */
static void test_bound_in_chains(void **state)
{
	unsigned n = 0;

	make_available(1);
	drain_begin(&f.d);
	do {
		while (take(1)) {
			n++;
			make_available(1);
		}
	} while (drain_again(&f.d));
	assert_int_equal(n, SIZE);
	assert_true(kicks_are_off());
	assert_false(drain_is_open(&f.d));
	assert_false(drain_is_due(&f.d));
	assert_false(drain_rest(&f.d));
	while (!f.fired)
		assert_true(reactor_step(f.r, true) >= 0);
	assert_int_equal(f.fired_for, 4);
	assert_true(drain_is_due(&f.d));
}

/* A full queue that is emptied needs no later wake. */
static void test_bound_that_is_just_reached(void **state)
{
	make_available(SIZE);
	drain_begin(&f.d);
	assert_int_equal(take(99), SIZE);
	assert_false(drain_again(&f.d));
	assert_false(f.again.rung);
	assert_false(kicks_are_off());
}

/* The turn's bytes bound it, too; the next turn begins afresh. */
static void test_bound_in_bytes(void **state)
{
	make_available(4);
	drain_begin(&f.d);
	assert_int_equal(take(1), 1);
	turn_charge(&f.turn, 999);
	assert_int_equal(take(1), 1);
	turn_charge(&f.turn, 1);
	assert_int_equal(take(1), 0);
	assert_false(drain_again(&f.d));
	assert_int_equal(f.again.queues, 4);
	drain_begin(&f.d); /* outside of handlers each is a turn of its own */
	assert_int_equal(take(99), 2);
}

/* A deferred chain is the next one again, and nobody is asked for kicks or to look meanwhile. */
static void test_deferred(void **state)
{
	make_available(2);
	drain_begin(&f.d);
	assert_true(drain_next(&f.d, &f.chain));
	assert_int_equal(f.chain.head, 0);
	drain_defer(&f.d, &f.chain);
	assert_false(drain_next(&f.d, &f.chain));
	assert_false(drain_again(&f.d));
	assert_true(kicks_are_off());
	assert_false(f.again.rung);
	assert_false(drain_is_due(&f.d));
	assert_false(drain_rest(&f.d));
	drain_begin(&f.d);
	assert_true(drain_next(&f.d, &f.chain));
	assert_int_equal(f.chain.head, 0);
}

static void test_broken(void **state)
{
	make_available(SIZE + 1);
	drain_begin(&f.d);
	assert_int_equal(take(99), 0);
	assert_false(drain_again(&f.d));
	drain_begin(&f.d); /* a second drain does not lose what the first one found */
	assert_int_equal(take(99), 0);
	assert_int_equal(drain_error(&f.d), -EPROTO);
	assert_int_equal(drain_error(&f.d), 0);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_kicks),		 T(test_chains_that_come_in_between),
		T(test_bound_in_chains), T(test_bound_that_is_just_reached),
		T(test_bound_in_bytes),	 T(test_deferred),
		T(test_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
