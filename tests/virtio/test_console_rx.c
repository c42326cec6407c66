/* SPDX-License-Identifier: GPL-2.0-only */
/* virtio-console: what the host sends by a port: gates, bounds, when buffers are filled, the backlog. */
#include "tests/virtio/console_fixture.h"

/* CON-34 CON-35: ports 1 and 2 wait for PORT_OPEN, port 0 does not */
static void rx_gate(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa[3];

	for (unsigned port = 0; port < 3; port++) {
		gpa[port] = post_rx(f, RXQ(port), 64);
		driver_kick(&f->d, RXQ(port));
		assert_int_equal(console_send(f->c, port, "bytes", 5), 0);
	}
	settle(f);
	assert_int_equal(take_used(f, RXQ(0)), 5);
	assert_int_equal(console_backlog(f->c, 1), 5);
	assert_int_equal(console_backlog(f->c, 2), 5);
	driver_irqs(&f->d);
	say(f, 1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	assert_int_equal(take_used(f, RXQ(1)), 5);
	assert_int_equal(driver_irqs(&f->d), 1);
	assert_int_equal(driver_used_count(&f->d, RXQ(2)), 0);
	assert_int_equal(console_backlog(f->c, 1), 0);
	say(f, 2, VIRTIO_CONSOLE_PORT_OPEN, 1);
	assert_int_equal(take_used(f, RXQ(2)), 5);
	for (unsigned port = 0; port < 3; port++)
		assert_guest_has(f, gpa[port], "bytes", 5);
	/* closed again: kept */
	say(f, 2, VIRTIO_CONSOLE_PORT_OPEN, 0);
	post_rx(f, RXQ(2), 64);
	console_send(f->c, 2, "late", 4);
	settle(f);
	assert_int_equal(console_backlog(f->c, 2), 4);
}

/* CON-54: all writable descriptors are filled; used tells the bytes */
static void rx_scatter(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 64, 1);
	struct driver_seg seg[] = {
		{ gpa, 3, true }, { gpa + 10, 4, false }, { gpa + 20, 0, true }, { gpa + 30, 100000, true }
	};
	uint8_t bytes[70003];

	fill_pattern(bytes, sizeof(bytes));
	driver_alloc(&f->d, 100000, 1);
	driver_add(&f->d, RXQ(0), seg, 4);
	driver_irqs(&f->d);
	assert_int_equal(console_send(f->c, 0, bytes, sizeof(bytes)), 0);
	assert_int_equal(take_used(f, RXQ(0)), sizeof(bytes));
	assert_guest_has(f, gpa, bytes, 3);
	assert_guest_has(f, gpa + 30, bytes + 3, sizeof(bytes) - 3);
	assert_guest_has(f, gpa + 10, "\0\0\0\0", 4);
	assert_int_equal(driver_irqs(&f->d), 1);
	assert_int_equal(console_counters(f->c)->port[0].rx_bytes, sizeof(bytes));
}

/* CON-53: a torn chain comes back with 0 and the bytes go to the next */
static void rx_torn(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 64, 1);
	struct driver_seg seg[] = { { gpa, 2, true }, { 1ull << 40, 8, true } };

	driver_add(&f->d, RXQ(0), seg, 2);
	driver_irqs(&f->d);
	assert_int_equal(console_send(f->c, 0, "abcdef", 6), 0);
	assert_int_equal(take_used(f, RXQ(0)), 0);
	assert_int_equal(driver_irqs(&f->d), 0); /* CON-58 */
	assert_int_equal(console_backlog(f->c, 0), 6);
	gpa = post_rx(f, RXQ(0), 64);
	driver_kick(&f->d, RXQ(0));
	assert_int_equal(take_used(f, RXQ(0)), 6);
	assert_guest_has(f, gpa, "abcdef", 6);
}

/* CON-18 CON-19: 64 chains a call; zero-length ones don't spin and lose nothing */
static void rx_zero_progress(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa;

	for (unsigned i = 0; i < 256; i++)
		post_rx(f, RXQ(0), 0);
	driver_irqs(&f->d);
	assert_int_equal(console_send(f->c, 0, "kept", 4), 0);
	assert_int_equal(driver_used_count(&f->d, RXQ(0)), 64);
	driver_kick(&f->d, RXQ(0)); /* next notify */
	assert_int_equal(driver_used_count(&f->d, RXQ(0)), 128);
	assert_int_equal(console_send(f->c, 0, "!", 1), 0); /* next push */
	assert_int_equal(driver_used_count(&f->d, RXQ(0)), 192);
	settle(f);
	assert_int_equal(driver_used_count(&f->d, RXQ(0)), 256);
	assert_int_equal(driver_irqs(&f->d), 0);
	for (unsigned i = 0; i < 256; i++)
		assert_int_equal(take_used(f, RXQ(0)), 0);
	assert_int_equal(console_backlog(f->c, 0), 5);
	gpa = post_rx(f, RXQ(0), 64);
	driver_kick(&f->d, RXQ(0));
	assert_int_equal(take_used(f, RXQ(0)), 5);
	assert_guest_has(f, gpa, "kept!", 5);
}

/* CON-18: with real buffers too: 64 chains, then a later wake */
static void rx_call_cap(void **state)
{
	struct fixture *f = *state;
	uint8_t bytes[200];

	fill_pattern(bytes, sizeof(bytes));
	for (unsigned i = 0; i < 250; i++)
		post_rx(f, RXQ(0), 1);
	driver_irqs(&f->d);
	assert_int_equal(console_send(f->c, 0, bytes, sizeof(bytes)), 0);
	assert_int_equal(driver_used_count(&f->d, RXQ(0)), 64);
	assert_int_equal(driver_irqs(&f->d), 1);
	settle(f);
	assert_int_equal(driver_used_count(&f->d, RXQ(0)), 200);
	assert_int_equal(driver_irqs(&f->d), 3);
}

/* CON-20: 10 MiB without a buffer are kept, and arrive whole */
static void rx_unbounded(void **state)
{
	struct fixture *f = *state;
	size_t total = 10u << 20, got = 0;
	uint8_t *all = malloc(total), *back = malloc(total);
	uint64_t gpa[64];

	assert_true(all && back);
	fill_pattern(all, total);
	open_ports(f);
	for (size_t at = 0; at < total; at += 999999)
		assert_int_equal(console_send(f->c, 1, all + at, at + 999999 > total ? total - at : 999999), 0);
	assert_int_equal(console_backlog(f->c, 1), total);
	assert_int_equal(console_counters(f->c)->port[1].backlog_max, total);
	for (unsigned i = 0; i < 64; i++)
		gpa[i] = driver_alloc(&f->d, 40000, 1);
	while (got < total) {
		for (unsigned i = 0; i < 64; i++)
			driver_add(&f->d, RXQ(1), &(struct driver_seg){ gpa[i], 40000, true }, 1);
		driver_kick(&f->d, RXQ(1));
		settle(f);
		for (unsigned i = 0; i < 64 && got < total; i++) {
			uint32_t len = take_used(f, RXQ(1));

			memcpy(back + got, driver_ptr(&f->d, gpa[i], len), len);
			got += len;
		}
	}
	assert_memory_equal(all, back, total);
	assert_int_equal(console_backlog(f->c, 1), 0);
	assert_int_equal(f->c->port[1].rx.n_spare, FIFO_SPARE_MAX); /* CON-55: 256 KiB stay */
	free(all);
	free(back);
}

/* CON-49: bytes sent before DRIVER_OK arrive with it, without a kick */
static void rx_before_driver_ok(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa;

	assert_int_equal(console_send(f->c, 0, "early", 5), 0);
	assert_true(driver_reset(&f->d));
	assert_int_equal(console_backlog(f->c, 0), 0); /* a reset drops it: CON-51 */
	assert_int_equal(console_send(f->c, 0, "early", 5), 0);
	assert_true(driver_negotiate(&f->d, F_V1 | F_MULTIPORT));
	for (unsigned q = 0; q < CONSOLE_QUEUES; q++)
		driver_setup_queue(&f->d, q, 256);
	gpa = post_rx(f, RXQ(0), 64);
	assert_true(driver_ok(&f->d));
	assert_int_equal(take_used(f, RXQ(0)), 5);
	assert_guest_has(f, gpa, "early", 5);
}

/* The driver is asked for kicks of RX buffers only while bytes wait for them, and once it seems not to read. */
static void rx_kick_suppression(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 64, 1);

	driver_add(&f->d, RXQ(0), &(struct driver_seg){ gpa, 2, true }, 1);
	assert_false(driver_kick_wanted(&f->d, RXQ(0)));
	console_send(f->c, 0, "abcd", 4);
	assert_int_equal(driver_used_count(&f->d, RXQ(0)), 1);
	while (!driver_kick_wanted(&f->d, RXQ(0)))
		assert_true(reactor_step(f->r, true) >= 0);
	driver_add(&f->d, RXQ(0), &(struct driver_seg){ gpa, 2, true }, 1);
	driver_kick(&f->d, RXQ(0));
	assert_int_equal(console_backlog(f->c, 0), 0);
	driver_add(&f->d, RXQ(0), &(struct driver_seg){ gpa, 2, true }, 1);
	assert_false(driver_kick_wanted(&f->d, RXQ(0)));
}

/* A reader that is behind gets an interrupt for an eighth of its buffers, or in time; one that waits, at once. */
static void rx_refill(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 64, 1);
	struct driver_seg seg = { gpa, 1, true };
	uint8_t bytes[200];

	fill_pattern(bytes, sizeof(bytes));
	for (unsigned i = 0; i < 64; i++)
		driver_add(&f->d, RXQ(0), &seg, 1);
	driver_irqs(&f->d);
	f->c->port[0].rx_wait_ns = 3600000000000ull;
	console_send(f->c, 0, bytes, sizeof(bytes));
	settle(f);
	assert_int_equal(driver_used_count(&f->d, RXQ(0)), 64);
	assert_int_equal(driver_irqs(&f->d), 1);
	assert_false(driver_kick_wanted(&f->d, RXQ(0)));
	for (unsigned i = 0; i < 7; i++) {
		assert_int_equal(take_used(f, RXQ(0)), 1);
		driver_add(&f->d, RXQ(0), &seg, 1);
		driver_kick(&f->d, RXQ(0));
		assert_int_equal(driver_irqs(&f->d), 0);
	}
	assert_int_equal(take_used(f, RXQ(0)), 1);
	driver_add(&f->d, RXQ(0), &seg, 1);
	driver_kick(&f->d, RXQ(0));
	assert_int_equal(driver_irqs(&f->d), 1);
	assert_int_equal(driver_used_count(&f->d, RXQ(0)), 64);
	take_used(f, RXQ(0));
	driver_add(&f->d, RXQ(0), &seg, 1);
	f->c->port[0].rx_due_ns = 1;
	driver_kick(&f->d, RXQ(0));
	assert_int_equal(driver_irqs(&f->d), 1);
	assert_int_equal(console_backlog(f->c, 0), 200 - 64 - 8 - 1);
}

struct backlog {
	struct fixture *f;
	unsigned calls, sends;
};

static void backlog_low(void *ctx, unsigned port)
{
	struct backlog *b = ctx;

	b->calls++;
	assert_true(console_backlog(b->f->c, port) <= 10);
	if (b->sends && b->sends--)
		console_send(b->f->c, port, "abcdefghijklmno", 15);
}

/* The backlog callback: once each time it falls to the mark; it may send; a
 * reset that drops the backlog counts */
static void rx_backlog_callback(void **state)
{
	struct fixture *f = *state;
	struct backlog b = { .f = f };
	uint64_t gpa = driver_alloc(&f->d, 64, 1);
	struct driver_seg seg = { gpa, 5, true };

	console_on_backlog(f->c, 0, 10, backlog_low, &b);
	console_send(f->c, 0, "abcdefghij", 10);
	settle(f);
	assert_int_equal(b.calls, 0);
	console_send(f->c, 0, "klmno", 5);
	assert_int_equal(b.calls, 0);
	for (unsigned i = 0; i < 3; i++) {
		driver_add(&f->d, RXQ(0), &seg, 1);
		driver_kick(&f->d, RXQ(0));
		assert_int_equal(b.calls, 1);
	}
	console_send(f->c, 0, "abcdefghijklmno", 15);
	b.sends = 3;
	for (unsigned i = 0; i < 100; i++)
		driver_add(&f->d, RXQ(0), &seg, 1);
	driver_kick(&f->d, RXQ(0));
	settle(f);
	assert_int_equal(b.calls, 5);
	assert_int_equal(console_backlog(f->c, 0), 0);
	assert_int_equal(driver_used_count(&f->d, RXQ(0)), 3 + 3 * 4);
	for (unsigned i = 0; i < 15; i++)
		take_used(f, RXQ(0));
	assert_true(driver_reset(&f->d));
	console_send(f->c, 0, "abcdefghijklmno", 15);
	assert_true(driver_reset(&f->d));
	settle(f);
	assert_int_equal(b.calls, 6);
}

/* A feeder that sends from the callback is not called from within its own
 * console_send(): it would send the same bytes twice */
static void rx_backlog_callback_comes_after_the_send(void **state)
{
	struct fixture *f = *state;
	struct backlog b = { .f = f };
	uint64_t gpa = driver_alloc(&f->d, 64, 1);

	console_on_backlog(f->c, 0, 10, backlog_low, &b);
	for (unsigned i = 0; i < 3; i++)
		driver_add(&f->d, RXQ(0), &(struct driver_seg){ gpa, 5, true }, 1);
	driver_kick(&f->d, RXQ(0));
	settle(f);
	console_send(f->c, 0, "abcdefghijklmno", 15);
	assert_int_equal(console_backlog(f->c, 0), 0);
	assert_int_equal(b.calls, 0);
	settle(f);
	assert_int_equal(b.calls, 1);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(rx_gate),
		T(rx_scatter),
		T(rx_torn),
		T(rx_zero_progress),
		T(rx_call_cap),
		T(rx_unbounded),
		T(rx_before_driver_ok),
		T(rx_kick_suppression),
		T(rx_refill),
		T(rx_backlog_callback),
		T(rx_backlog_callback_comes_after_the_send),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
