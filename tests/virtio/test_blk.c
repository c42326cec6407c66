/* SPDX-License-Identifier: GPL-2.0-only */
/* virtio-blk's request pipeline: features, layout, validation, answers, counters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "tests/virtio/blk_fixture.h"

#define DISK (4u << 20)
#define NOWHERE 0x90000000ull

static struct blk_fixture f;

static int setup_with(const struct blk_config *cfg, size_t size)
{
	blk_fixture_open(&f, cfg, size);
	for (size_t i = 0; i < f.fault.data_size; i++)
		f.fault.data[i] = (uint8_t)(i / 512 * 7 + i);
	blk_fixture_start(&f, BLK_F_ALL, 256);
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

static uint8_t status_at(uint64_t gpa)
{
	return *(uint8_t *)driver_ptr(&f.d, gpa, 1);
}

/* A request of one's own shape; asserts that it is answered with used length 1
 * and that the backing saw nothing. */
static uint8_t answer_of(uint32_t type, uint64_t sector, const struct driver_seg *segs, unsigned n)
{
	uint64_t status = driver_alloc(&f.d, 1, 1);
	unsigned calls = f.fault.calls;
	int head = blk_chain(&f, type, sector, segs, n, status);

	assert_int_equal(blk_take_used(&f, head), 1);
	assert_int_equal(f.fault.calls, calls);
	return status_at(status);
}

static uint64_t buffer(uint32_t len)
{
	return driver_alloc(&f.d, len, 512);
}

/* --- identity ------------------------------------------------------------- */

/* BLK-01 */
static void test_one_queue(void **state)
{
	driver_write(&f.d, VIRTIO_MMIO_QUEUE_SEL, 0);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_QUEUE_NUM_MAX), 256);
	driver_write(&f.d, VIRTIO_MMIO_QUEUE_SEL, 1);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_DEVICE_ID), 2); /* MM-03 */
}

/* BLK-02 BLK-04 */
static void test_features(void **state)
{
	assert_true(driver_device_features(&f.d) == 0x120000246ull);
}

/* BLK-03 */
static void test_features_read_only(void **state)
{
	assert_true(driver_device_features(&f.d) == 0x120000266ull);
}

/* BLK-05 MM-25 */
static void test_config_bytes(void **state)
{
	const uint8_t expect[32] = { 0x00, 0x20, 0,    0,    0, 0, 0, 0, /* 8192 sectors */
				     0x00, 0x00, 0x10, 0x00,		 /* size_max 1 MiB */
				     0x80, 0x00, 0x00, 0x00,		 /* seg_max 128 */
				     0x00, 0x00, 0x00, 0x00,		 /* geometry */
				     0x00, 0x02, 0x00, 0x00 };		 /* blk_size 512 */
	const uint64_t junk = UINT64_MAX;
	uint8_t got;

	virtio_mmio_write(&f.blk->dev, VIRTIO_MMIO_CONFIG, &junk, 8);
	for (uint32_t i = 0; i < sizeof(expect); i++) {
		virtio_mmio_read(&f.blk->dev, VIRTIO_MMIO_CONFIG + i, &got, 1);
		assert_int_equal(got, expect[i]);
	}
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_CONFIG + 8), 1 << 20);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_CONFIG + 0x200), 0);
}

/* BLK-06 BLK-07 */
static void test_constants(void **state)
{
	assert_true(VIRTIO_BLK_DEFAULT_CAPACITY_BYTES == 256ull << 20);
	assert_int_equal(VIRTIO_BLK_SECTOR_SIZE, 512);
}

/* BLK-08 */
static void test_capacity_rounds_down(void **state)
{
	struct blk_io io;

	setup_with(&(struct blk_config){ 0 }, 1023);
	assert_int_equal(blk_capacity(f.blk), 512);
	io = blk_io_new(&f, 512);
	assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_IN, 0, NULL), VIRTIO_BLK_S_OK);
	assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_IN, 1, NULL), VIRTIO_BLK_S_IOERR);
	blk_fixture_close(&f);

	setup_with(&(struct blk_config){ 0 }, 511);
	assert_int_equal(blk_capacity(f.blk), 0);
	io = blk_io_new(&f, 512);
	assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_IN, 0, NULL), VIRTIO_BLK_S_IOERR);
	assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_OUT, 0, NULL), VIRTIO_BLK_S_IOERR);
	assert_int_equal(f.fault.calls, 0);
	blk_fixture_close(&f);
}

/* --- what works ----------------------------------------------------------- */

/* BLK-25 BLK-26 BLK-60 */
static void test_read_and_write(void **state)
{
	struct blk_io io = blk_io_new(&f, 4096);
	uint32_t used;

	assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_IN, 16, &used), VIRTIO_BLK_S_OK);
	assert_int_equal(used, 4097);
	assert_memory_equal(blk_io_data(&f, &io), f.fault.data + 8192, 4096);
	memset(blk_io_data(&f, &io), 0x5a, 4096);
	assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_OUT, 24, &used), VIRTIO_BLK_S_OK);
	assert_int_equal(used, 1);
	assert_memory_equal(blk_io_data(&f, &io), f.fault.data + 12288, 4096);
	assert_int_equal(counters()->reads_completed, 1);
	assert_int_equal(counters()->bytes_read, 4096);
	assert_int_equal(counters()->writes_completed, 1);
	assert_int_equal(counters()->bytes_written, 4096);
	assert_int_equal(counters()->io_errors, 0);
}

/* BLK-30 BLK-26 */
static void test_flush_syncs_once(void **state)
{
	struct blk_io io = blk_io_new(&f, 0);
	uint32_t used;

	assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_FLUSH, 0, &used), VIRTIO_BLK_S_OK);
	assert_int_equal(used, 1);
	assert_int_equal(f.fault.calls_of[FAULT_SYNC], 1);
	assert_int_equal(counters()->flushes_completed, 1);
}

/* BLK-31 */
static struct fault sync_fails(struct fault_backing *b, enum fault_kind kind, unsigned call, size_t want)
{
	return (struct fault){ .error = kind == FAULT_SYNC ? -EIO : 0 };
}

static void test_flush_failure(void **state)
{
	struct blk_io io = blk_io_new(&f, 0);
	uint32_t used;

	f.fault.plan = sync_fails;
	assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_FLUSH, 0, &used), VIRTIO_BLK_S_IOERR);
	assert_int_equal(used, 1);
	assert_int_equal(counters()->io_errors, 1);
	assert_int_equal(counters()->flushes_completed, 0);
}

static void check_id(void)
{
	struct blk_io io = blk_io_new(&f, 24);
	uint32_t used;

	memset(blk_io_data(&f, &io), 0xaa, 24);
	assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_GET_ID, 0, &used), VIRTIO_BLK_S_OK);
	assert_int_equal(used, 21);
	assert_memory_equal(blk_io_data(&f, &io), "ktstr-virtio-blk\0\0\0\0\xaa\xaa\xaa\xaa", 24);
	assert_int_equal(f.fault.calls, 0);
}

/* BLK-28 */
static void test_get_id(void **state)
{
	const struct driver_seg split[] = { { buffer(19), 19, true }, { buffer(20), 20, true } };
	const struct driver_seg empty_first[] = { { buffer(1), 0, true }, { buffer(20), 20, true } };

	check_id();
	assert_int_equal(answer_of(VIRTIO_BLK_T_GET_ID, 0, split, 2), VIRTIO_BLK_S_IOERR);
	assert_int_equal(answer_of(VIRTIO_BLK_T_GET_ID, 0, empty_first, 2), VIRTIO_BLK_S_IOERR);
}

/* BLK-29 */
static void test_get_id_read_only(void **state)
{
	check_id();
}

static void test_serial_of_ones_own(void **state)
{
	struct blk_io io;
	char why[256];
	struct blk *b;

	setup_with(&(struct blk_config){ .serial = "twenty-bytes-of-text" }, DISK);
	io = blk_io_new(&f, 20);
	assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_GET_ID, 0, NULL), VIRTIO_BLK_S_OK);
	assert_memory_equal(blk_io_data(&f, &io), "twenty-bytes-of-text", 20);
	assert_int_equal(
		blk_create(&b, f.r, &(struct blk_config){ .serial = "twenty-one-bytes-long" }, why, sizeof(why)),
		-EINVAL);
	assert_non_null(strstr(why, "twenty-one-bytes-long"));
	blk_fixture_close(&f);
}

/* BLK-17: the status byte is the last byte of the last descriptor. */
static void test_status_in_a_long_descriptor(void **state)
{
	uint64_t data = buffer(512), status = buffer(16);
	const struct driver_seg segs[] = { { data, 512, true }, { status, 16, true } };
	int head;

	memset(driver_ptr(&f.d, status, 16), STATUS_UNSET, 16);
	head = blk_chain(&f, VIRTIO_BLK_T_IN, 1, segs, 2, 0);
	assert_int_equal(blk_take_used(&f, head), 513);
	assert_int_equal(status_at(status + 15), VIRTIO_BLK_S_OK);
	for (unsigned i = 0; i < 15; i++)
		assert_int_equal(status_at(status + i), STATUS_UNSET);
}

/* BLK-22 */
static void test_zero_length_data(void **state)
{
	uint64_t a = buffer(512), status = driver_alloc(&f.d, 1, 1);
	const struct driver_seg mixed[] = {
		{ a, 0, true }, { a, 256, true }, { NOWHERE, 0, true }, { a + 256, 256, true }
	};
	const struct driver_seg zero[] = { { a, 0, true }, { a, 0, true } };
	const struct driver_seg zero_out[] = { { a, 0, false } };
	int head = blk_chain(&f, VIRTIO_BLK_T_IN, 3, mixed, 4, status);

	assert_int_equal(blk_take_used(&f, head), 513);
	assert_int_equal(status_at(status), VIRTIO_BLK_S_OK);
	assert_memory_equal(driver_ptr(&f.d, a, 512), f.fault.data + 1536, 512);
	assert_int_equal(answer_of(VIRTIO_BLK_T_IN, 0, zero, 2), VIRTIO_BLK_S_OK);
	assert_int_equal(answer_of(VIRTIO_BLK_T_OUT, 0, zero_out, 1), VIRTIO_BLK_S_OK);
}

/* BLK-61 BLK-69: 128 segments of 1 MiB each, one vectored call. */
static void test_largest_request(void **state)
{
	uint64_t a, status;
	struct driver_seg segs[128];
	int head;

	setup_with(&(struct blk_config){ 0 }, 128u << 20);
	a = buffer(1 << 20);
	status = driver_alloc(&f.d, 1, 1);
	for (unsigned i = 0; i < 128; i++)
		segs[i] = (struct driver_seg){ a, 1 << 20, true };
	head = blk_chain(&f, VIRTIO_BLK_T_IN, 0, segs, 128, status);
	assert_int_equal(blk_take_used(&f, head), (128u << 20) + 1);
	assert_int_equal(status_at(status), VIRTIO_BLK_S_OK);
	assert_int_equal(f.fault.calls, 1);
	assert_memory_equal(driver_ptr(&f.d, a, 1 << 20), f.fault.data + (127u << 20), 1 << 20);
	blk_fixture_close(&f);
}

/* BLK-62: a descriptor over two regions that don't adjoin in the host. */
static void test_segment_over_two_regions(void **state)
{
	uint64_t second = DRIVER_RAM_GPA + (32u << 20), status = driver_alloc(&f.d, 1, 1);
	struct driver_seg seg = { second - 1024, 4096, true };
	int head;

	driver_add_region(&f.d, second, 1 << 20);
	head = blk_chain(&f, VIRTIO_BLK_T_IN, 8, &seg, 1, status);
	assert_int_equal(blk_take_used(&f, head), 4097);
	assert_memory_equal(driver_ptr(&f.d, second - 1024, 1024), f.fault.data + 4096, 1024);
	assert_memory_equal(driver_ptr(&f.d, second, 3072), f.fault.data + 4096 + 1024, 3072);
	/* one byte further than the memory goes */
	seg = (struct driver_seg){ second + (1 << 20) - 511, 512, true };
	assert_int_equal(answer_of(VIRTIO_BLK_T_IN, 8, &seg, 1), VIRTIO_BLK_S_IOERR);
}

/* --- what is refused ------------------------------------------------------ */

/* BLK-10 BLK-11 BLK-13 BLK-67 */
static void test_read_only_disk(void **state)
{
	const struct driver_seg out = { buffer(512), 512, false };
	struct blk_io io = blk_io_new(&f, 512), flush = blk_io_new(&f, 0);

	assert_int_equal(answer_of(VIRTIO_BLK_T_OUT, 0, &out, 1), VIRTIO_BLK_S_IOERR);
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
		const struct driver_seg segs[] = { { buffer(512), 512, false }, { buffer(512), 512, true } };

		assert_int_equal(answer_of(types[i], 0, segs, i % 3), VIRTIO_BLK_S_UNSUPP);
	}
	assert_memory_equal(&before, counters(), sizeof(before));
}

/* BLK-09: SIZE_MAX comes before the classification. */
static void test_unknown_type_above_size_max(void **state)
{
	const struct driver_seg seg = { buffer(512), (1 << 20) + 1, true };

	assert_int_equal(answer_of(99, 0, &seg, 1), VIRTIO_BLK_S_IOERR);
}

/* BLK-14 */
static void test_size_max(void **state)
{
	uint64_t a = buffer(2 << 20), status = driver_alloc(&f.d, 1, 1);
	struct driver_seg seg = { a, 1 << 20, true };
	int head = blk_chain(&f, VIRTIO_BLK_T_IN, 0, &seg, 1, status);

	assert_int_equal(blk_take_used(&f, head), (1 << 20) + 1);
	assert_int_equal(status_at(status), VIRTIO_BLK_S_OK);
	seg.len = (1 << 20) + 512;
	assert_int_equal(answer_of(VIRTIO_BLK_T_IN, 0, &seg, 1), VIRTIO_BLK_S_IOERR);
	seg.len = UINT32_MAX;
	assert_int_equal(answer_of(VIRTIO_BLK_T_IN, 0, &seg, 1), VIRTIO_BLK_S_IOERR);
	assert_int_equal(counters()->io_errors, 2);
}

static void expect_dropped(uint64_t errors_before)
{
	assert_int_equal(driver_used_count(&f.d, 0), 0);
	assert_int_equal(counters()->io_errors, errors_before + 1);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_STATUS), DRIVER_STATUS_READY);
	assert_int_equal(f.fault.calls, 0);
}

/* BLK-15 */
static void test_chain_too_long(void **state)
{
	uint64_t a = buffer(512), status = driver_alloc(&f.d, 1, 1);
	struct driver_seg segs[129];
	int head;

	for (unsigned i = 0; i < 129; i++)
		segs[i] = (struct driver_seg){ a, i < 2 ? 256 : 0, true };
	driver_irqs(&f.d);
	blk_chain(&f, VIRTIO_BLK_T_IN, 0, segs, 129, status);
	expect_dropped(0);
	assert_int_equal(status_at(status), STATUS_UNSET);
	assert_int_equal(driver_irqs(&f.d), 0);
	f.fault.calls = 0;
	driver_init(&f.d, BLK_F_ALL, 1, 256); /* 131 descriptors are lost till then */
	head = blk_chain(&f, VIRTIO_BLK_T_IN, 0, segs, 128, status);
	assert_int_equal(blk_take_used(&f, head), 513);
}

/* BLK-16 */
static void test_no_place_for_the_status(void **state)
{
	const struct driver_seg readable[] = { { buffer(512), 512, true }, { buffer(1), 1, false } };
	const struct driver_seg empty[] = { { buffer(512), 512, true }, { buffer(1), 0, true } };
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
						   { buffer(512), 512, true },
						   { status, 1, true } };
		int head = driver_add(&f.d, 0, segs, 3);

		driver_kick(&f.d, 0);
		blk_settle(&f);
		assert_int_equal(blk_take_used(&f, head), 1);
		assert_int_equal(status_at(status), VIRTIO_BLK_S_IOERR);
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
	assert_int_equal(status_at(status), VIRTIO_BLK_S_IOERR);
	assert_int_equal(f.fault.calls, 0);
}

/* BLK-19 */
static void test_no_data_descriptors(void **state)
{
	assert_int_equal(answer_of(VIRTIO_BLK_T_IN, 0, NULL, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(answer_of(VIRTIO_BLK_T_OUT, 0, NULL, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(answer_of(VIRTIO_BLK_T_GET_ID, 0, NULL, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(counters()->io_errors, 3);
}

/* BLK-20 */
static void test_flush_with_data(void **state)
{
	const struct driver_seg seg = { buffer(512), 512, false };

	assert_int_equal(answer_of(VIRTIO_BLK_T_FLUSH, 0, &seg, 1), VIRTIO_BLK_S_IOERR);
}

/* BLK-21 */
static void test_partial_sectors(void **state)
{
	const uint32_t lens[] = { 1, 511, 513, 1000 };

	for (unsigned i = 0; i < 4; i++) {
		const struct driver_seg in = { buffer(1024), lens[i], true }, out = { buffer(1024), lens[i], false };

		assert_int_equal(answer_of(VIRTIO_BLK_T_IN, 0, &in, 1), VIRTIO_BLK_S_IOERR);
		assert_int_equal(answer_of(VIRTIO_BLK_T_OUT, 0, &out, 1), VIRTIO_BLK_S_IOERR);
	}
}

/* BLK-23 */
static void test_wrong_direction(void **state)
{
	const struct driver_seg in[] = { { buffer(512), 512, true }, { buffer(512), 512, false } };
	const struct driver_seg out[] = { { buffer(512), 512, false }, { buffer(512), 512, true } };
	const struct driver_seg id = { buffer(20), 20, false };

	assert_int_equal(answer_of(VIRTIO_BLK_T_IN, 0, in, 2), VIRTIO_BLK_S_IOERR);
	assert_int_equal(answer_of(VIRTIO_BLK_T_OUT, 0, out, 2), VIRTIO_BLK_S_IOERR);
	assert_int_equal(answer_of(VIRTIO_BLK_T_GET_ID, 0, &id, 1), VIRTIO_BLK_S_IOERR);
	assert_int_equal(counters()->io_errors, 3);
	assert_int_equal(answer_of(77, 0, out, 2), VIRTIO_BLK_S_UNSUPP);
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
		const struct driver_seg in = { buffer(1024), 1024, true }, out = { buffer(1024), 1024, false };

		assert_int_equal(answer_of(VIRTIO_BLK_T_IN, bad[i], &in, 1), VIRTIO_BLK_S_IOERR);
		assert_int_equal(answer_of(VIRTIO_BLK_T_OUT, bad[i], &out, 1), VIRTIO_BLK_S_IOERR);
	}
	assert_int_equal(blk_do(&f, &last, VIRTIO_BLK_T_IN, sectors - 1, NULL), VIRTIO_BLK_S_OK);
	assert_memory_equal(blk_io_data(&f, &last), f.fault.data + DISK - 512, 512);
}

static void test_unmapped_data(void **state)
{
	const struct driver_seg in[] = { { buffer(512), 512, true }, { NOWHERE, 512, true } };
	const struct driver_seg wraps = { UINT64_MAX - 255, 512, false };

	assert_int_equal(answer_of(VIRTIO_BLK_T_IN, 0, in, 2), VIRTIO_BLK_S_IOERR);
	assert_int_equal(answer_of(VIRTIO_BLK_T_OUT, 0, &wraps, 1), VIRTIO_BLK_S_IOERR);
}

/* BLK-32 */
static struct fault all_fail(struct fault_backing *b, enum fault_kind kind, unsigned call, size_t want)
{
	return (struct fault){ .error = -EIO };
}

static void test_unmapped_status(void **state)
{
	const struct driver_seg segs[] = { { buffer(512), 512, true }, { NOWHERE, 1, true } };
	const struct driver_seg wraps[] = { { buffer(512), 512, true }, { UINT64_MAX, 2, true } };

	driver_irqs(&f.d);
	blk_chain(&f, VIRTIO_BLK_T_IN, 0, segs, 2, 0);
	assert_int_equal(driver_used_count(&f.d, 0), 0);
	assert_int_equal(counters()->io_errors, 1);
	f.fault.plan = all_fail;
	blk_chain(&f, VIRTIO_BLK_T_IN, 0, segs, 2, 0);
	assert_int_equal(driver_used_count(&f.d, 0), 0);
	assert_int_equal(counters()->io_errors, 3);
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

/* --- notification and poison ---------------------------------------------- */

/* One publish and one interrupt for a batch, and both before the driver may
 * see any of it. */
static void test_one_interrupt_a_batch(void **state)
{
	struct blk_io io[32];

	driver_irqs(&f.d);
	driver_set_used_event(&f.d, 0, 0);
	for (unsigned i = 0; i < 32; i++) {
		io[i] = blk_io_new(&f, 512);
		blk_io_add(&f, &io[i], VIRTIO_BLK_T_IN, i);
	}
	driver_kick(&f.d, 0);
	blk_settle(&f);
	assert_int_equal(driver_used_count(&f.d, 0), 32);
	assert_int_equal(driver_irqs(&f.d), 1);
	assert_int_equal(f.blk->dev.interrupts, 1);
}

/* BLK-52: no interrupt below used_event, INT_VRING all the same. */
static void test_event_idx_suppresses(void **state)
{
	struct blk_io io = blk_io_new(&f, 512);

	blk_do(&f, &io, VIRTIO_BLK_T_IN, 0, NULL);
	driver_irqs(&f.d);
	driver_ack(&f.d);
	driver_set_used_event(&f.d, 0, 3);
	blk_do(&f, &io, VIRTIO_BLK_T_IN, 0, NULL);
	blk_do(&f, &io, VIRTIO_BLK_T_IN, 0, NULL);
	assert_int_equal(driver_irqs(&f.d), 0);
	assert_int_equal(driver_ack(&f.d), VIRTIO_INT_VRING);
	blk_do(&f, &io, VIRTIO_BLK_T_IN, 0, NULL);
	assert_int_equal(driver_irqs(&f.d), 1);
}

/* BLK-53: what is added without a kick while the device drains is not lost. */
#define ADDED_MAX 80u /* times 3 descriptors: all of the queue */
static unsigned added;
static struct fault adds_another(struct fault_backing *b, enum fault_kind kind, unsigned call, size_t want)
{
	if (added < ADDED_MAX) {
		struct blk_io io = blk_io_new(&f, 512);

		added++;
		blk_io_add(&f, &io, VIRTIO_BLK_T_IN, added);
	}
	return (struct fault){ 0 };
}

static void test_requests_added_during_the_drain(void **state)
{
	struct blk_io io = blk_io_new(&f, 512);

	added = 0;
	f.fault.plan = adds_another;
	blk_io_add(&f, &io, VIRTIO_BLK_T_IN, 0);
	driver_kick(&f.d, 0);
	assert_true(driver_wait(&f.d, f.r, 0, ADDED_MAX + 1));
	assert_int_equal(counters()->reads_completed, ADDED_MAX + 1);
}

/* BLK-53: the same in the narrowest place. The used ring's page is read-only
 * until the device's store of avail_event, after its last look at avail.idx,
 * faults: then a request is added, and no kick is due for it. */
static struct blk_io late;
static void *used_page;

static void add_late(int signo)
{
	mprotect(used_page, 4096, PROT_READ | PROT_WRITE);
	blk_io_add(&f, &late, VIRTIO_BLK_T_IN, 9);
}

static void test_request_added_before_avail_event(void **state)
{
	struct sigaction act = { .sa_handler = add_late }, old;
	struct driver_queue *q = &f.d.q[0];
	struct blk_io io = blk_io_new(&f, 512);

	late = blk_io_new(&f, 512);
	assert_true(driver_reset(&f.d));
	assert_true(driver_negotiate(&f.d, BLK_F_ALL));
	driver_setup_queue(&f.d, 0, 256);
	q->used_gpa = driver_alloc(&f.d, 4096, 4096);
	q->used = used_page = driver_ptr(&f.d, q->used_gpa, 4096);
	driver_alloc(&f.d, 4096, 4096);
	driver_raw_rings(&f.d, 0, q->desc_gpa, q->avail_gpa, q->used_gpa);
	assert_true(driver_ok(&f.d));
	f.fault.hold[FAULT_READ] = true; /* nothing else is stored into the used ring */
	blk_io_add(&f, &io, VIRTIO_BLK_T_IN, 0);
	assert_int_equal(sigaction(SIGSEGV, &act, &old), 0);
	assert_int_equal(mprotect(used_page, 4096, PROT_READ), 0);
	driver_kick(&f.d, 0);
	assert_int_equal(sigaction(SIGSEGV, &old, NULL), 0);
	assert_true(late.head >= 0);
	assert_int_equal(f.fault.n_held, 2);
}

/* A drain is bounded: descriptors that the driver gets back at once, since no
 * answer can be given, don't keep it for ever; the rest comes in later wakes. */
static struct fault comes_again(struct fault_backing *b, enum fault_kind kind, unsigned call, size_t want)
{
	if (call < 39)
		driver_raw_avail(&f.d, 0, 0);
	return (struct fault){ 0 };
}

static void test_drain_is_bounded(void **state)
{
	const struct driver_seg segs[] = { { buffer(512), 512, true }, { NOWHERE, 1, true } };
	struct blk_io io = blk_io_new(&f, 512);

	blk_fixture_start(&f, BLK_F_V1, 8);
	f.fault.hold[FAULT_READ] = true;
	assert_int_equal(blk_chain(&f, VIRTIO_BLK_T_IN, 0, segs, 2, 0), 0);
	f.fault.hold[FAULT_READ] = false;
	f.fault.plan = comes_again;
	f.fault.calls = 0;
	fault_finish_all(&f.fault);
	driver_raw_avail(&f.d, 0, 0);
	driver_kick(&f.d, 0);
	assert_int_equal(f.fault.calls, 9); /* the queue's size, and one look more */
	assert_true(f.blk->again.rung);
	blk_settle(&f);
	assert_int_equal(f.fault.calls, 40);
	assert_int_equal(counters()->io_errors, 41);
	assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_IN, 0, NULL), VIRTIO_BLK_S_OK);
}

/* MM-23 on the device: counted once, in its own counter. */
static void test_avail_idx_poison(void **state)
{
	struct blk_io io = blk_io_new(&f, 512);

	driver_irqs(&f.d);
	driver_raw_avail_idx(&f.d, 0, 257);
	driver_kick(&f.d, 0);
	driver_kick(&f.d, 0);
	blk_settle(&f);
	assert_int_equal(counters()->invalid_avail_idx_count, 1);
	assert_int_equal(counters()->io_errors, 0);
	assert_int_equal(driver_irqs(&f.d), 1);
	assert_int_equal(driver_ack(&f.d), VIRTIO_INT_CONFIG);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_STATUS), DRIVER_STATUS_READY | VIRTIO_CONFIG_S_NEEDS_RESET);
	blk_fixture_start(&f, BLK_F_ALL, 256);
	assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_IN, 0, NULL), VIRTIO_BLK_S_OK);
	assert_int_equal(counters()->invalid_avail_idx_count, 1); /* BLK-51: counters survive */
}

/* MM-24 on the device: in io_errors instead. */
static void test_other_poison(void **state)
{
	driver_raw_avail(&f.d, 0, 256);
	driver_kick(&f.d, 0);
	assert_int_equal(counters()->invalid_avail_idx_count, 0);
	assert_int_equal(counters()->io_errors, 1);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_STATUS), DRIVER_STATUS_READY | VIRTIO_CONFIG_S_NEEDS_RESET);
}

/* What was in flight when the queue was poisoned is still completed, once. */
static void test_poison_with_requests_in_flight(void **state)
{
	struct blk_io io = blk_io_new(&f, 512);

	f.fault.hold[FAULT_READ] = true;
	blk_io_add(&f, &io, VIRTIO_BLK_T_IN, 0);
	driver_kick(&f.d, 0);
	driver_raw_avail(&f.d, 0, (uint16_t)io.head); /* the head that is in flight */
	driver_kick(&f.d, 0);
	assert_int_equal(counters()->io_errors, 1);
	assert_int_equal(f.fault.n_held, 1);
	fault_finish_all(&f.fault);
	blk_settle(&f);
	assert_int_equal(driver_used_count(&f.d, 0), 1);
	assert_int_equal(blk_io_status(&f, &io), VIRTIO_BLK_S_OK);
}

/* --- where the work is done ----------------------------------------------- */

/* BLK-33: the register write returns with the I/O still pending. */
static void test_notify_does_not_wait(void **state)
{
	struct blk_io io = blk_io_new(&f, 512);

	f.fault.hold[FAULT_READ] = true;
	blk_io_add(&f, &io, VIRTIO_BLK_T_IN, 0);
	driver_kick(&f.d, 0);
	assert_int_equal(f.fault.n_held, 1);
	assert_int_equal(counters()->in_flight, 1);
	blk_settle(&f);
	assert_int_equal(driver_used_count(&f.d, 0), 0);
	assert_int_equal(blk_io_status(&f, &io), STATUS_UNSET);
	fault_finish_all(&f.fault);
	blk_settle(&f);
	assert_int_equal(driver_used_count(&f.d, 0), 1);
	assert_int_equal(counters()->in_flight, 0);
	assert_int_equal(counters()->in_flight_max, 1);
}

/* BLK-34: on the reactor's thread, whoever that is. BLK-36: the same drain
 * runs synchronously under a test. */
static void test_io_runs_on_the_reactors_thread(void **state)
{
	struct blk_io io = blk_io_new(&f, 512);

	blk_do(&f, &io, VIRTIO_BLK_T_IN, 0, NULL);
	assert_true(pthread_equal(f.fault.last_thread, pthread_self()));
}

/* L1: completions in any order, each head exactly once. */
static void test_out_of_order_completion(void **state)
{
	struct blk_io io[64];
	bool seen[256] = { false };
	uint16_t head;
	uint32_t len;

	f.fault.hold[FAULT_READ] = true;
	for (unsigned i = 0; i < 64; i++) {
		io[i] = blk_io_new(&f, 512);
		blk_io_add(&f, &io[i], VIRTIO_BLK_T_IN, i);
	}
	driver_kick(&f.d, 0);
	assert_int_equal(f.fault.n_held, 64);
	assert_int_equal(counters()->in_flight_max, 64);
	for (unsigned i = 0; f.fault.n_held; i++)
		fault_finish(&f.fault, i * 29 % f.fault.n_held, 0);
	blk_settle(&f);
	while (driver_used(&f.d, 0, &head, &len)) {
		assert_false(seen[head]);
		seen[head] = true;
	}
	for (unsigned i = 0; i < 64; i++) {
		assert_true(seen[io[i].head]);
		assert_memory_equal(blk_io_data(&f, &io[i]), f.fault.data + i * 512, 512);
	}
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define RO(fn) cmocka_unit_test_setup_teardown(fn, setup_read_only, teardown)
	const struct CMUnitTest tests[] = {
		T(test_one_queue),
		T(test_features),
		RO(test_features_read_only),
		T(test_config_bytes),
		T(test_constants),
		cmocka_unit_test(test_capacity_rounds_down),
		T(test_read_and_write),
		T(test_flush_syncs_once),
		T(test_flush_failure),
		T(test_get_id),
		RO(test_get_id_read_only),
		cmocka_unit_test(test_serial_of_ones_own),
		T(test_status_in_a_long_descriptor),
		T(test_zero_length_data),
		cmocka_unit_test(test_largest_request),
		T(test_segment_over_two_regions),
		RO(test_read_only_disk),
		T(test_unknown_types),
		T(test_unknown_type_above_size_max),
		T(test_size_max),
		T(test_chain_too_long),
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
		T(test_one_interrupt_a_batch),
		T(test_event_idx_suppresses),
		T(test_requests_added_during_the_drain),
		T(test_request_added_before_avail_event),
		T(test_drain_is_bounded),
		T(test_avail_idx_poison),
		T(test_other_poison),
		T(test_poison_with_requests_in_flight),
		T(test_notify_does_not_wait),
		T(test_io_runs_on_the_reactors_thread),
		T(test_out_of_order_completion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
