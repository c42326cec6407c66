/* SPDX-License-Identifier: GPL-2.0-only */
/* A failing disk: each rule for short, empty, interrupted and failed transfers by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "tests/virtio/blk_fixture.h"

#define SECTORS 256u
#define DISK (SECTORS * 512u)

static struct blk_fixture f;

static int setup(void **state)
{
	blk_fixture_open(&f, &(struct blk_config){ 0 }, DISK);
	blk_fixture_start(&f, BLK_F_ALL, 256);
	memset(f.fault.data, 0x42, DISK);
	return 0;
}

static int teardown(void **state)
{
	f.fault.plan = NULL;
	blk_fixture_close(&f);
	return 0;
}

static const struct blk_counters *counters(void)
{
	return blk_counters(f.blk);
}

/* --- rule by rule --------------------------------------------------------- */

static struct fault script[64];

static struct fault by_script(struct fault_backing *b, enum fault_kind kind, unsigned call, size_t want)
{
	return call < 64 ? script[call] : (struct fault){ 0 };
}

static struct blk_io run(uint32_t type, uint8_t fill)
{
	struct blk_io io = blk_io_new(&f, type == VIRTIO_BLK_T_FLUSH ? 0 : 2048);

	if (io.len)
		memset(blk_io_data(&f, &io), fill, 2048);
	f.fault.calls = 0;
	f.fault.plan = by_script;
	blk_do(&f, &io, type, 8, NULL);
	memset(script, 0, sizeof(script));
	return io;
}

/* BAK-05 BLK-27: every length class of a short read; padded, never asked again. */
static void test_short_reads(void **state)
{
	const size_t lens[] = { 0, 1, 100, 511, 512, 513, 1024, 2047 };
	uint64_t total = 0;

	for (unsigned i = 0; i < 8; i++) {
		struct blk_io io;

		script[0] = (struct fault){ .limited = true, .limit = lens[i] };
		io = run(VIRTIO_BLK_T_IN, 0xff);
		total += lens[i];
		assert_int_equal(blk_io_status(&f, &io), VIRTIO_BLK_S_OK);
		assert_int_equal(f.fault.calls, 1);
		for (unsigned k = 0; k < 2048; k++)
			assert_int_equal(blk_io_data(&f, &io)[k], k < lens[i] ? 0x42 : 0);
		assert_int_equal(counters()->bytes_read, total);
	}
}

/* BAK-06 BLK-58: EINTR (and EAGAIN) up to 16 times; the 17th is an error. */
static void test_interrupted(void **state)
{
	const uint32_t types[] = { VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_FLUSH };

	for (unsigned t = 0; t < 3; t++) {
		for (unsigned times = 0; times < 20; times++) {
			struct blk_io io;

			for (unsigned i = 0; i < times; i++)
				script[i].error = i & 1 ? -EAGAIN : -EINTR;
			io = run(types[t], 0x42);
			assert_int_equal(blk_io_status(&f, &io), times <= 16 ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR);
			assert_int_equal(f.fault.calls, times <= 16 ? times + 1 : 17);
		}
	}
	assert_int_equal(counters()->io_errors, 9);
}

/* BAK-06 BAK-09: any other error is one, at once. */
static void test_errors_are_not_retried(void **state)
{
	const int errors[] = { -EIO, -ENOSPC, -EINVAL, -ENOMEM, -ECANCELED, -EDQUOT, -EFBIG };

	for (unsigned i = 0; i < 7; i++) {
		struct blk_io io;

		script[0].error = errors[i];
		io = run(i & 1 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, 0x42);
		assert_int_equal(blk_io_status(&f, &io), VIRTIO_BLK_S_IOERR);
		assert_int_equal(f.fault.calls, 1);
		assert_int_equal(counters()->io_errors, i + 1);
	}
	assert_int_equal(counters()->bytes_written + counters()->bytes_read, 0);
}

/* BAK-07 BLK-57: one byte at a time, over several ranges. */
static struct fault byte_by_byte(struct fault_backing *b, enum fault_kind kind, unsigned call, size_t want)
{
	if (kind == FAULT_WRITE && call % 3 == 2)
		return (struct fault){ .error = -EINTR };
	return (struct fault){ .limited = kind == FAULT_WRITE, .limit = 1 };
}

static void test_short_writes_go_on(void **state)
{
	uint64_t a = driver_alloc(&f.d, 4096, 512), status = driver_alloc(&f.d, 1, 1);
	const struct driver_seg segs[] = { { a, 1, false }, { a + 100, 700, false }, { a + 1000, 323, false } };
	uint8_t expect[1024];
	int head;

	for (unsigned i = 0; i < 1024; i++)
		expect[i] = (uint8_t)(i * 5);
	guest_memory_write(&f.d.mem, a, expect, 1);
	guest_memory_write(&f.d.mem, a + 100, expect + 1, 700);
	guest_memory_write(&f.d.mem, a + 1000, expect + 701, 323);
	f.fault.plan = byte_by_byte;
	head = blk_chain(&f, VIRTIO_BLK_T_OUT, 4, segs, 3, status);
	assert_int_equal(blk_take_used(&f, head), 1);
	assert_memory_equal(f.fault.data + 2048, expect, 1024);
	assert_int_equal(f.fault.data[2047], 0x42);
	assert_int_equal(f.fault.data[3072], 0x42);
	assert_int_equal(counters()->bytes_written, 1024);
	assert_int_equal(counters()->writes_completed, 1);
	assert_int_equal(f.fault.calls, 1024 + 511);
}

/* BAK-08 */
static void test_write_of_nothing_fails(void **state)
{
	struct blk_io io;

	script[0] = (struct fault){ .limited = true, .limit = 0 };
	io = run(VIRTIO_BLK_T_OUT, 1);
	assert_int_equal(blk_io_status(&f, &io), VIRTIO_BLK_S_IOERR);
	assert_int_equal(f.fault.calls, 1);
	script[0] = (struct fault){ .limited = true, .limit = 512 };
	script[1] = (struct fault){ .limited = true, .limit = 0 };
	io = run(VIRTIO_BLK_T_OUT, 1);
	assert_int_equal(blk_io_status(&f, &io), VIRTIO_BLK_S_IOERR);
	assert_int_equal(f.fault.calls, 2);
}

/* BAK-09 */
static void test_error_in_the_middle_of_a_write(void **state)
{
	struct blk_io io;

	script[0] = (struct fault){ .limited = true, .limit = 700 };
	script[1] = (struct fault){ .error = -ENOSPC };
	io = run(VIRTIO_BLK_T_OUT, 1);
	assert_int_equal(blk_io_status(&f, &io), VIRTIO_BLK_S_IOERR);
	assert_int_equal(counters()->bytes_written, 0);
	assert_int_equal(counters()->writes_completed, 0);
	assert_int_equal(counters()->io_errors, 1);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_short_reads),
		T(test_interrupted),
		T(test_errors_are_not_retried),
		T(test_short_writes_go_on),
		T(test_write_of_nothing_fails),
		T(test_error_in_the_middle_of_a_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
