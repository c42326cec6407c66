/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * No wake holds the reactor for long, however slow guest memory is. Time is the test's: a byte that is moved takes 25
 * ns of it, as where the host itself is emulated, or a tenth of one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/virtio_console.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/virtio/blk_fixture.h"
#include "tests/virtio/clock.h"
#include "virtio/console/internal.h"
#include "virtio/net/internal.h"

#define MIB (1u << 20)
#define SLOW 250u /* tenths of a ns a byte */
#define FAST 1u
#define LONG_NS REACTOR_HELD_LONG_NS

static unsigned pace;
static unsigned wakes; /* that moved something */

int __wrap_guest_memory_read(const struct guest_memory *m, uint64_t gpa, void *dst, size_t len);
int __wrap_guest_memory_write(const struct guest_memory *m, uint64_t gpa, const void *src, size_t len);
int __real_guest_memory_read(const struct guest_memory *m, uint64_t gpa, void *dst, size_t len);
int __real_guest_memory_write(const struct guest_memory *m, uint64_t gpa, const void *src, size_t len);

static void work(size_t bytes)
{
	now_ns += bytes * pace / 10;
}

int __wrap_guest_memory_read(const struct guest_memory *m, uint64_t gpa, void *dst, size_t len)
{
	work(len);
	return __real_guest_memory_read(m, gpa, dst, len);
}

int __wrap_guest_memory_write(const struct guest_memory *m, uint64_t gpa, const void *src, size_t len)
{
	work(len);
	return __real_guest_memory_write(m, gpa, src, len);
}

static int setup(void **state)
{
	driver_clock_runs = true;
	pace = SLOW;
	wakes = 0;
	return 0;
}

/* Kick, and step until the device rests; no wake is long. */
static void kick_and_settle(struct driver *d, struct reactor *r, unsigned q, const struct selfkick *again)
{
	uint64_t before = now_ns;

	driver_kick(d, q);
	assert_in_range(now_ns - before, 0, LONG_NS);
	for (unsigned quiet = 0; quiet < 3; quiet++) {
		before = now_ns;
		assert_true(reactor_step(r, false) >= 0);
		assert_in_range(now_ns - before, 0, LONG_NS);
		wakes += now_ns != before;
		if (again->rung)
			quiet = 0;
	}
	assert_int_equal(reactor_counters(r)->held_long, 0);
}

/* --- blk ------------------------------------------------------------------ */

static struct blk_fixture disk;

static struct fault takes_time(struct fault_backing *b, enum fault_kind kind, unsigned call, size_t want)
{
	work(want);
	return (struct fault){ 0 };
}

/* One request of @mib ranges of 1 MiB. */
static void long_read(unsigned mib)
{
	uint64_t data = blk_buffer(&disk, MIB), status = driver_alloc(&disk.d, 1, 1);
	uint64_t header = driver_alloc(&disk.d, 16, 16);
	struct driver_seg seg[66] = { { header, 16, false } };

	for (unsigned i = 1; i <= mib; i++)
		seg[i] = (struct driver_seg){ data, MIB, true };
	seg[mib + 1] = (struct driver_seg){ status, 1, true };
	assert_true(driver_add(&disk.d, 0, seg, mib + 2) >= 0);
}

static void open_disk(void)
{
	blk_fixture_open(&disk, &(struct blk_config){ 0 }, 64 * MIB);
	blk_fixture_start(&disk, BLK_F_ALL, 256);
	disk.fault.plan = takes_time;
}

static void test_disk_on_slow_memory(void **state)
{
	open_disk();
	for (unsigned i = 0; i < 4; i++)
		long_read(8);
	kick_and_settle(&disk.d, disk.r, 0, &disk.blk->again);
	assert_int_equal(disk.blk->counters.reads_completed, 4);
	assert_int_equal(disk.blk->counters.bytes_read, 32 * MIB);
	assert_in_range(disk.blk->turn.room, TURN_ROOM_LEAST, TURN_PART_NS / 25);
	/* It has become fast: the bound in bytes is what ends a turn. */
	pace = FAST;
	for (unsigned i = 0; i < 4; i++)
		long_read(8);
	wakes = 0;
	kick_and_settle(&disk.d, disk.r, 0, &disk.blk->again);
	assert_int_equal(disk.blk->counters.reads_completed, 8);
	assert_int_equal(disk.blk->turn.room, TURN_ROOM_HERE);
	assert_in_range(wakes, 32 * MIB / BLK_TURN_BYTES - 1, 32 * MIB / BLK_TURN_BYTES);
	blk_fixture_close(&disk);
}

/* Many small requests are bounded as well. */
static void test_small_requests_on_slow_memory(void **state)
{
	struct blk_io io[64];

	open_disk();
	for (unsigned i = 0; i < 64; i++) {
		io[i] = blk_io_new(&disk, 32 << 10);
		blk_io_add(&disk, &io[i], VIRTIO_BLK_T_IN, i);
	}
	kick_and_settle(&disk.d, disk.r, 0, &disk.blk->again);
	assert_int_equal(disk.blk->counters.reads_completed, 64);
	assert_in_range(wakes, 64 * 32 * 1024 / 40 / (LONG_NS / 1000), 64);
	blk_fixture_close(&disk);
}

/* What the kernel moves takes no time here, so that its parts grow. */
static void test_parts_of_the_kernel(void **state)
{
	open_disk();
	disk.fault.hold[FAULT_READ] = true;
	pace = 0;
	long_read(24);
	driver_kick(&disk.d, 0);
	while (disk.fault.n_held)
		fault_finish(&disk.fault, 0, 0);
	assert_int_equal(disk.blk->counters.reads_completed, 1);
	/* of 1/4, 1/2, 1, 2 and then 4 MiB; a range of 1 MiB is cut only where it must be */
	assert_in_range(disk.fault.calls, 6, 12);
	blk_fixture_close(&disk);
}

/* --- net ------------------------------------------------------------------ */

static int send_slowly(struct net_backend *b, const struct net_frame *frame)
{
	work(frame->len);
	return 0;
}

static int no_destroy(struct net_backend *b)
{
	return 0;
}

static void test_frames_on_slow_memory(void **state)
{
	static const struct net_backend_ops ops = { .name = "slow", .send = send_slowly, .destroy = no_destroy };
	struct net_backend backend = { .ops = &ops };
	struct driver d;
	struct reactor *r;
	struct net *n;
	char why[200];
	uint64_t gpa;

	assert_int_equal(reactor_create(&r, 32, 64), 0);
	assert_int_equal(net_create_over(&n, r, &(struct net_config){ 0 }, &backend, why, sizeof(why)), 0);
	driver_open(&d, net_device(n), 4 * MIB);
	driver_init(&d, 1ull << VIRTIO_F_VERSION_1 | 1ull << 5, NET_QUEUES, 256);
	gpa = driver_alloc(&d, NET_HEADER_SIZE + 65536, 1);
	for (unsigned i = 0; i < 64; i++)
		driver_add(&d, NET_TXQ, &(struct driver_seg){ gpa, NET_HEADER_SIZE + 65536, false }, 1);
	kick_and_settle(&d, r, NET_TXQ, &n->again);
	assert_int_equal(net_counters(n)->tx_packets, 64);
	assert_in_range(wakes, 64 * 65536 / 40 / (LONG_NS / 1000), 64);
	assert_int_equal(net_destroy(n), 0);
	driver_close(&d);
	assert_int_equal(reactor_destroy(r, 1000000000), 0);
}

/* --- console -------------------------------------------------------------- */

static size_t consumed;

static void consume(void *ctx, unsigned port, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		assert_int_equal(data[i], (consumed + i) / CONSOLE_TX_DESC_MAX % 251);
	consumed += len;
}

/* One chain of 6 MiB, and another after it: in order, each used when it is through. */
static void test_console_on_slow_memory(void **state)
{
	enum { SEGS = 200 };
	struct driver_seg seg[SEGS];
	struct reactor *r;
	struct console *c;
	struct driver d;

	assert_int_equal(reactor_create(&r, 32, 64), 0);
	assert_int_equal(console_create(&c, r), 0);
	driver_open(&d, console_device(c), 16 * MIB);
	driver_init(&d, 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_CONSOLE_F_MULTIPORT, CONSOLE_QUEUES, 256);
	console_consume(c, 1, consume, NULL);
	consumed = 0;
	for (unsigned i = 0; i < SEGS; i++) {
		seg[i] = (struct driver_seg){ driver_alloc(&d, CONSOLE_TX_DESC_MAX, 1), CONSOLE_TX_DESC_MAX, false };
		memset(driver_ptr(&d, seg[i].gpa, CONSOLE_TX_DESC_MAX), i % 251, CONSOLE_TX_DESC_MAX);
	}
	assert_true(driver_add(&d, port_tx_queue(1), seg, SEGS) >= 0);
	kick_and_settle(&d, r, port_tx_queue(1), &c->again);
	assert_int_equal(consumed, SEGS * CONSOLE_TX_DESC_MAX);
	assert_int_equal(driver_used_count(&d, port_tx_queue(1)), 1);
	assert_int_equal(console_counters(c)->port[1].tx_bytes, consumed);
	assert_in_range(wakes, consumed / 40 / (LONG_NS / 1000), SEGS);
	/* What a reset finds half taken is taken to its end, however long. */
	consumed = 0;
	assert_true(driver_add(&d, port_tx_queue(1), seg, 8) >= 0);
	driver_kick(&d, port_tx_queue(1));
	assert_in_range(c->port[1].tx_skip, 1, 7);
	driver_reset(&d);
	assert_int_equal(c->port[1].tx_skip, 0);
	while (c->again.rung)
		assert_true(reactor_step(r, false) >= 0);
	assert_int_equal(consumed, 8 * CONSOLE_TX_DESC_MAX);
	console_destroy(c);
	driver_close(&d);
	assert_int_equal(reactor_destroy(r, 1000000000), 0);
}

/* --- several devices in one wake ------------------------------------------ */

static struct turn turns[8];
static size_t begun[8];

static void all_work(struct kick *k)
{
	for (unsigned i = 0; i < 8; i++) {
		begun[i] = 0;
		turn_begin(&turns[i]);
		while (!turn_is_over(&turns[i])) {
			turn_charge(&turns[i], 16 << 10);
			begun[i] += 16 << 10;
			work(16 << 10);
		}
	}
}

/* Three have a full turn, the others do a little; together they are not too long. */
static void test_wake_of_many_devices(void **state)
{
	struct reactor *r;
	struct kick k;
	int fd = eventfd(0, EFD_CLOEXEC);

	assert_int_equal(reactor_create(&r, 32, 64), 0);
	assert_int_equal(kick_watch(r, &k, fd, all_work), 0);
	for (unsigned i = 0; i < 8; i++)
		turn_init(&turns[i], r, 4 * MIB);
	assert_int_equal(eventfd_write(fd, 1), 0);
	while (!begun[7])
		assert_true(reactor_step(r, true) >= 0);
	assert_in_range(begun[0] * 25, TURN_NS, 2 * TURN_NS);
	assert_in_range(begun[1] * 25, TURN_NS, 2 * TURN_NS);
	for (unsigned i = 3; i < 8; i++)
		assert_in_range(begun[i], 1, TURN_CHECK_BYTES);
	assert_in_range(reactor_counters(r)->held_max_ns, TURN_WAKE_NS, TURN_WAKE_NS + 2 * TURN_NS + 5 * 16384 * 25);
	kick_unwatch(&k);
	close(fd);
	assert_int_equal(reactor_destroy(r, 1000000000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_disk_on_slow_memory, setup),
		cmocka_unit_test_setup(test_small_requests_on_slow_memory, setup),
		cmocka_unit_test_setup(test_parts_of_the_kernel, setup),
		cmocka_unit_test_setup(test_frames_on_slow_memory, setup),
		cmocka_unit_test_setup(test_console_on_slow_memory, setup),
		cmocka_unit_test_setup(test_wake_of_many_devices, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
