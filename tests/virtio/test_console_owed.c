/* SPDX-License-Identifier: GPL-2.0-only */
/* virtio-console: when a writer gets its interrupt. The clock is the test's. */
#include "tests/virtio/clock.h"
#include "tests/virtio/console_fixture.h"

static struct timer *timer_of(struct fixture *f)
{
	return &f->c->owed.time;
}

static void fire(struct fixture *f)
{
	assert_int_not_equal(timer_of(f)->deadline_ns, 0);
	if (now_ns < timer_of(f)->deadline_ns)
		now_ns = timer_of(f)->deadline_ns;
	timer_of(f)->deadline_ns = 0;
	timer_of(f)->fn(timer_of(f));
}

static void write_one(struct fixture *f)
{
	post_tx(f, TXQ(1), "x", 1);
	driver_kick(&f->d, TXQ(1));
	take_used(f, TXQ(1));
}

static void begin(struct fixture *f)
{
	f->c->owed.wait_ns = CONSOLE_OWED_NS_MAX;
	driver_irqs(&f->d);
}

/* One that writes and writes: the used entries at once, an interrupt for a quarter of its ring */
static void writer_that_goes_on(void **state)
{
	struct fixture *f = *state;

	begin(f);
	timer_sets = 0;
	for (unsigned i = 0; i < 63; i++) {
		now_ns += 10000;
		write_one(f);
	}
	assert_int_equal(driver_irqs(&f->d), 0);
	assert_int_equal(timer_sets, 1);
	write_one(f);
	assert_int_equal(driver_irqs(&f->d), 1);
	assert_int_equal(f->c->owed.descriptors, 0);
	assert_int_equal(f->c->owed.wait_ns, CONSOLE_OWED_NS_MAX);
	/* the timer that was left fires for nothing */
	fire(f);
	assert_int_equal(driver_irqs(&f->d), 0);
	assert_int_equal(timer_of(f)->deadline_ns, 0);
}

/* Descriptors count, not chains: a ring may be full of few */
static void long_chains(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 64, 1);
	struct driver_seg seg[16];

	begin(f);
	for (unsigned i = 0; i < 16; i++)
		seg[i] = (struct driver_seg){ gpa + i, 1, false };
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(driver_irqs(&f->d), 0);
		driver_add(&f->d, TXQ(1), seg, 16);
		driver_kick(&f->d, TXQ(1));
	}
	assert_int_equal(driver_irqs(&f->d), 1);
}

/* A short ring is full sooner */
static void short_ring(void **state)
{
	struct fixture *f = *state;

	driver_init(&f->d, F_V1 | F_MULTIPORT, CONSOLE_QUEUES, 8);
	begin(f);
	write_one(f);
	assert_int_equal(driver_irqs(&f->d), 0);
	write_one(f);
	assert_int_equal(driver_irqs(&f->d), 1);
}

/* One write alone: the interrupt comes in time, not before */
static void in_time(void **state)
{
	struct fixture *f = *state;
	uint64_t from = now_ns;

	begin(f);
	write_one(f);
	assert_int_equal(timer_ns, from + CONSOLE_OWED_NS_MAX);
	now_ns += CONSOLE_OWED_NS_MAX / 2;
	timer_of(f)->fn(timer_of(f)); /* too early: set anew */
	assert_int_equal(driver_irqs(&f->d), 0);
	assert_int_equal(timer_ns, from + CONSOLE_OWED_NS_MAX);
	fire(f);
	assert_int_equal(driver_irqs(&f->d), 1);
	/* much later, so it did not wait for it */
	now_ns += 10 * CONSOLE_OWED_NS_MAX;
	write_one(f);
	assert_int_equal(f->c->owed.wait_ns, CONSOLE_OWED_NS_MAX);
}

/* One that waits for each gets each sooner, down to a bound; and later again when it waits no more */
static void writer_that_waits(void **state)
{
	struct fixture *f = *state;
	uint64_t wait;

	begin(f);
	write_one(f);
	for (wait = CONSOLE_OWED_NS_MAX; wait > CONSOLE_OWED_NS_MIN; wait /= 2) {
		assert_int_equal(f->c->owed.wait_ns, wait);
		fire(f);
		assert_int_equal(driver_irqs(&f->d), 1);
		now_ns += 1000;
		write_one(f);
	}
	fire(f);
	now_ns += 1000;
	write_one(f);
	assert_int_equal(f->c->owed.wait_ns, CONSOLE_OWED_NS_MIN);
	for (unsigned i = 0; i < 4; i++) { /* a pace of its own */
		fire(f);
		now_ns += 1000000;
		write_one(f);
	}
	assert_int_equal(f->c->owed.wait_ns, CONSOLE_OWED_NS_MAX);
}

/* An interrupt for a quarter of the ring, right after one in time, is none that was waited for */
static void writer_that_waited_once(void **state)
{
	struct fixture *f = *state;

	begin(f);
	write_one(f);
	fire(f);
	for (unsigned i = 0; i < 64; i++) {
		now_ns += 1000;
		write_one(f);
	}
	assert_int_equal(driver_irqs(&f->d), 2);
	assert_int_equal(f->c->owed.wait_ns, CONSOLE_OWED_NS_MAX / 2);
	write_one(f);
	assert_int_equal(f->c->owed.wait_ns, CONSOLE_OWED_NS_MAX);
}

/* So does one that waits behind a few writes, though it wrote meanwhile */
static void writer_with_a_window(void **state)
{
	struct fixture *f = *state;

	begin(f);
	for (unsigned i = 0; i < 20; i++) {
		for (unsigned k = 0; k < 4; k++) {
			now_ns += 1000;
			write_one(f);
		}
		fire(f);
		assert_int_equal(driver_irqs(&f->d), 1);
	}
	assert_int_equal(f->c->owed.wait_ns, CONSOLE_OWED_NS_MIN);
}

/* One with a pace of its own writes soon after an interrupt, too, but was not silent before it */
static void writer_with_a_pace(void **state)
{
	struct fixture *f = *state;
	uint64_t next_ns = now_ns;

	begin(f);
	for (unsigned i = 0; i < 60; i++, next_ns += 900000) {
		if (timer_of(f)->deadline_ns && timer_of(f)->deadline_ns <= next_ns)
			fire(f);
		now_ns = next_ns;
		write_one(f);
		assert_int_equal(f->c->owed.wait_ns, CONSOLE_OWED_NS_MAX);
	}
	assert_in_range(driver_irqs(&f->d), 11, 13);
}

/* An interrupt for a reader is the writer's too; a reset and a mistake leave none behind */
static void other_interrupts(void **state)
{
	struct fixture *f = *state;

	begin(f);
	post_rx(f, RXQ(0), 8);
	write_one(f);
	console_send(f->c, 0, "abc", 3);
	assert_int_equal(driver_irqs(&f->d), 1);
	assert_int_equal(f->c->owed.descriptors, 0);
	write_one(f);
	assert_true(driver_reset(&f->d));
	fire(f);
	assert_int_equal(driver_irqs(&f->d), 0);
	driver_init(&f->d, F_V1 | F_MULTIPORT, CONSOLE_QUEUES, 256);
	driver_irqs(&f->d);
	write_one(f);
	driver_raw_avail_idx(&f->d, TXQ(0), 300);
	driver_kick(&f->d, TXQ(0));
	assert_int_equal(driver_irqs(&f->d), 2); /* used buffers, then the configuration */
}

/* One that wants none gets none */
static void suppressed(void **state)
{
	struct fixture *f = *state;

	begin(f);
	f->d.q[TXQ(1)].avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	write_one(f);
	assert_int_equal(f->c->owed.descriptors, 0);
	f->d.q[TXQ(1)].avail->flags = 0;
	write_one(f);
	assert_int_equal(f->c->owed.descriptors, 1);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(writer_that_goes_on),	 T(long_chains),
		T(short_ring),		 T(in_time),
		T(writer_that_waits),	 T(writer_that_waited_once),
		T(writer_with_a_window), T(writer_with_a_pace),
		T(other_interrupts),	 T(suppressed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
