/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The order in which devices are closed (virtio/mmio.h): once one is detached it calls nobody, and once its memory is
 * gone it does not touch it, whatever it had in flight. A touch would end the test, for the memory is unmapped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/virtio_console.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/virtio/blk_fixture.h"
#include "virtio/console/internal.h"
#include "virtio/net/internal.h"

static unsigned calls; /* out of the device */

static void called(struct virtio_device *d, void *ctx)
{
	calls++;
}

static void called_why(struct virtio_device *d, void *ctx, const char *why)
{
	calls++;
}

static bool interrupted(struct virtio_device *d, void *ctx)
{
	calls++;
	return true;
}

static void answered(void *ctx, uint32_t type, uint64_t ns)
{
	calls++;
}

static void consumed(void *ctx, unsigned port, const uint8_t *data, size_t len)
{
	calls++;
}

static void backlog_fell(void *ctx, unsigned port)
{
	calls++;
}

static void open_driver(struct driver *d, struct virtio_device *dev)
{
	driver_open(d, dev, 4u << 20);
	dev->settled = called;
	dev->stuck = called_why;
	dev->interrupt = interrupted;
}

static void step(struct reactor *r)
{
	for (unsigned i = 0; i < 50; i++)
		assert_true(reactor_step(r, false) >= 0);
}

static void close_reactor(struct reactor *r)
{
	assert_int_equal(reactor_destroy(r, 1000000000), 0);
}

/* --- blk ------------------------------------------------------------------ */

static struct blk_fixture f;

static void open_disk(void)
{
	blk_fixture_open(&f, &(struct blk_config){ 0 }, 1 << 20);
	f.blk->dev.settled = called;
	f.blk->dev.stuck = called_why;
	f.blk->dev.interrupt = interrupted;
	blk_observe(f.blk, &(struct blk_observer){ .completed = answered });
	blk_fixture_start(&f, BLK_F_ALL, 256);
}

static void post(uint32_t type, uint32_t len)
{
	struct blk_io io = blk_io_new(&f, len);

	blk_io_add(&f, &io, type, 0);
	driver_kick(&f.d, 0);
}

/* Requests are with the backing, wait for each other, and for tokens; answers are not published. */
static void test_disk_in_flight(void **state)
{
	open_disk();
	post(VIRTIO_BLK_T_IN, 512); /* answered, and its interrupt is deferred */
	f.fault.hold[FAULT_WRITE] = true;
	post(VIRTIO_BLK_T_OUT, 512);
	post(VIRTIO_BLK_T_OUT, 512);
	post(VIRTIO_BLK_T_FLUSH, 0);
	throttle_init(&f.blk->throttle, &(struct throttle_limit){ 1, 0 }, &(struct throttle_limit){ 0 },
		      monotonic_ns());
	post(VIRTIO_BLK_T_OUT, 512);
	post(VIRTIO_BLK_T_OUT, 512);
	calls = 0;
	assert_false(virtio_device_detach(&f.blk->dev)); /* its memory must stay */
	step(f.r);
	fault_finish_all(&f.fault);
	step(f.r);
	assert_int_equal(f.blk->submitted, 0);
	driver_close(&f.d);
	step(f.r);
	assert_int_equal(calls, 0);
	assert_int_equal(blk_destroy(f.blk, 1000000000), 0);
	fault_free(&f.fault);
	close_reactor(f.r);
}

/* Nothing is in flight, but a transfer has parts to come. */
static void test_disk_between_parts(void **state)
{
	uint64_t data, status;
	struct driver_seg seg[10];

	open_disk();
	data = blk_buffer(&f, 1 << 20);
	status = driver_alloc(&f.d, 1, 1);
	for (unsigned i = 0; i < 10; i++)
		seg[i] = (struct driver_seg){ data, 1 << 20, true };
	f.fault.hold[FAULT_READ] = true;
	blk_chain(&f, VIRTIO_BLK_T_IN, 0, seg, 1, status);
	f.fault.hold[FAULT_READ] = false;
	fault_finish_all(&f.fault);
	calls = 0;
	assert_true(virtio_device_detach(&f.blk->dev));
	driver_close(&f.d);
	step(f.r);
	assert_int_equal(calls, 0);
	assert_int_equal(blk_destroy(f.blk, 1000000000), 0);
	fault_free(&f.fault);
	close_reactor(f.r);
}

/* The same on a real ring and file: what is in flight ends in destroy, before memory goes. */
static void test_disk_on_the_ring(void **state)
{
	blk_fixture_open_file(&f, &(struct blk_config){ .engine = BLK_ENGINE_URING });
	f.blk->dev.interrupt = interrupted;
	blk_observe(f.blk, &(struct blk_observer){ .completed = answered });
	blk_fixture_start(&f, BLK_F_ALL, 256);
	for (unsigned i = 0; i < 32; i++)
		post(i % 2 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, 4096);
	assert_true(f.blk->submitted > 0);
	calls = 0;
	assert_false(virtio_device_detach(&f.blk->dev));
	assert_int_equal(blk_destroy(f.blk, 5000000000), 0);
	driver_close(&f.d);
	step(f.r);
	assert_int_equal(calls, 0);
	close_reactor(f.r);
}

/* --- net ------------------------------------------------------------------ */

static void test_net_in_flight(void **state)
{
	struct net_backend *b;
	struct reactor *r;
	struct driver d;
	struct net *n;
	char why[200], frame[64] = { 0 };
	int pair[2];
	uint64_t gpa;

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(reactor_create(&r, 32, 64), 0);
	assert_int_equal(net_tap_over(&b, r, pair[0]), 0);
	assert_int_equal(net_create_over(&n, r, &(struct net_config){ 0 }, b, why, sizeof(why)), 0);
	open_driver(&d, net_device(n));
	driver_init(&d, 1ull << VIRTIO_F_VERSION_1 | 1ull << 5, NET_QUEUES, 256);
	gpa = driver_alloc(&d, 4096, 1);
	for (unsigned i = 0; i < 8; i++) {
		driver_add(&d, NET_RXQ, &(struct driver_seg){ gpa + 2048, 1024, true }, 1);
		driver_add(&d, NET_TXQ, &(struct driver_seg){ gpa, 200, false }, 1);
		assert_int_equal(write(pair[1], frame, sizeof(frame)), sizeof(frame));
	}
	driver_kick(&d, NET_TXQ);
	calls = 0;
	virtio_device_detach(net_device(n));
	calls = 0; /* what a reset of the backend has said to the device is none of ours */
	assert_int_equal(net_destroy(n), 0);
	driver_close(&d);
	step(r);
	assert_int_equal(calls, 0);
	close(pair[1]);
	close_reactor(r);
}

static void test_net_loopback(void **state)
{
	struct reactor *r;
	struct driver d;
	struct net *n;
	char why[200];
	uint64_t gpa;

	assert_int_equal(reactor_create(&r, 32, 64), 0);
	assert_int_equal(net_create(&n, r, &(struct net_config){ 0 }, why, sizeof(why)), 0);
	open_driver(&d, net_device(n));
	driver_init(&d, 1ull << VIRTIO_F_VERSION_1 | 1ull << 5, NET_QUEUES, 256);
	gpa = driver_alloc(&d, 70000, 1);
	for (unsigned i = 0; i < 100; i++)
		driver_add(&d, NET_TXQ, &(struct driver_seg){ gpa, 65536, false }, 1);
	driver_kick(&d, NET_TXQ); /* more than a turn: the self-kick is under way */
	assert_true(n->again.rung);
	calls = 0;
	assert_true(virtio_device_detach(net_device(n)));
	driver_close(&d);
	step(r);
	assert_int_equal(calls, 0);
	assert_int_equal(net_destroy(n), 0);
	close_reactor(r);
}

/* --- console -------------------------------------------------------------- */

/* What the guest has just sent, what it has not taken, and queues that wait for a later wake. */
static void test_console_with_bytes_both_ways(void **state)
{
	struct reactor *r;
	struct console *c;
	struct driver d;
	uint64_t gpa;

	assert_int_equal(reactor_create(&r, 32, 64), 0);
	assert_int_equal(console_create(&c, r), 0);
	open_driver(&d, console_device(c));
	for (unsigned port = 0; port < CONSOLE_PORTS; port++) {
		console_consume(c, port, consumed, NULL);
		console_on_backlog(c, port, 10, backlog_fell, NULL);
	}
	driver_init(&d, 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_CONSOLE_F_MULTIPORT, CONSOLE_QUEUES, 256);
	step(r);
	gpa = driver_alloc(&d, 65536, 1);
	for (unsigned port = 0; port < CONSOLE_PORTS; port++) {
		assert_int_equal(console_send(c, port, "twenty bytes for you", 20), 0);
		driver_add(&d, port_tx_queue(port), &(struct driver_seg){ gpa, 32768, false }, 1);
		console_hold(c, port, true);
	}
	driver_kick(&d, port_tx_queue(0));
	console_hold(c, 0, false);
	calls = 0;
	assert_true(virtio_device_detach(console_device(c)));
	driver_close(&d);
	step(r);
	assert_int_equal(calls, 0);
	console_destroy(c);
	step(r);
	assert_int_equal(calls, 0);
	close_reactor(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_disk_in_flight),	 cmocka_unit_test(test_disk_between_parts),
		cmocka_unit_test(test_disk_on_the_ring), cmocka_unit_test(test_net_in_flight),
		cmocka_unit_test(test_net_loopback),	 cmocka_unit_test(test_console_with_bytes_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
