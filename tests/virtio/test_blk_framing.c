/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a driver cuts a request into descriptors is its own business (virtio 1.2,
 * 2.7.4.1): the same requests in every cut, and what comes of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "tests/virtio/blk_fixture.h"

#define DISK (1u << 20)
#define HEADER 16u
#define DATA 1024u

static struct blk_fixture f;
static uint64_t out, in; /* what the driver writes, and what it is given */

static int setup(void **state)
{
	blk_fixture_patterned(&f, &(struct blk_config){ 0 }, DISK);
	out = driver_alloc(&f.d, HEADER + DATA + 64, 16);
	in = driver_alloc(&f.d, DATA + 64, 16);
	return 0;
}

static int teardown(void **state)
{
	blk_fixture_close(&f);
	return 0;
}

static void request(uint32_t type, uint64_t sector)
{
	*(struct virtio_blk_outhdr *)driver_ptr(&f.d, out, HEADER) =
		(struct virtio_blk_outhdr){ .type = type, .sector = sector };
	memset(driver_ptr(&f.d, in, DATA + 64), STATUS_UNSET, DATA + 64);
}

static uint32_t run(const struct driver_seg *seg, unsigned n)
{
	int head = driver_add(&f.d, 0, seg, n);

	assert_true(head >= 0);
	driver_kick(&f.d, 0);
	blk_settle(&f);
	return blk_take_used(&f, head);
}

/* Segments of [gpa, gpa+len), one end after each byte of @cuts that lies inside. */
static unsigned cut(struct driver_seg *seg, uint64_t gpa, uint32_t len, const uint32_t *cuts, unsigned n_cuts,
		    bool writable)
{
	uint32_t from = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < n_cuts && cuts[i] < len; i++) {
		seg[n++] = (struct driver_seg){ gpa + from, cuts[i] - from, writable };
		from = cuts[i];
	}
	seg[n++] = (struct driver_seg){ gpa + from, len - from, writable };
	return n;
}

static const uint32_t cuts[][3] = {
	{ 16, UINT32_MAX, UINT32_MAX },		/* as everybody does it */
	{ UINT32_MAX, UINT32_MAX, UINT32_MAX }, /* all in one */
	{ 8, UINT32_MAX, UINT32_MAX },		/* header split, its end beside the data */
	{ 1, 15, 16 },
	{ 16, 16, 17 }, /* with an empty one */
	{ 20, 600, 1023 },
	{ 528, 1024, 1039 },
};
#define CUTS (sizeof(cuts) / sizeof(cuts[0]))

static void test_writes(void **state)
{
	for (unsigned i = 0; i < CUTS; i++) {
		struct driver_seg seg[8];
		uint8_t *data = driver_ptr(&f.d, out + HEADER, DATA);
		unsigned n;

		request(VIRTIO_BLK_T_OUT, 10 * i);
		for (unsigned k = 0; k < DATA; k++)
			data[k] = (uint8_t)(k * 3 + i);
		n = cut(seg, out, HEADER + DATA, cuts[i], 3, false);
		seg[n++] = (struct driver_seg){ in, 1, true };
		assert_int_equal(run(seg, n), 1);
		assert_int_equal(blk_status_at(&f, in), VIRTIO_BLK_S_OK);
		assert_memory_equal(f.fault.data + 5120 * i, data, DATA);
	}
	assert_int_equal(f.blk->counters.bytes_written, DATA * CUTS);
}

/* The status byte may share a descriptor with the data before it. */
static void test_reads(void **state)
{
	const uint32_t ends[][3] = { { DATA, UINT32_MAX, UINT32_MAX },
				     { UINT32_MAX, UINT32_MAX, UINT32_MAX },
				     { 512, UINT32_MAX, UINT32_MAX },
				     { 1, 2, 1023 } };

	for (unsigned h = 0; h < CUTS; h++) {
		for (unsigned e = 0; e < 4; e++) {
			struct driver_seg seg[12];
			unsigned n;

			request(VIRTIO_BLK_T_IN, 7 + h);
			n = cut(seg, out, HEADER, cuts[h], 3, false);
			n += cut(seg + n, in, DATA + 1, ends[e], 3, true);
			assert_int_equal(run(seg, n), DATA + 1);
			assert_int_equal(blk_status_at(&f, in + DATA), VIRTIO_BLK_S_OK);
			assert_memory_equal(driver_ptr(&f.d, in, DATA), f.fault.data + (7 + h) * 512, DATA);
			assert_int_equal(blk_status_at(&f, in + DATA + 1), STATUS_UNSET);
		}
	}
}

static void test_others(void **state)
{
	const struct driver_seg flush[] = { { out, 5, false }, { out + 5, 11, false }, { in, 1, true } };
	const struct driver_seg id[] = { { out, 8, false }, { out + 8, 8, false }, { in, 21, true } };

	request(VIRTIO_BLK_T_FLUSH, 0);
	assert_int_equal(run(flush, 3), 1);
	assert_int_equal(blk_status_at(&f, in), VIRTIO_BLK_S_OK);
	assert_int_equal(f.fault.calls_of[FAULT_SYNC], 1);
	request(VIRTIO_BLK_T_GET_ID, 0);
	assert_int_equal(run(id, 3), 21);
	assert_int_equal(blk_status_at(&f, in + 20), VIRTIO_BLK_S_OK);
	assert_memory_equal(driver_ptr(&f.d, in, 20), "ktstr-virtio-blk\0\0\0\0", 20);
}

/* Bytes that make no whole sector are an error, wherever they lie: never a write of less than was sent. */
static void test_odd_bytes(void **state)
{
	const struct driver_seg beside_header[] = { { out, 20, false }, { out + 20, 512, false }, { in, 1, true } };
	const struct driver_seg no_data[] = { { out, HEADER, false }, { in, 1, true } };
	const struct driver_seg short_header[] = { { out, 8, false }, { out + 8, 7, false }, { in, 513, true } };
	uint8_t before[512];

	memcpy(before, f.fault.data, 512);
	request(VIRTIO_BLK_T_OUT, 0);
	assert_int_equal(run(beside_header, 3), 1);
	assert_int_equal(blk_status_at(&f, in), VIRTIO_BLK_S_IOERR);
	assert_int_equal(run(no_data, 2), 1);
	assert_int_equal(blk_status_at(&f, in), VIRTIO_BLK_S_IOERR);
	request(VIRTIO_BLK_T_IN, 0);
	assert_int_equal(run(short_header, 3), 1);
	assert_int_equal(blk_status_at(&f, in + 512), VIRTIO_BLK_S_IOERR);
	assert_memory_equal(f.fault.data, before, 512);
	assert_int_equal(f.fault.calls, 0);
	assert_int_equal(f.blk->counters.io_errors, 3);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = { T(test_writes), T(test_reads), T(test_others), T(test_odd_bytes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
