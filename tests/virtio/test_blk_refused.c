/* SPDX-License-Identifier: GPL-2.0-only */
/* virtio-blk's request pipeline: what is refused, and with which answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "tests/virtio/blk_fixture.h"

#define DISK (4u << 20)
#define NOWHERE 0x90000000ull

static struct blk_fixture f;

static int setup_with(const struct blk_config *cfg, size_t size)
{
	blk_fixture_patterned(&f, cfg, size);
	return 0;
}

static int setup(void **state)
{
	return setup_with(&(struct blk_config){ 0 }, DISK);
}

static int setup_read_only(void **state)
{
	return setup_with(&(struct blk_config){ .read_only = true }, DISK);
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

/* --- what is refused ------------------------------------------------------ */

/* BLK-10 BLK-11 BLK-13 BLK-67 */
static void test_read_only_disk(void **state)
{
	const struct driver_seg out = { blk_buffer(&f, 512), 512, false };
	struct blk_io io = blk_io_new(&f, 512), flush = blk_io_new(&f, 0);

	assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_OUT, 0, &out, 1), VIRTIO_BLK_S_IOERR);
	assert_int_equal(counters()->io_errors, 1);
	assert_int_equal(counters()->writes_completed, 0);
	assert_int_equal(blk_do(&f, &flush, VIRTIO_BLK_T_FLUSH, 0, NULL), VIRTIO_BLK_S_OK);
	assert_int_equal(f.fault.calls, 0);
	assert_int_equal(counters()->flushes_completed, 1);
	assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_IN, 0, NULL), VIRTIO_BLK_S_OK);
}

/* BLK-12 BLK-04 BLK-13 */
static void test_unknown_types(void **state)
{
	const uint32_t types[] = { 2,	       3,	  5, 7, 9, VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES,
				   0x80000000, UINT32_MAX };
	struct blk_counters before = *counters();

	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		const struct driver_seg segs[] = { { blk_buffer(&f, 512), 512, false },
						   { blk_buffer(&f, 512), 512, true } };

		assert_int_equal(blk_refused(&f, types[i], 0, segs, i % 3), VIRTIO_BLK_S_UNSUPP);
	}
	assert_memory_equal(&before, counters(), sizeof(before));
}

/* BLK-09: SIZE_MAX comes before the classification. */
static void test_unknown_type_above_size_max(void **state)
{
	const struct driver_seg seg = { blk_buffer(&f, 512), (1 << 20) + 1, true };

	assert_int_equal(blk_refused(&f, 99, 0, &seg, 1), VIRTIO_BLK_S_IOERR);
}

/* BLK-14 */
static void test_size_max(void **state)
{
	uint64_t a = blk_buffer(&f, 2 << 20), status = driver_alloc(&f.d, 1, 1);
	struct driver_seg seg = { a, 1 << 20, true };
	int head = blk_chain(&f, VIRTIO_BLK_T_IN, 0, &seg, 1, status);

	assert_int_equal(blk_take_used(&f, head), (1 << 20) + 1);
	assert_int_equal(blk_status_at(&f, status), VIRTIO_BLK_S_OK);
	seg.len = (1 << 20) + 512;
	assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_IN, 0, &seg, 1), VIRTIO_BLK_S_IOERR);
	seg.len = UINT32_MAX;
	assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_IN, 0, &seg, 1), VIRTIO_BLK_S_IOERR);
	assert_int_equal(counters()->io_errors, 2);
}

static void expect_dropped(uint64_t errors_before)
{
	assert_int_equal(driver_used_count(&f.d, 0), 0);
	assert_int_equal(counters()->io_errors, errors_before + 1);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_STATUS), DRIVER_STATUS_READY);
	assert_int_equal(f.fault.calls, 0);
}

/* BLK-15, met otherwise: there is a place for the status byte, so the chain is answered, and its descriptors come
 * back. */
static void test_chain_too_long_is_answered(void **state)
{
	uint64_t a = blk_buffer(&f, 512), status = driver_alloc(&f.d, 1, 1);
	struct driver_seg segs[129];
	int head;

	for (unsigned i = 0; i < 129; i++)
		segs[i] = (struct driver_seg){ a, i < 2 ? 256 : 0, true };
	assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_IN, 0, segs, 129), VIRTIO_BLK_S_IOERR);
	assert_int_equal(counters()->io_errors, 1);
	head = blk_chain(&f, VIRTIO_BLK_T_IN, 0, segs, 128, status);
	assert_int_equal(blk_take_used(&f, head), 513);
}

/* SIZE_MAX and SEG_MAX bind a driver that agreed to them; another can't know of them. */
static void test_limits_only_where_negotiated(void **state)
{
	const uint64_t features[] = { BLK_F_ALL & ~(1ull << VIRTIO_BLK_F_SIZE_MAX),
				      BLK_F_ALL & ~(1ull << VIRTIO_BLK_F_SEG_MAX) };
	uint64_t a = blk_buffer(&f, 3 << 20), status = driver_alloc(&f.d, 1, 1);
	struct driver_seg long_one = { a, 3 << 20, true }, many[200];
	unsigned n = 0;

	for (unsigned i = 0; i < 200; i++)
		many[i] = (struct driver_seg){ a + 512 * i, 512, true };
	for (unsigned i = 0; i < 2; i++) {
		blk_fixture_start(&f, features[i], 256);
		n = f.fault.calls;
		blk_take_used(&f, blk_chain(&f, VIRTIO_BLK_T_IN, 0, &long_one, 1, status));
		assert_int_equal(blk_status_at(&f, status), i ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK);
		blk_take_used(&f, blk_chain(&f, VIRTIO_BLK_T_IN, 8, many, 200, status));
		assert_int_equal(blk_status_at(&f, status), i ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR);
		assert_int_equal(f.fault.calls, n + (i ? 1 : (3 << 20) / TURN_ROOM_HERE));
	}
	assert_memory_equal(driver_ptr(&f.d, a, 512 * 200), f.fault.data + 8 * 512, 512 * 200);
	/* A descriptor of 4 GiB is too long for any memory. */
	long_one.len = UINT32_MAX;
	blk_fixture_start(&f, features[0], 256);
	assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_IN, 0, &long_one, 1), VIRTIO_BLK_S_IOERR);
}

/* BLK-16 */
static void test_no_place_for_the_status(void **state)
{
	const struct driver_seg readable[] = { { blk_buffer(&f, 512), 512, true }, { blk_buffer(&f, 1), 1, false } };
	const struct driver_seg empty[] = { { blk_buffer(&f, 512), 512, true }, { blk_buffer(&f, 1), 0, true } };
	struct blk_io io = blk_io_new(&f, 512);

	blk_chain(&f, VIRTIO_BLK_T_IN, 0, readable, 2, 0);
	expect_dropped(0);
	blk_chain(&f, VIRTIO_BLK_T_IN, 0, empty, 2, 0);
	expect_dropped(1);
	blk_chain(&f, VIRTIO_BLK_T_IN, 0, NULL, 0, 0); /* a header alone */
	expect_dropped(2);
	assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_IN, 0, NULL), VIRTIO_BLK_S_OK);
}

/* Loops, wild next and indirect descriptors: dropped, and the queue goes on. */
static void test_malformed_chains(void **state)
{
	struct blk_io io = blk_io_new(&f, 512);

	driver_raw_desc(&f.d, 0, 200, io.header, 16, VRING_DESC_F_NEXT, 201);
	driver_raw_desc(&f.d, 0, 201, io.data, 512, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 200);
	driver_raw_desc(&f.d, 0, 202, io.header, 16, VRING_DESC_F_NEXT, 999);
	driver_raw_desc(&f.d, 0, 203, io.header, 64, VRING_DESC_F_INDIRECT, 0);
	driver_raw_avail(&f.d, 0, 200);
	driver_raw_avail(&f.d, 0, 202);
	driver_raw_avail(&f.d, 0, 203);
	driver_kick(&f.d, 0);
	blk_settle(&f);
	assert_int_equal(counters()->io_errors, 3);
	assert_int_equal(driver_used_count(&f.d, 0), 0);
	assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_IN, 0, NULL), VIRTIO_BLK_S_OK);
}

/* BLK-18 */
static void test_bad_headers(void **state)
{
	const struct {
		uint64_t gpa;
		uint32_t len;
		bool writable;
	} bad[] = {
		{ DRIVER_RAM_GPA, 16, true }, { DRIVER_RAM_GPA, 15, false }, { DRIVER_RAM_GPA, 0, false },
		{ NOWHERE, 16, false },	      { UINT64_MAX - 7, 16, false },
	};
	uint64_t status = driver_alloc(&f.d, 1, 1);

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct driver_seg segs[] = { { bad[i].gpa, bad[i].len, bad[i].writable },
						   { blk_buffer(&f, 512), 512, true },
						   { status, 1, true } };
		int head = driver_add(&f.d, 0, segs, 3);

		driver_kick(&f.d, 0);
		blk_settle(&f);
		assert_int_equal(blk_take_used(&f, head), 1);
		assert_int_equal(blk_status_at(&f, status), VIRTIO_BLK_S_IOERR);
		assert_int_equal(counters()->io_errors, i + 1);
	}
	/* no header at all: the only descriptor is the status byte */
	blk_take_used(&f, ({
		const struct driver_seg only = { status, 1, true };
		int head = driver_add(&f.d, 0, &only, 1);

		driver_kick(&f.d, 0);
		blk_settle(&f);
		head;
	}));
	assert_int_equal(blk_status_at(&f, status), VIRTIO_BLK_S_IOERR);
	assert_int_equal(f.fault.calls, 0);
}

/* BLK-19 */
static void test_no_data_descriptors(void **state)
{
	assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_IN, 0, NULL, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_OUT, 0, NULL, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_GET_ID, 0, NULL, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(counters()->io_errors, 3);
}

/* BLK-20 */
static void test_flush_with_data(void **state)
{
	const struct driver_seg seg = { blk_buffer(&f, 512), 512, false };

	assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_FLUSH, 0, &seg, 1), VIRTIO_BLK_S_IOERR);
}

/* BLK-21 */
static void test_partial_sectors(void **state)
{
	const uint32_t lens[] = { 1, 511, 513, 1000 };

	for (unsigned i = 0; i < 4; i++) {
		const struct driver_seg in = { blk_buffer(&f, 1024), lens[i], true },
					out = { blk_buffer(&f, 1024), lens[i], false };

		assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_IN, 0, &in, 1), VIRTIO_BLK_S_IOERR);
		assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_OUT, 0, &out, 1), VIRTIO_BLK_S_IOERR);
	}
}

/* BLK-23 */
static void test_wrong_direction(void **state)
{
	const struct driver_seg in[] = { { blk_buffer(&f, 512), 512, true }, { blk_buffer(&f, 512), 512, false } };
	const struct driver_seg out[] = { { blk_buffer(&f, 512), 512, false }, { blk_buffer(&f, 512), 512, true } };
	const struct driver_seg id = { blk_buffer(&f, 20), 20, false };

	assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_IN, 0, in, 2), VIRTIO_BLK_S_IOERR);
	assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_OUT, 0, out, 2), VIRTIO_BLK_S_IOERR);
	assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_GET_ID, 0, &id, 1), VIRTIO_BLK_S_IOERR);
	assert_int_equal(counters()->io_errors, 3);
	assert_int_equal(blk_refused(&f, 77, 0, out, 2), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(counters()->io_errors, 3);
}

/* BLK-24 */
static void test_range(void **state)
{
	const uint64_t sectors = DISK / 512;
	const uint64_t bad[] = { sectors,	   sectors - 1,		 sectors + 1, UINT64_MAX,
				 UINT64_MAX / 512, UINT64_MAX / 512 + 1, 1ull << 55,  1ull << 63 };
	struct blk_io last = blk_io_new(&f, 512);

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct driver_seg in = { blk_buffer(&f, 1024), 1024, true },
					out = { blk_buffer(&f, 1024), 1024, false };

		assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_IN, bad[i], &in, 1), VIRTIO_BLK_S_IOERR);
		assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_OUT, bad[i], &out, 1), VIRTIO_BLK_S_IOERR);
	}
	assert_int_equal(blk_do(&f, &last, VIRTIO_BLK_T_IN, sectors - 1, NULL), VIRTIO_BLK_S_OK);
	assert_memory_equal(blk_io_data(&f, &last), f.fault.data + DISK - 512, 512);
}

static void test_unmapped_data(void **state)
{
	const struct driver_seg in[] = { { blk_buffer(&f, 512), 512, true }, { NOWHERE, 512, true } };
	const struct driver_seg wraps = { UINT64_MAX - 255, 512, false };

	assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_IN, 0, in, 2), VIRTIO_BLK_S_IOERR);
	assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_OUT, 0, &wraps, 1), VIRTIO_BLK_S_IOERR);
}

/* BLK-32 */
static struct fault all_fail(struct fault_backing *b, enum fault_kind kind, unsigned call, size_t want)
{
	return (struct fault){ .error = -EIO };
}

static void test_unmapped_status(void **state)
{
	const struct driver_seg segs[] = { { blk_buffer(&f, 512), 512, true }, { NOWHERE, 1, true } };
	const struct driver_seg wraps[] = { { blk_buffer(&f, 512), 512, true }, { UINT64_MAX, 2, true } };
	const struct driver_seg wraps_into_memory[] = { { blk_buffer(&f, 512), 512, true },
							{ UINT64_MAX - 4095, 4096 + DRIVER_RAM_GPA + 1, true } };
	uint8_t before = blk_status_at(&f, DRIVER_RAM_GPA);

	driver_irqs(&f.d);
	blk_chain(&f, VIRTIO_BLK_T_IN, 0, segs, 2, 0);
	assert_int_equal(driver_used_count(&f.d, 0), 0);
	assert_int_equal(counters()->io_errors, 1);
	f.fault.plan = all_fail;
	blk_chain(&f, VIRTIO_BLK_T_IN, 0, segs, 2, 0);
	assert_int_equal(driver_used_count(&f.d, 0), 0);
	assert_int_equal(counters()->io_errors, 3);
	blk_chain(&f, VIRTIO_BLK_T_IN, 0, wraps_into_memory, 2, 0);
	assert_int_equal(driver_used_count(&f.d, 0), 0);
	assert_int_equal(blk_status_at(&f, DRIVER_RAM_GPA), before);
	blk_chain(&f, VIRTIO_BLK_T_IN, 0, wraps, 2, 0);
	assert_int_equal(driver_used_count(&f.d, 0), 0);
	assert_int_equal(driver_irqs(&f.d), 0);
}

static void test_unmapped_used_ring(void **state)
{
	struct blk_io io = blk_io_new(&f, 512);

	driver_reset(&f.d);
	assert_true(driver_negotiate(&f.d, BLK_F_V1));
	driver_setup_queue(&f.d, 0, 8);
	driver_raw_rings(&f.d, 0, f.d.q[0].desc_gpa, f.d.q[0].avail_gpa, NOWHERE);
	assert_true(driver_ok(&f.d));
	blk_io_add(&f, &io, VIRTIO_BLK_T_IN, 0);
	driver_kick(&f.d, 0);
	blk_settle(&f);
	assert_int_equal(counters()->io_errors, 1);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_STATUS), DRIVER_STATUS_READY);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define RO(fn) cmocka_unit_test_setup_teardown(fn, setup_read_only, teardown)
	const struct CMUnitTest tests[] = {
		RO(test_read_only_disk),
		T(test_unknown_types),
		T(test_unknown_type_above_size_max),
		T(test_size_max),
		T(test_chain_too_long_is_answered),
		T(test_limits_only_where_negotiated),
		T(test_no_place_for_the_status),
		T(test_malformed_chains),
		T(test_bad_headers),
		T(test_no_data_descriptors),
		T(test_flush_with_data),
		T(test_partial_sectors),
		T(test_wrong_direction),
		T(test_range),
		T(test_unmapped_data),
		T(test_unmapped_status),
		T(test_unmapped_used_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
