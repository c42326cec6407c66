/* SPDX-License-Identifier: GPL-2.0-only */
/* virtio-blk's request pipeline: features, layout, answers, counters, and where the work is done. */
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
	const struct driver_seg split[] = { { blk_buffer(&f, 19), 19, true }, { blk_buffer(&f, 20), 20, true } };
	const struct driver_seg empty_first[] = { { blk_buffer(&f, 1), 0, true }, { blk_buffer(&f, 20), 20, true } };

	check_id();
	assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_GET_ID, 0, split, 2), VIRTIO_BLK_S_IOERR);
	assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_GET_ID, 0, empty_first, 2), VIRTIO_BLK_S_IOERR);
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
	uint64_t data = blk_buffer(&f, 512), status = blk_buffer(&f, 16);
	const struct driver_seg segs[] = { { data, 512, true }, { status, 16, true } };
	int head;

	memset(driver_ptr(&f.d, status, 16), STATUS_UNSET, 16);
	head = blk_chain(&f, VIRTIO_BLK_T_IN, 1, segs, 2, 0);
	assert_int_equal(blk_take_used(&f, head), 513);
	assert_int_equal(blk_status_at(&f, status + 15), VIRTIO_BLK_S_OK);
	for (unsigned i = 0; i < 15; i++)
		assert_int_equal(blk_status_at(&f, status + i), STATUS_UNSET);
}

/* BLK-22 */
static void test_zero_length_data(void **state)
{
	uint64_t a = blk_buffer(&f, 512), status = driver_alloc(&f.d, 1, 1);
	const struct driver_seg mixed[] = {
		{ a, 0, true }, { a, 256, true }, { NOWHERE, 0, true }, { a + 256, 256, true }
	};
	const struct driver_seg zero[] = { { a, 0, true }, { a, 0, true } };
	const struct driver_seg zero_out[] = { { a, 0, false } };
	int head = blk_chain(&f, VIRTIO_BLK_T_IN, 3, mixed, 4, status);

	assert_int_equal(blk_take_used(&f, head), 513);
	assert_int_equal(blk_status_at(&f, status), VIRTIO_BLK_S_OK);
	assert_memory_equal(driver_ptr(&f.d, a, 512), f.fault.data + 1536, 512);
	assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_IN, 0, zero, 2), VIRTIO_BLK_S_OK);
	assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_OUT, 0, zero_out, 1), VIRTIO_BLK_S_OK);
}

/* BLK-61 BLK-69: 128 segments of 1 MiB each, in calls of a piece each. */
static void test_largest_request(void **state)
{
	uint64_t a, status;
	struct driver_seg segs[128];
	int head;

	setup_with(&(struct blk_config){ 0 }, 128u << 20);
	a = blk_buffer(&f, 1 << 20);
	status = driver_alloc(&f.d, 1, 1);
	for (unsigned i = 0; i < 128; i++)
		segs[i] = (struct driver_seg){ a, 1 << 20, true };
	head = blk_chain(&f, VIRTIO_BLK_T_IN, 0, segs, 128, status);
	assert_int_equal(blk_take_used(&f, head), (128u << 20) + 1);
	assert_int_equal(blk_status_at(&f, status), VIRTIO_BLK_S_OK);
	assert_int_equal(f.fault.calls, (128u << 20) / TURN_ROOM_HERE);
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
	assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_IN, 8, &seg, 1), VIRTIO_BLK_S_IOERR);
}

/* --- where the work is done ----------------------------------------------- */

/* The register write returns with the I/O still pending. */
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

/* On the thread that runs the reactor, whoever that is. BLK-36: the same drain
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
		T(test_notify_does_not_wait),
		T(test_io_runs_on_the_reactors_thread),
		T(test_out_of_order_completion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
