/* SPDX-License-Identifier: GPL-2.0-only */
/* How much one wake of the reactor does for a disk before all others have their turn: bytes, not only requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "tests/virtio/blk_fixture.h"

#define MIB (1u << 20)
#define DISK (128u * MIB)

static struct blk_fixture f;
static size_t moved; /* bytes asked of the backing so far */

static struct fault count(struct fault_backing *b, enum fault_kind kind, unsigned call, size_t want)
{
	moved += want;
	return (struct fault){ 0 };
}

static int setup(void **state)
{
	blk_fixture_open(&f, &(struct blk_config){ 0 }, DISK);
	blk_fixture_start(&f, BLK_F_ALL, 256);
	f.fault.plan = count;
	moved = 0;
	return 0;
}

static int teardown(void **state)
{
	blk_fixture_close(&f);
	return 0;
}

/* Step until @n requests are through; no step moves more than a piece and what its last range has. */
static void steps_are_bounded(unsigned n)
{
	size_t most = 0;

	for (unsigned quiet = 0; driver_used_count(&f.d, 0) < n && quiet < 1000; quiet++) {
		size_t before = moved;

		assert_true(reactor_step(f.r, false) >= 0);
		if (moved != before)
			quiet = 0;
		if (moved - before > most)
			most = moved - before;
	}
	assert_int_equal(driver_used_count(&f.d, 0), n);
	assert_in_range(most, 1, BLK_TURN_BYTES + MIB);
}

/* 8 heads that share one chain of 127 descriptors of 1 MiB: 1 GiB by one kick. */
static void test_heads_that_share_a_chain(void **state)
{
	uint64_t header = driver_alloc(&f.d, 16, 16), data = blk_buffer(&f, MIB), status = driver_alloc(&f.d, 1, 1);
	struct blk_io small = blk_io_new(&f, 512);

	*(struct virtio_blk_outhdr *)driver_ptr(&f.d, header, 16) =
		(struct virtio_blk_outhdr){ .type = VIRTIO_BLK_T_IN };
	for (uint16_t i = 0; i < 127; i++)
		driver_raw_desc(&f.d, 0, i, data, MIB, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, i < 126 ? i + 1 : 250);
	driver_raw_desc(&f.d, 0, 250, status, 1, VRING_DESC_F_WRITE, 0);
	for (uint16_t i = 0; i < 8; i++) {
		driver_raw_desc(&f.d, 0, 200 + i, header, 16, VRING_DESC_F_NEXT, 0);
		driver_raw_avail(&f.d, 0, 200 + i);
	}
	driver_kick(&f.d, 0);
	assert_in_range(moved, 1, BLK_TURN_BYTES + MIB);
	steps_are_bounded(8);
	assert_int_equal(f.blk->counters.reads_completed, 8);
	assert_int_equal(blk_status_at(&f, status), VIRTIO_BLK_S_OK);
	/* One that comes alone is not slowed. */
	driver_init(&f.d, BLK_F_ALL, 1, 256);
	assert_int_equal(blk_do(&f, &small, VIRTIO_BLK_T_IN, 0, NULL), VIRTIO_BLK_S_OK);
}

/* A long write in pieces lands where it belongs, with short transfers and interrupted ones. */
static struct fault crooked(struct fault_backing *b, enum fault_kind kind, unsigned call, size_t want)
{
	moved += want;
	if (call % 5 == 4)
		return (struct fault){ .error = -EINTR };
	return (struct fault){ .limited = kind == FAULT_WRITE && call % 3 == 0, .limit = want / 2 + 1 };
}

static void test_long_requests_in_pieces(void **state)
{
	uint64_t data, status;
	struct driver_seg seg[20];
	uint8_t *bytes, *back;
	int head;

	blk_fixture_close(&f);
	blk_fixture_open(&f, &(struct blk_config){ 0 }, 12u * MIB);
	blk_fixture_start(&f, BLK_F_ALL, 256);
	f.fault.plan = crooked;
	data = blk_buffer(&f, 10 * MIB);
	status = driver_alloc(&f.d, 1, 1);
	bytes = driver_ptr(&f.d, data, 10 * MIB);
	for (uint32_t i = 0; i < 10 * MIB; i++)
		bytes[i] = (uint8_t)(i * 7 + (i >> 9));
	/* ranges of odd lengths, ten MiB in all */
	for (unsigned i = 0; i < 20; i++)
		seg[i] = (struct driver_seg){ data + i * (MIB / 2) + (i % 2 ? 77 : 0), MIB / 2 + (i % 2 ? -77 : 77),
					      false };
	head = blk_chain(&f, VIRTIO_BLK_T_OUT, 2048, seg, 20, status);
	assert_int_equal(blk_take_used(&f, head), 1);
	assert_int_equal(blk_status_at(&f, status), VIRTIO_BLK_S_OK);
	assert_memory_equal(f.fault.data + MIB, bytes, 10 * MIB);
	assert_int_equal(f.blk->counters.bytes_written, 10 * MIB);
	/* And back: the storage ends in the middle of the second piece. */
	f.fault.data_size = 7 * MIB + 100;
	back = bytes;
	memset(back, 0xff, 10 * MIB);
	for (unsigned i = 0; i < 20; i++)
		seg[i].writable = true;
	moved = 0;
	head = blk_chain(&f, VIRTIO_BLK_T_IN, 2048, seg, 20, status);
	assert_int_equal(blk_take_used(&f, head), 10 * MIB + 1);
	assert_memory_equal(back, f.fault.data + MIB, 6 * MIB + 100);
	for (uint32_t i = 6 * MIB + 100; i < 10 * MIB; i++)
		assert_int_equal(back[i], 0);
	assert_int_equal(f.blk->counters.bytes_read, 6 * MIB + 100);
	assert_true(moved <= 8 * MIB); /* what follows the end is not asked for */
}

/* A reset and a pause between two pieces. */
static void test_reset_between_pieces(void **state)
{
	uint64_t data = blk_buffer(&f, MIB), status = driver_alloc(&f.d, 1, 1), header = driver_alloc(&f.d, 16, 16);
	struct driver_seg seg[66] = { { header, 16, false } };
	struct blk_io io = blk_io_new(&f, 512);

	for (unsigned i = 1; i < 65; i++)
		seg[i] = (struct driver_seg){ data, MIB, true };
	seg[65] = (struct driver_seg){ status, 1, true };
	for (unsigned paused = 0; paused < 2; paused++) {
		assert_true(driver_add(&f.d, 0, seg, 66) >= 0);
		driver_kick(&f.d, 0);
		assert_int_equal(f.blk->counters.in_flight, 1);
		if (paused) {
			assert_int_equal(blk_quiesce(f.blk), 1);
			steps_are_bounded(1); /* what was begun goes on */
			assert_int_equal(blk_quiesce(f.blk), 0);
			return;
		}
		assert_true(driver_reset(&f.d));
		moved = 0;
		blk_settle(&f);
		assert_int_equal(moved, 0);
		driver_init(&f.d, BLK_F_ALL, 1, 256);
		assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_IN, 0, NULL), VIRTIO_BLK_S_OK);
	}
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_heads_that_share_a_chain),
		T(test_long_requests_in_pieces),
		T(test_reset_between_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
