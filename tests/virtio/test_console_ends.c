/* SPDX-License-Identifier: GPL-2.0-only */
/* virtio-console: both ways at once, poison, reset, salvage, the end. */
#include "tests/virtio/console_fixture.h"

static void echo(void *ctx, unsigned port, const uint8_t *data, size_t len)
{
	struct fixture *f = ctx;

	record(ctx, port, data, len);
	assert_int_equal(console_send(f->c, port, data, len), 0);
}

/* A consumer may answer: what it sends goes out in a later wake */
static void consumer_answers(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa;

	open_ports(f);
	console_consume(f->c, 1, echo, f);
	gpa = post_rx(f, RXQ(1), 64);
	post_tx(f, TXQ(1), "ping", 4);
	driver_kick(&f->d, TXQ(1));
	settle(f);
	assert_int_equal(take_used(f, RXQ(1)), 4);
	assert_guest_has(f, gpa, "ping", 4);
}

/* CON-55: nothing is allocated in steady state */
static void steady_state_allocates_nothing(void **state)
{
	struct fixture *f = *state;
	uint64_t in = driver_alloc(&f->d, 4096, 1), out = driver_alloc(&f->d, 4096, 1);
	uint64_t allocations;

	open_ports(f);
	for (unsigned round = 0; round < 2000; round++) {
		for (unsigned i = 0; i < 64; i++) {
			driver_add(&f->d, TXQ(1), &(struct driver_seg){ out, 4096, false }, 1);
			driver_add(&f->d, RXQ(1), &(struct driver_seg){ in, 4096, true }, 1);
		}
		driver_kick(&f->d, TXQ(1));
		for (unsigned i = 0; i < 64; i++)
			console_send(f->c, 1, driver_ptr(&f->d, out, 4096), 4096);
		settle(f);
		for (unsigned i = 0; i < 64; i++) {
			take_used(f, TXQ(1));
			assert_int_equal(take_used(f, RXQ(1)), 4096);
		}
		f->got[1].len = 0;
		if (round == 0)
			allocations = f->c->port[1].tx.allocations + f->c->port[1].rx.allocations;
	}
	assert_int_equal(f->c->port[1].tx.allocations + f->c->port[1].rx.allocations, allocations);
	assert_int_equal(allocations, 1 + FIFO_SPARE_MAX);
	assert_true(f->c->port[1].rx.n_spare <= FIFO_SPARE_MAX);
}

/* MM-23 on a port's queue: what came before is delivered and signalled first */
static void tx_poison(void **state)
{
	struct fixture *f = *state;

	driver_irqs(&f->d);
	post_tx(f, TXQ(0), "last words", 10);
	driver_raw_avail(&f->d, TXQ(0), 256); /* no such head */
	driver_kick(&f->d, TXQ(0));
	assert_got(f, 0, "last words", 10);
	assert_int_equal(take_used(f, TXQ(0)), 0);
	assert_int_equal(driver_irqs(&f->d), 2); /* used buffer, then configuration */
	assert_int_equal(driver_ack(&f->d), VIRTIO_INT_VRING | VIRTIO_INT_CONFIG);
	assert_int_equal(console_counters(f->c)->ring_errors, 1);
	assert_int_equal(console_counters(f->c)->invalid_avail_idx_count, 0);
	driver_init(&f->d, F_V1 | F_MULTIPORT, CONSOLE_QUEUES, 256);
	driver_raw_avail_idx(&f->d, RXQ(0), 257);
	console_send(f->c, 0, "x", 1);
	assert_int_equal(console_counters(f->c)->invalid_avail_idx_count, 1);
	assert_int_equal(console_counters(f->c)->ring_errors, 1); /* counters survive a reset */
}

/* A used ring outside of memory: the bytes still count, nothing is poisoned */
static void used_ring_unmapped(void **state)
{
	struct fixture *f = *state;
	unsigned q = TXQ(0);

	assert_true(driver_reset(&f->d));
	assert_true(driver_negotiate(&f->d, F_V1 | F_MULTIPORT));
	driver_setup_queue(&f->d, q, 256);
	driver_raw_rings(&f->d, q, f->d.q[q].desc_gpa, f->d.q[q].avail_gpa, 1ull << 40);
	assert_true(driver_ok(&f->d));
	post_tx(f, q, "heard", 5);
	driver_irqs(&f->d);
	driver_kick(&f->d, q);
	assert_got(f, 0, "heard", 5);
	assert_int_equal(console_counters(f->c)->ring_errors, 1);
	assert_int_equal(driver_irqs(&f->d), 0);
	assert_true(f->c->dev.active);
}

/* CON-50 CON-51: a reset salvages what the guest had sent, silently, and forgets the rest */
static void reset_salvages(void **state)
{
	struct fixture *f = *state;

	open_ports(f);
	say(f, 0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	say(f, 1, VIRTIO_CONSOLE_PORT_READY, 1);
	console_send(f->c, 1, "dropped", 7);
	driver_irqs(&f->d);
	for (unsigned port = 0; port < 3; port++)
		post_tx(f, TXQ(port), "salvaged", 8); /* no kick */
	assert_true(driver_reset(&f->d));
	for (unsigned port = 0; port < 3; port++) {
		assert_int_equal(f->got[port].calls, 0);
		assert_int_equal(f->c->port[port].tx.len, 8);
		assert_int_equal(driver_used_count(&f->d, TXQ(port)), 0);
		assert_int_equal(console_backlog(f->c, port), 0);
		assert_false(f->c->port[port].opened);
		assert_false(f->c->port[port].readied);
	}
	assert_int_equal(driver_irqs(&f->d), 0);
	assert_int_equal(f->c->control_n, 0);
	assert_false(f->c->device_ready);
	settle(f);
	for (unsigned port = 0; port < 3; port++)
		assert_got(f, port, "salvaged", 8);
}

/* CON-50: at most 256 KiB a port, held or not */
static void salvage_is_bounded(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 32 * KIB, 1);

	console_hold(f->c, 1, true);
	for (unsigned i = 0; i < 100; i++)
		driver_add(&f->d, TXQ(1), &(struct driver_seg){ gpa, 32 * KIB, false }, 1);
	driver_kick(&f->d, TXQ(1));
	assert_true(driver_reset(&f->d));
	settle(f);
	assert_int_equal(f->got[1].len, 0); /* still held */
	assert_int_equal(f->c->port[1].tx.len, 256 * KIB);
	console_hold(f->c, 1, false);
	settle(f);
	assert_int_equal(f->got[1].len, 256 * KIB);
	/* a storm of resets adds nothing */
	for (unsigned i = 0; i < 100; i++)
		assert_true(driver_reset(&f->d));
	settle(f);
	assert_int_equal(f->got[1].len, 256 * KIB);
}

/* CON-52: at the end all that is left is taken, above the cap of a call */
static void final_drain(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 32 * KIB, 1);

	console_hold(f->c, 1, true);
	for (unsigned i = 0; i < 256; i++)
		driver_add(&f->d, TXQ(1), &(struct driver_seg){ gpa, 32 * KIB, false }, 1);
	post_tx(f, TXQ(0), "bye", 3);
	driver_irqs(&f->d);
	console_final_drain(f->c);
	assert_got(f, 0, "bye", 3);
	assert_int_equal(f->got[1].len, 8192 * KIB);
	assert_int_equal(driver_irqs(&f->d), 0);
	console_final_drain(f->c);
	assert_int_equal(f->got[1].len, 8192 * KIB);
}

/* The device goes away with work left */
static void destroy_with_work_left(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 200; i++)
		post_rx(f, RXQ(0), 0);
	console_send(f->c, 0, "x", 1);
	assert_true(f->c->again.queues);
	console_destroy(f->c);
	for (unsigned i = 0; i < 10; i++)
		assert_true(reactor_step(f->r, false) >= 0);
	assert_int_equal(console_create(&f->c, f->r), 0); /* for teardown */
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(consumer_answers), T(steady_state_allocates_nothing),
		T(tx_poison),	     T(used_ring_unmapped),
		T(reset_salvages),   T(salvage_is_bounded),
		T(final_drain),	     T(destroy_with_work_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
