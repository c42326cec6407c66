/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When a write is durable: at the flush for a driver that can flush, else when
 * it is answered (virtio 1.2, 5.2.5.2, 5.2.6.2); and what an fdatasync() that
 * failed means for those that follow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "tests/virtio/blk_fixture.h"

#define DISK (1u << 20)
#define WITHOUT_FLUSH (BLK_F_ALL & ~(1ull << VIRTIO_BLK_F_FLUSH))

static struct blk_fixture f;

static int setup(void **state)
{
	blk_fixture_open(&f, &(struct blk_config){ 0 }, DISK);
	return 0;
}

static int teardown(void **state)
{
	blk_fixture_close(&f);
	return 0;
}

static struct blk_io post(uint32_t type, uint64_t sector)
{
	struct blk_io io = blk_io_new(&f, type == VIRTIO_BLK_T_FLUSH ? 0 : 512);

	blk_io_add(&f, &io, type, sector);
	driver_kick(&f.d, 0);
	blk_settle(&f);
	return io;
}

static uint8_t status(const struct blk_io *io)
{
	return blk_io_status(&f, io);
}

/* FLUSH was offered and not taken: each write is synced before it is answered. */
static void test_write_through(void **state)
{
	struct blk_io a;

	blk_fixture_start(&f, WITHOUT_FLUSH, 256);
	f.fault.hold[FAULT_SYNC] = true;
	a = post(VIRTIO_BLK_T_OUT, 0);
	assert_int_equal(f.fault.calls_of[FAULT_WRITE], 1);
	assert_int_equal(f.fault.calls_of[FAULT_SYNC], 1);
	assert_int_equal(status(&a), STATUS_UNSET);
	assert_int_equal(f.blk->counters.writes_completed, 0);
	fault_finish_all(&f.fault);
	blk_settle(&f);
	assert_int_equal(status(&a), VIRTIO_BLK_S_OK);
	assert_int_equal(f.blk->counters.writes_completed, 1);
	assert_int_equal(f.blk->counters.flushes_completed, 0);
	post(VIRTIO_BLK_T_IN, 0);
	assert_int_equal(f.fault.calls_of[FAULT_SYNC], 1);
	/* The next driver takes it. */
	blk_fixture_start(&f, BLK_F_ALL, 256);
	a = post(VIRTIO_BLK_T_OUT, 0);
	assert_int_equal(status(&a), VIRTIO_BLK_S_OK);
	assert_int_equal(f.fault.calls_of[FAULT_SYNC], 1);
}

static struct fault short_or_interrupted(struct fault_backing *b, enum fault_kind kind, unsigned call, size_t want)
{
	if (call < 4)
		return (struct fault){ .error = call & 1 ? -EINTR : 0, .limited = true, .limit = 100 };
	return (struct fault){ .error = kind == FAULT_SYNC && call < 20 ? -EINTR : 0 };
}

/* After all of a write that came in parts, and asked again as any operation is. */
static void test_write_through_with_hindrances(void **state)
{
	struct blk_io a;

	blk_fixture_start(&f, WITHOUT_FLUSH, 256);
	f.fault.plan = short_or_interrupted;
	a = post(VIRTIO_BLK_T_OUT, 0);
	assert_int_equal(status(&a), VIRTIO_BLK_S_OK);
	assert_int_equal(f.fault.calls_of[FAULT_WRITE], 5);
	assert_int_equal(f.fault.calls_of[FAULT_SYNC], 16);
}

static int sync_error;

static struct fault syncs_fail(struct fault_backing *b, enum fault_kind kind, unsigned call, size_t want)
{
	return (struct fault){ .error = kind == FAULT_SYNC ? sync_error : 0 };
}

/* A write whose sync fails is an error, and so are those after it: what fdatasync() says now is not about them alone.
 */
static void test_write_through_fails(void **state)
{
	struct blk_io a, b;

	blk_fixture_start(&f, WITHOUT_FLUSH, 256);
	sync_error = -EIO;
	f.fault.plan = syncs_fail;
	a = post(VIRTIO_BLK_T_OUT, 0);
	assert_int_equal(status(&a), VIRTIO_BLK_S_IOERR);
	f.fault.plan = NULL;
	b = post(VIRTIO_BLK_T_OUT, 0);
	assert_int_equal(status(&b), VIRTIO_BLK_S_IOERR);
	b = post(VIRTIO_BLK_T_IN, 0);
	assert_int_equal(status(&b), VIRTIO_BLK_S_OK);
	assert_int_equal(f.blk->counters.writes_completed, 0);
	assert_int_equal(f.blk->counters.io_errors, 2);
}

/* The disk says it once, and is well from then on, but what it lost is lost. */
static void test_failed_flush_is_never_forgotten(void **state)
{
	struct blk_io a;

	blk_fixture_start(&f, BLK_F_ALL, 256);
	sync_error = -ENOSPC;
	f.fault.plan = syncs_fail;
	a = post(VIRTIO_BLK_T_FLUSH, 0);
	assert_int_equal(status(&a), VIRTIO_BLK_S_IOERR);
	f.fault.plan = NULL;
	for (unsigned i = 0; i < 3; i++) {
		a = post(VIRTIO_BLK_T_FLUSH, 0);
		assert_int_equal(status(&a), VIRTIO_BLK_S_IOERR);
	}
	blk_fixture_start(&f, BLK_F_ALL, 256);
	a = post(VIRTIO_BLK_T_FLUSH, 0);
	assert_int_equal(status(&a), VIRTIO_BLK_S_IOERR);
	a = post(VIRTIO_BLK_T_OUT, 0);
	assert_int_equal(status(&a), VIRTIO_BLK_S_OK);
	assert_int_equal(f.fault.calls_of[FAULT_SYNC], 1);
	assert_int_equal(f.blk->counters.sync_error, ENOSPC);
	assert_int_equal(f.blk->counters.io_errors, 5);
	assert_int_equal(f.blk->dev.host_errors.count, 1);
}

/* Of two at once the kernel gives the error to one. */
static void test_flush_beside_a_failed_one(void **state)
{
	struct blk_io a, b;

	blk_fixture_start(&f, BLK_F_ALL, 256);
	f.fault.hold[FAULT_SYNC] = true;
	a = post(VIRTIO_BLK_T_FLUSH, 0);
	b = post(VIRTIO_BLK_T_FLUSH, 0);
	fault_finish(&f.fault, 1, -EIO);
	fault_finish(&f.fault, 0, 0);
	blk_settle(&f);
	assert_int_equal(status(&a), VIRTIO_BLK_S_IOERR);
	assert_int_equal(status(&b), VIRTIO_BLK_S_IOERR);
}

/* What was not even tried has lost nothing. */
static void test_interrupted_flush_is_no_loss(void **state)
{
	struct blk_io a;

	blk_fixture_start(&f, BLK_F_ALL, 256);
	sync_error = -EINTR;
	f.fault.plan = syncs_fail;
	a = post(VIRTIO_BLK_T_FLUSH, 0);
	assert_int_equal(status(&a), VIRTIO_BLK_S_IOERR);
	f.fault.plan = NULL;
	a = post(VIRTIO_BLK_T_FLUSH, 0);
	assert_int_equal(status(&a), VIRTIO_BLK_S_OK);
	assert_int_equal(f.blk->counters.sync_error, 0);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_write_through),
		T(test_write_through_with_hindrances),
		T(test_write_through_fails),
		T(test_failed_flush_is_never_forgotten),
		T(test_flush_beside_a_failed_one),
		T(test_interrupted_flush_is_no_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
