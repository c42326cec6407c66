/* SPDX-License-Identifier: GPL-2.0-only */
/* What waits for what, reset with requests in flight, pause, teardown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "tests/virtio/blk_fixture.h"

#define DISK (4u << 20)

static struct blk_fixture f;
static unsigned settled;

static void count_settled(struct virtio_device *d, void *ctx)
{
	settled++;
}

static int setup(void **state)
{
	blk_fixture_open(&f, &(struct blk_config){ 0 }, DISK);
	blk_fixture_start(&f, BLK_F_ALL, 256);
	f.blk->dev.settled = count_settled;
	settled = 0;
	return 0;
}

static int teardown(void **state)
{
	blk_fixture_close(&f);
	return 0;
}

static const struct blk_counters *counters(void)
{
	return blk_counters(f.blk);
}

static struct blk_io post(uint32_t type, uint64_t sector, uint32_t len, uint8_t fill)
{
	struct blk_io io = blk_io_new(&f, len);

	if (len)
		memset(blk_io_data(&f, &io), fill, len);
	blk_io_add(&f, &io, type, sector);
	driver_kick(&f.d, 0);
	return io;
}

static bool answered(const struct blk_io *io)
{
	blk_settle(&f);
	return blk_io_status(&f, io) == VIRTIO_BLK_S_OK;
}

static unsigned held(enum fault_kind kind)
{
	unsigned n = 0;

	for (unsigned i = 0; i < f.fault.n_held; i++)
		n += f.fault.held[i].kind == kind;
	return n;
}

/* --- flush ---------------------------------------------------------------- */

/* Writes popped before the flush are in the backing, complete, before it is
 * synced; writes popped after it don't hold it back. */
static void test_flush_waits_for_earlier_writes(void **state)
{
	struct blk_io a, b, flush, later;

	f.fault.hold[FAULT_WRITE] = f.fault.hold[FAULT_SYNC] = true;
	a = post(VIRTIO_BLK_T_OUT, 0, 512, 1);
	b = post(VIRTIO_BLK_T_OUT, 8, 512, 2);
	flush = post(VIRTIO_BLK_T_FLUSH, 0, 0, 0);
	later = post(VIRTIO_BLK_T_OUT, 16, 512, 3);
	assert_int_equal(held(FAULT_WRITE), 3);
	assert_int_equal(held(FAULT_SYNC), 0);
	fault_finish(&f.fault, 1, 0); /* out of order */
	assert_true(answered(&b));
	assert_int_equal(held(FAULT_SYNC), 0);
	fault_finish(&f.fault, 0, 0);
	assert_true(answered(&a));
	assert_int_equal(held(FAULT_SYNC), 1);
	assert_false(answered(&flush));
	fault_finish(&f.fault, (unsigned)fault_find(&f.fault, FAULT_SYNC), 0);
	assert_true(answered(&flush));
	assert_false(answered(&later));
}

/* L2: one stuck fdatasync holds back nothing but itself. */
static void test_reads_and_writes_pass_a_stuck_flush(void **state)
{
	struct blk_io flush, io;

	f.fault.hold[FAULT_SYNC] = true;
	flush = post(VIRTIO_BLK_T_FLUSH, 0, 0, 0);
	for (unsigned i = 0; i < 20; i++) {
		io = post(i & 1 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, i * 8, 512, (uint8_t)i);
		assert_true(answered(&io));
	}
	assert_false(answered(&flush));
	fault_finish_all(&f.fault);
	assert_true(answered(&flush));
}

/* A failed write before it doesn't fail the flush, and doesn't hang it. */
static void test_flush_after_failed_write(void **state)
{
	struct blk_io out, flush;

	f.fault.hold[FAULT_WRITE] = true;
	out = post(VIRTIO_BLK_T_OUT, 0, 512, 1);
	flush = post(VIRTIO_BLK_T_FLUSH, 0, 0, 0);
	fault_finish(&f.fault, 0, -EIO);
	assert_true(answered(&flush));
	assert_int_equal(blk_io_status(&f, &out), VIRTIO_BLK_S_IOERR);
	assert_int_equal(f.fault.calls_of[FAULT_SYNC], 1);
}

static struct fault writes_go_short(struct fault_backing *b, enum fault_kind kind, unsigned call, size_t want)
{
	return (struct fault){ .hold = kind == FAULT_WRITE, .limited = kind == FAULT_WRITE, .limit = 200 };
}

/* A write that went short is not complete for the flush. */
static void test_flush_waits_for_the_rest_of_a_short_write(void **state)
{
	struct blk_io flush;

	f.fault.plan = writes_go_short;
	post(VIRTIO_BLK_T_OUT, 0, 512, 1);
	flush = post(VIRTIO_BLK_T_FLUSH, 0, 0, 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(f.fault.calls_of[FAULT_SYNC], 0);
		fault_finish(&f.fault, 0, 0);
	}
	assert_int_equal(f.fault.calls_of[FAULT_SYNC], 1);
	assert_true(answered(&flush));
	f.fault.plan = NULL;
}

/* Many writes and flushes, completed in odd orders: each flush is synced when
 * and only when all writes popped before it are through. */
static void test_flush_dependencies_at_random(void **state)
{
	uint32_t x = 12345;

	f.fault.hold[FAULT_WRITE] = true;
	for (unsigned round = 0; round < 50; round++) {
		struct blk_io w[10], fl[3];
		unsigned before_flush[3] = { 3, 5, 10 }, done = 0, n = 0;
		bool finished[10] = { false };
		uint16_t head;
		uint32_t len;

		f.d.heap = DRIVER_RAM_GPA + (1 << 20);
		for (unsigned i = 0, k = 0; i < 10; i++) {
			w[i] = post(VIRTIO_BLK_T_OUT, i * 8, 512, (uint8_t)i);
			if (i + 1 == before_flush[k])
				fl[k++] = post(VIRTIO_BLK_T_FLUSH, 0, 0, 0);
		}
		while (done < 10) {
			unsigned pick, i;

			x = x * 1664525 + 1013904223;
			pick = (x >> 16) % f.fault.n_held;
			i = (unsigned)(f.fault.held[pick].offset / 4096);
			finished[i] = true;
			done++;
			fault_finish(&f.fault, pick, 0);
			for (unsigned k = 0; k < 3; k++) {
				bool all = true;

				for (unsigned j = 0; j < before_flush[k]; j++)
					all = all && finished[j];
				assert_int_equal(answered(&fl[k]), all);
			}
			assert_true(answered(&w[i]));
		}
		while (driver_used(&f.d, 0, &head, &len))
			n++;
		assert_int_equal(n, 13);
	}
}

/* --- overlap -------------------------------------------------------------- */

/* Two writes to the same sectors land in ring order. */
static void test_overlapping_writes_keep_ring_order(void **state)
{
	struct blk_io a, b, c, apart;

	f.fault.hold[FAULT_WRITE] = true;
	a = post(VIRTIO_BLK_T_OUT, 0, 4096, 1);
	b = post(VIRTIO_BLK_T_OUT, 7, 4096, 2); /* one sector shared with a */
	c = post(VIRTIO_BLK_T_OUT, 0, 512, 3);	/* shares with a only */
	apart = post(VIRTIO_BLK_T_OUT, 64, 512, 4);
	assert_int_equal(f.fault.n_held, 2); /* a and apart */
	fault_finish(&f.fault, 1, 0);
	assert_true(answered(&apart));
	assert_false(answered(&b));
	fault_finish(&f.fault, 0, 0);
	assert_true(answered(&a));
	assert_int_equal(f.fault.n_held, 2); /* b and c now */
	fault_finish_all(&f.fault);
	assert_true(answered(&b) && answered(&c));
	assert_int_equal(f.fault.data[0], 3);
	assert_int_equal(f.fault.data[512], 1);
	assert_int_equal(f.fault.data[7 * 512], 2);
	assert_int_equal(f.fault.data[14 * 512], 2);
	assert_int_equal(counters()->in_flight, 0);
}

/* And a read sees the write before it, and not the write after it. */
static void test_reads_keep_ring_order_with_writes(void **state)
{
	struct blk_io r1, r2, r3;

	f.fault.hold[FAULT_WRITE] = f.fault.hold[FAULT_READ] = true;
	r1 = post(VIRTIO_BLK_T_IN, 0, 512, 0xcc);
	post(VIRTIO_BLK_T_OUT, 0, 512, 7);
	r2 = post(VIRTIO_BLK_T_IN, 0, 512, 0xcc);
	r3 = post(VIRTIO_BLK_T_IN, 0, 512, 0xcc);
	assert_int_equal(f.fault.n_held, 1);
	fault_finish(&f.fault, 0, 0);
	assert_int_equal(f.fault.n_held, 1);
	fault_finish(&f.fault, 0, 0);
	assert_int_equal(f.fault.n_held, 2); /* reads don't wait for each other */
	fault_finish_all(&f.fault);
	assert_true(answered(&r1) && answered(&r2) && answered(&r3));
	assert_int_equal(*blk_io_data(&f, &r1), 0);
	assert_int_equal(*blk_io_data(&f, &r2), 7);
	assert_int_equal(*blk_io_data(&f, &r3), 7);
}

/* A row of 80 writes that wait for each other unwinds without a deep stack and
 * in order. */
static void test_long_row_of_overlapping_writes(void **state)
{
	f.fault.hold[FAULT_WRITE] = true;
	for (unsigned i = 0; i < 80; i++)
		post(VIRTIO_BLK_T_OUT, 0, 512, (uint8_t)i);
	assert_int_equal(f.fault.n_held, 1);
	f.fault.hold[FAULT_WRITE] = false;
	fault_finish(&f.fault, 0, 0);
	blk_settle(&f);
	assert_int_equal(driver_used_count(&f.d, 0), 80);
	assert_int_equal(f.fault.data[0], 79);
	assert_int_equal(f.fault.n_held, 0);
}

/* --- reset ---------------------------------------------------------------- */

/* BAK-14: the reset does not take effect while a request can still write into
 * guest memory, and what ends late is published nowhere. */
static void test_reset_waits_for_requests_in_flight(void **state)
{
	struct blk_io a, b, waiting;

	f.fault.hold[FAULT_READ] = f.fault.hold[FAULT_WRITE] = true;
	a = post(VIRTIO_BLK_T_IN, 0, 512, 0x11);
	b = post(VIRTIO_BLK_T_OUT, 8, 512, 0x22);
	waiting = post(VIRTIO_BLK_T_OUT, 8, 512, 0x33); /* not with the backing yet */
	driver_irqs(&f.d);
	assert_false(driver_reset(&f.d));
	assert_int_not_equal(driver_read(&f.d, VIRTIO_MMIO_STATUS), 0);
	assert_int_equal(f.fault.cancels, 2);
	fault_finish(&f.fault, 0, 0);
	blk_settle(&f);
	assert_int_equal(settled, 0);
	fault_finish(&f.fault, 0, -ECANCELED);
	blk_settle(&f);
	assert_int_equal(settled, 1);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_STATUS), 0);
	assert_int_equal(f.fault.n_held, 0); /* the waiting one never started */
	assert_int_equal(blk_io_status(&f, &a), STATUS_UNSET);
	assert_int_equal(blk_io_status(&f, &b), STATUS_UNSET);
	assert_int_equal(blk_io_status(&f, &waiting), STATUS_UNSET);
	assert_int_equal(driver_used_count(&f.d, 0), 0);
	assert_int_equal(driver_irqs(&f.d), 0);
	assert_int_equal(counters()->reads_completed, 0);

	f.fault.hold[FAULT_READ] = f.fault.hold[FAULT_WRITE] = false;
	blk_fixture_start(&f, BLK_F_ALL, 256);
	a = post(VIRTIO_BLK_T_IN, 0, 512, 0);
	assert_true(answered(&a));
}

/* A reset between a completion and its publish: the old ring is not touched. */
static void test_reset_before_publish(void **state)
{
	struct blk_io io = blk_io_new(&f, 512);

	driver_irqs(&f.d);
	blk_io_add(&f, &io, VIRTIO_BLK_T_IN, 0);
	driver_kick(&f.d, 0); /* completed, publish deferred */
	assert_true(driver_reset(&f.d));
	blk_settle(&f);
	assert_int_equal(driver_used_count(&f.d, 0), 0);
	assert_int_equal(driver_irqs(&f.d), 0);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
}

static unsigned stuck_calls;

static void on_stuck(struct virtio_device *d, void *ctx, const char *why)
{
	assert_non_null(strstr(why, "1 of its requests"));
	stuck_calls++;
}

/* A reset that the host can't take part in is never said to be through: a driver would use the memory again, and a late
 * read would overwrite it. Whoever runs the guest is told, and ends it. */
static void test_stuck_reset_ends_the_machine(void **state)
{
	struct blk_io io;

	f.blk->reset_patience_ns = 1000000;
	f.blk->dev.stuck = on_stuck;
	stuck_calls = 0;
	f.fault.hold[FAULT_READ] = true;
	io = post(VIRTIO_BLK_T_IN, 0, 512, 0x11);
	assert_false(driver_reset(&f.d));
	while (!stuck_calls)
		assert_true(reactor_step(f.r, true) >= 0);
	assert_int_equal(settled, 0);
	assert_int_not_equal(driver_read(&f.d, VIRTIO_MMIO_STATUS), 0);
	assert_int_equal(blk_io_data(&f, &io)[0], 0x11);
	assert_int_equal(blk_quiesce(f.blk), 1); /* so that its memory stays */
	fault_finish_all(&f.fault);
	assert_int_equal(settled, 1);
}

/* A backing that never answers can't hang the reset for ever, where nobody can end
 * the guest: the device fails; when the disk comes back a new reset succeeds. */
static void test_reset_of_a_stuck_disk_is_bounded(void **state)
{
	struct blk_io io;

	f.blk->reset_patience_ns = 1000000;
	f.fault.hold[FAULT_READ] = true;
	post(VIRTIO_BLK_T_IN, 0, 512, 0);
	assert_false(driver_reset(&f.d));
	while (!settled)
		assert_true(reactor_step(f.r, true) >= 0);
	assert_int_equal(settled, 1);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_STATUS), VIRTIO_CONFIG_S_FAILED | VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_false(driver_reset(&f.d)); /* still stuck */
	while (settled < 2)
		assert_true(reactor_step(f.r, true) >= 0);
	f.blk->reset_patience_ns = BLK_RESET_PATIENCE_NS;
	assert_false(driver_reset(&f.d));
	fault_finish_all(&f.fault);
	assert_int_equal(settled, 3);
	f.fault.hold[FAULT_READ] = false;
	blk_fixture_start(&f, BLK_F_ALL, 256);
	io = post(VIRTIO_BLK_T_IN, 0, 512, 0);
	assert_true(answered(&io));
}

/* BLK-50 BLK-51 */
static void test_reset_keeps_counters_and_moves_the_generation(void **state)
{
	uint32_t generation = driver_read(&f.d, VIRTIO_MMIO_CONFIG_GENERATION);
	struct blk_io io = post(VIRTIO_BLK_T_OUT, 0, 512, 1);

	assert_true(answered(&io));
	assert_true(driver_reset(&f.d));
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_CONFIG_GENERATION), generation + 1);
	assert_int_equal(counters()->writes_completed, 1);
	assert_ptr_equal(f.blk->dev.mem, &f.d.mem);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
}

/* 10 000 resets with requests in flight, completed before, during and after. */
static void test_reset_storm(void **state)
{
	uint32_t x = 99;

	for (unsigned round = 0; round < 10000; round++) {
		x = x * 1664525 + 1013904223;
		f.d.heap = DRIVER_RAM_GPA + (1 << 20);
		f.fault.hold[FAULT_READ] = x >> 31;
		f.fault.hold[FAULT_WRITE] = x >> 30 & 1;
		for (unsigned i = 0; i < (x >> 20) % 8; i++)
			post(i & 1 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, (x >> i) % 64, 1024, (uint8_t)i);
		if (x >> 29 & 1 && f.fault.n_held)
			fault_finish(&f.fault, 0, 0);
		if (!driver_reset(&f.d)) {
			assert_true(f.fault.n_held > 0);
			while (f.fault.n_held)
				fault_finish(&f.fault, (x >> 3) % f.fault.n_held, x >> 28 & 1 ? -ECANCELED : 0);
		}
		assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_STATUS), 0);
		assert_int_equal(counters()->in_flight, 0);
		blk_fixture_start(&f, BLK_F_ALL, 256);
	}
}

/* --- pause ---------------------------------------------------------------- */

/* BLK-56 BLK-65: the answer does not wait for the disk; in flight ends, new waits. */
static void test_quiesce(void **state)
{
	struct blk_io a, b;

	f.fault.hold[FAULT_READ] = true;
	a = post(VIRTIO_BLK_T_IN, 0, 512, 0);
	assert_int_equal(blk_quiesce(f.blk), 1);
	assert_int_equal(counters()->in_flight, 1);
	b = post(VIRTIO_BLK_T_IN, 8, 512, 0);
	assert_int_equal(f.fault.n_held, 1);
	assert_int_equal(blk_quiesce(f.blk), 1);
	fault_finish_all(&f.fault);
	assert_true(answered(&a));
	assert_int_equal(blk_quiesce(f.blk), 0);
	assert_false(answered(&b));
}

/* BLK-65: a stuck flush is told by its number, after a reset too. */
static void test_quiesce_tells_how_many(void **state)
{
	unsigned left;

	f.fault.hold[FAULT_READ] = f.fault.hold[FAULT_SYNC] = true;
	post(VIRTIO_BLK_T_IN, 0, 512, 0);
	post(VIRTIO_BLK_T_FLUSH, 0, 0, 0);
	assert_int_equal(blk_quiesce(f.blk), 2);
	assert_false(driver_reset(&f.d)); /* they are still with the backing */
	left = blk_quiesce(f.blk);
	assert_int_equal(left, f.fault.n_held);
	assert_true(left > 0);
	fault_finish_all(&f.fault);
	assert_int_equal(blk_quiesce(f.blk), 0);
}

static void test_reset_while_paused(void **state)
{
	struct blk_io io;

	assert_int_equal(blk_quiesce(f.blk), 0);
	blk_fixture_start(&f, BLK_F_ALL, 256);
	io = post(VIRTIO_BLK_T_IN, 8, 512, 0);
	assert_false(answered(&io));
}

/* --- teardown ------------------------------------------------------------- */

/* BLK-35: bounded; what is stuck is leaked, not freed under the kernel's feet. */
static void test_destroy_is_bounded(void **state)
{
	struct fault_backing *fault = &f.fault;

	blk_fixture_open(&f, &(struct blk_config){ 0 }, DISK);
	blk_fixture_start(&f, BLK_F_ALL, 256);
	fault->hold[FAULT_READ] = true;
	post(VIRTIO_BLK_T_IN, 0, 512, 0);
	assert_int_equal(blk_destroy(f.blk, 2000000), -ETIMEDOUT);
	assert_int_equal(fault->closed, 0);
	fault_finish_all(fault); /* late, and harmless */
	assert_int_equal(blk_destroy(f.blk, 2000000), 0);
	assert_int_equal(fault->closed, 1);
	assert_int_equal(reactor_destroy(f.r, 1000000000ull), 0);
	driver_close(&f.d);
	fault_free(fault);
}

static void test_destroy_with_a_deferred_publish(void **state)
{
	blk_fixture_open(&f, &(struct blk_config){ 0 }, DISK);
	blk_fixture_start(&f, BLK_F_ALL, 256);
	post(VIRTIO_BLK_T_IN, 0, 512, 0);
	blk_fixture_close(&f);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_flush_waits_for_earlier_writes),
		T(test_reads_and_writes_pass_a_stuck_flush),
		T(test_flush_after_failed_write),
		T(test_flush_waits_for_the_rest_of_a_short_write),
		T(test_flush_dependencies_at_random),
		T(test_overlapping_writes_keep_ring_order),
		T(test_reads_keep_ring_order_with_writes),
		T(test_long_row_of_overlapping_writes),
		T(test_reset_waits_for_requests_in_flight),
		T(test_reset_before_publish),
		T(test_stuck_reset_ends_the_machine),
		T(test_reset_of_a_stuck_disk_is_bounded),
		T(test_reset_keeps_counters_and_moves_the_generation),
		T(test_reset_storm),
		T(test_quiesce),
		T(test_quiesce_tells_how_many),
		T(test_reset_while_paused),
		cmocka_unit_test(test_destroy_is_bounded),
		cmocka_unit_test(test_destroy_with_a_deferred_publish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
