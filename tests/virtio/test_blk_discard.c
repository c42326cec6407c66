/* SPDX-License-Identifier: GPL-2.0-only */
/* DISCARD and WRITE_ZEROES (virtio 1.2, 5.2.6), which are offered only where they are asked for: what a driver may say,
 * and what becomes of a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/virtio/blk_fixture.h"
#include "virtio/blk/file.h"

#define DISK (1u << 20)
#define SECTORS (DISK / 512)
#define F_ERASE (1ull << VIRTIO_BLK_F_DISCARD | 1ull << VIRTIO_BLK_F_WRITE_ZEROES)
#define UNMAP VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP

static struct blk_fixture f;

static int setup(void **state)
{
	blk_fixture_open(&f, &(struct blk_config){ .discard = true }, DISK);
	memset(f.fault.data, 0xab, DISK);
	blk_fixture_start(&f, BLK_F_ALL | F_ERASE, 256);
	return 0;
}

static int teardown(void **state)
{
	blk_fixture_close(&f);
	return 0;
}

static uint64_t segment(uint64_t sector, uint32_t n, uint32_t flags)
{
	uint64_t gpa = driver_alloc(&f.d, 32, 8);

	*(struct virtio_blk_discard_write_zeroes *)driver_ptr(&f.d, gpa, 16) =
		(struct virtio_blk_discard_write_zeroes){ .sector = sector, .num_sectors = n, .flags = flags };
	return gpa;
}

static uint8_t erase(uint32_t type, uint64_t sector, uint32_t n, uint32_t flags)
{
	const struct driver_seg seg = { segment(sector, n, flags), 16, false };
	uint64_t status = driver_alloc(&f.d, 1, 1);
	int head = blk_chain(&f, type, 0, &seg, 1, status);

	assert_true(driver_wait(&f.d, f.r, 0, 1));
	assert_int_equal(blk_take_used(&f, head), 1);
	return blk_status_at(&f, status);
}

static void assert_erased(const uint8_t *data, uint64_t sector, uint32_t n)
{
	for (uint64_t i = 0; i < DISK; i++)
		assert_int_equal(data[i], i / 512 >= sector && i / 512 < sector + n ? 0 : 0xab);
}

/* BLK-04: both stay away unless a user asks for them, and so do their words in the configuration space. */
static void test_offered_only_when_asked_for(void **state)
{
	const uint32_t fields[] = { 0x24, 0x28, 0x2c, 0x30, 0x34 },
		       values[] = { BLK_ERASE_SECTORS_MAX, 1, 8, BLK_ERASE_SECTORS_MAX, 1 };

	assert_true((driver_device_features(&f.d) & F_ERASE) == F_ERASE);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_CONFIG + fields[i]), values[i]);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_CONFIG + 0x38), 1); /* may unmap */
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_CONFIG + 0x3c), 0);
	/* A driver that did not take them does not have them. */
	blk_fixture_start(&f, BLK_F_ALL, 256);
	assert_int_equal(erase(VIRTIO_BLK_T_DISCARD, 0, 8, 0), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(erase(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0), VIRTIO_BLK_S_UNSUPP);
	blk_fixture_close(&f);
	blk_fixture_open(&f, &(struct blk_config){ 0 }, DISK);
	assert_true((driver_device_features(&f.d) & F_ERASE) == 0);
	for (uint32_t i = 0x18; i < 0x40; i += 4)
		assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_CONFIG + i), 0);
}

static void test_erases_its_range(void **state)
{
	assert_int_equal(erase(VIRTIO_BLK_T_DISCARD, 3, 5, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(f.fault.erased, BACKING_DISCARD);
	assert_erased(f.fault.data, 3, 5);
	memset(f.fault.data, 0xab, DISK);
	assert_int_equal(erase(VIRTIO_BLK_T_WRITE_ZEROES, SECTORS - 1, 1, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(f.fault.erased, BACKING_ZERO_KEEP);
	assert_erased(f.fault.data, SECTORS - 1, 1);
	memset(f.fault.data, 0xab, DISK);
	assert_int_equal(erase(VIRTIO_BLK_T_WRITE_ZEROES, 0, SECTORS, UNMAP), VIRTIO_BLK_S_OK);
	assert_int_equal(f.fault.erased, BACKING_ZERO);
	assert_erased(f.fault.data, 0, SECTORS);
	assert_int_equal(erase(VIRTIO_BLK_T_DISCARD, SECTORS, 0, 0), VIRTIO_BLK_S_OK); /* nothing */
	assert_int_equal(f.fault.calls_of[FAULT_ERASE], 3);
	assert_int_equal(f.blk->counters.discards_completed, 2);
	assert_int_equal(f.blk->counters.zeroes_completed, 2);
	assert_int_equal(f.blk->counters.bytes_discarded, 5 * 512);
	assert_int_equal(f.blk->counters.bytes_zeroed, DISK + 512);
}

/* What a driver must not say is refused before it costs tokens, and changes nothing. */
static void test_hostile_segments(void **state)
{
	const struct {
		uint64_t sector;
		uint32_t n, flags;
		uint8_t discard, zeroes;
	} bad[] = {
		{ 0, 8, UNMAP, VIRTIO_BLK_S_UNSUPP, VIRTIO_BLK_S_OK },
		{ 0, 8, 2, VIRTIO_BLK_S_UNSUPP, VIRTIO_BLK_S_UNSUPP },
		{ 0, 8, 1u << 31, VIRTIO_BLK_S_UNSUPP, VIRTIO_BLK_S_UNSUPP },
		{ SECTORS - 7, 8, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR },
		{ SECTORS, 1, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR },
		{ SECTORS + 1, 0, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR },
		{ UINT64_MAX, 8, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR },
		{ UINT64_MAX / 512 + 1, 8, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR },
		{ 1ull << 55, 8, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR },
		{ 0, UINT32_MAX, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR },
		{ 0, BLK_ERASE_SECTORS_MAX + 1, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR },
		{ 0, 1u << 23, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR }, /* 2^32 bytes */
	};
	const uint32_t lens[] = { 0, 1, 15, 17, 32, 48, 4096 };
	uint64_t two = segment(0, 8, 0);

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(erase(VIRTIO_BLK_T_DISCARD, bad[i].sector, bad[i].n, bad[i].flags), bad[i].discard);
		assert_int_equal(erase(VIRTIO_BLK_T_WRITE_ZEROES, bad[i].sector, bad[i].n, bad[i].flags),
				 bad[i].zeroes);
	}
	assert_int_equal(f.fault.calls, 1); /* the one that is right for one of the two */
	for (unsigned i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		const struct driver_seg seg = { two, lens[i], false }, in = { two, 16, true };

		assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_DISCARD, 0, &seg, 1), VIRTIO_BLK_S_IOERR);
		assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_WRITE_ZEROES, 0, &in, 1), VIRTIO_BLK_S_IOERR);
	}
	assert_int_equal(blk_refused(&f, VIRTIO_BLK_T_DISCARD, 0, NULL, 0), VIRTIO_BLK_S_IOERR);
}

/* However the driver cuts it: a segment over two descriptors, or beside the header. */
static void test_framing(void **state)
{
	uint64_t gpa = segment(4, 4, 0), status = driver_alloc(&f.d, 1, 1), whole = driver_alloc(&f.d, 32, 8);
	const struct driver_seg halves[] = { { gpa, 7, false }, { gpa + 7, 9, false } };
	const struct driver_seg one[] = { { whole, 32, false }, { status, 1, true } };
	int head = blk_chain(&f, VIRTIO_BLK_T_DISCARD, 0, halves, 2, status);

	assert_int_equal(blk_take_used(&f, head), 1);
	assert_int_equal(blk_status_at(&f, status), VIRTIO_BLK_S_OK);
	assert_erased(f.fault.data, 4, 4);
	*(struct virtio_blk_outhdr *)driver_ptr(&f.d, whole, 16) =
		(struct virtio_blk_outhdr){ .type = VIRTIO_BLK_T_DISCARD };
	memcpy(driver_ptr(&f.d, whole + 16, 16), driver_ptr(&f.d, segment(2, 2, 0), 16), 16);
	head = driver_add(&f.d, 0, one, 2);
	driver_kick(&f.d, 0);
	blk_settle(&f);
	assert_int_equal(blk_take_used(&f, head), 1);
	assert_int_equal(blk_status_at(&f, status), VIRTIO_BLK_S_OK);
	assert_erased(f.fault.data, 2, 6);
}

static int error;

static struct fault erasing_fails(struct fault_backing *b, enum fault_kind kind, unsigned call, size_t want)
{
	return (struct fault){ .error = kind == FAULT_ERASE && (error != -EINTR || call < 5) ? error : 0 };
}

static void test_errors(void **state)
{
	f.fault.plan = erasing_fails;
	error = -EIO;
	assert_int_equal(erase(VIRTIO_BLK_T_DISCARD, 0, 8, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(f.blk->counters.io_errors, 1);
	/* Linux then writes zeroes itself, and discards no more. */
	error = -EOPNOTSUPP;
	assert_int_equal(erase(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(f.blk->counters.io_errors, 1);
	error = -EINTR;
	assert_int_equal(erase(VIRTIO_BLK_T_DISCARD, 0, 8, 0), VIRTIO_BLK_S_OK);
	assert_erased(f.fault.data, 0, 8);
	assert_int_equal(f.blk->counters.in_flight, 0);
}

/* In the ring's order with transfers that overlap, before the flushes that come after, durable where nobody flushes. */
static void test_order_and_durability(void **state)
{
	const struct driver_seg seg = { segment(0, 8, 0), 16, false };
	uint64_t status = driver_alloc(&f.d, 1, 1);
	struct blk_io write = blk_io_new(&f, 512), read = blk_io_new(&f, 512), flush = blk_io_new(&f, 0);

	f.fault.hold[FAULT_ERASE] = f.fault.hold[FAULT_WRITE] = true;
	memset(blk_io_data(&f, &write), 0x11, 512);
	blk_io_add(&f, &write, VIRTIO_BLK_T_OUT, 3);
	blk_chain(&f, VIRTIO_BLK_T_DISCARD, 0, &seg, 1, status);
	blk_io_add(&f, &read, VIRTIO_BLK_T_IN, 3);
	blk_io_add(&f, &flush, VIRTIO_BLK_T_FLUSH, 0);
	driver_kick(&f.d, 0);
	blk_settle(&f);
	assert_int_equal(f.fault.calls, 1);
	fault_finish(&f.fault, 0, 0);
	blk_settle(&f);
	assert_int_equal(f.fault.calls_of[FAULT_ERASE], 1);
	assert_int_equal(f.fault.calls_of[FAULT_READ] + f.fault.calls_of[FAULT_SYNC], 0);
	fault_finish(&f.fault, 0, 0);
	blk_settle(&f);
	assert_int_equal(blk_io_status(&f, &read), VIRTIO_BLK_S_OK);
	assert_int_equal(blk_io_status(&f, &flush), VIRTIO_BLK_S_OK);
	assert_int_equal(blk_io_data(&f, &read)[0], 0);
	assert_int_equal(f.fault.calls_of[FAULT_SYNC], 1);
	f.fault.hold[FAULT_ERASE] = false;
	blk_fixture_start(&f, (BLK_F_ALL | F_ERASE) & ~(1ull << VIRTIO_BLK_F_FLUSH), 256);
	assert_int_equal(erase(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(f.fault.calls_of[FAULT_SYNC], 2);
}

/* --- on files --------------------------------------------------------------- */

static uint64_t allocated(void)
{
	struct stat st;

	assert_int_equal(fsync(((struct file_backing *)f.blk->backing)->fd), 0);
	assert_int_equal(fstat(((struct file_backing *)f.blk->backing)->fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static void on_a_file(struct blk_config cfg)
{
	static uint8_t back[DISK], full[DISK];
	char path[] = "ktstr-discard-XXXXXX";
	int fd = mkstemp(path);
	uint64_t before;

	assert_true(fd >= 0);
	memset(full, 0xab, DISK);
	assert_int_equal(pwrite(fd, full, DISK, 0), DISK);
	cfg.discard = true;
	if (!cfg.size)
		cfg.path = path;
	blk_fixture_open_file(&f, &cfg);
	if (cfg.size)
		assert_int_equal(pwrite(((struct file_backing *)f.blk->backing)->fd, full, DISK, 0), DISK);
	blk_fixture_start(&f, BLK_F_ALL | F_ERASE, 256);
	before = allocated();
	assert_true(before >= DISK);
	assert_int_equal(erase(VIRTIO_BLK_T_WRITE_ZEROES, 256, 256, 0), VIRTIO_BLK_S_OK);
	assert_true(allocated() >= DISK); /* zeroes, in blocks that are there */
	assert_int_equal(erase(VIRTIO_BLK_T_DISCARD, 512, 256, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(erase(VIRTIO_BLK_T_WRITE_ZEROES, 768, 256, UNMAP), VIRTIO_BLK_S_OK);
	assert_true(allocated() <=
		    before - 2 * 256 * 512 + 16384); /* the file's own map of its blocks may have grown */
	assert_int_equal(pread(((struct file_backing *)f.blk->backing)->fd, back, DISK, 0), DISK);
	assert_erased(back, 256, 768);
	blk_fixture_close(&f);
	close(fd);
	unlink(path);
}

static void test_files(void **state)
{
	on_a_file((struct blk_config){ .size = DISK });
	on_a_file((struct blk_config){ .engine = BLK_ENGINE_AUTO });
	on_a_file((struct blk_config){ .engine = BLK_ENGINE_SYNC });
	on_a_file((struct blk_config){ .engine = BLK_ENGINE_URING });
}

/* Where there is nothing to give back it is said at once. */
static void test_refused_at_opening(void **state)
{
	char path[] = "/tmp/ktstr-discard-XXXXXX", why[256] = "";
	struct reactor *r;
	struct blk *b;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, DISK), 0);
	assert_int_equal(reactor_create(&r, 64, BLK_REACTOR_SLOTS), 0);
	assert_int_equal(blk_create(&b, r, &(struct blk_config){ .path = path, .read_only = true, .discard = true },
				    why, sizeof(why)),
			 -EINVAL);
	assert_non_null(strstr(why, "discard=on"));
	assert_int_equal(reactor_destroy(r, 1000000000), 0);
	close(fd);
	unlink(path);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_offered_only_when_asked_for),
		T(test_erases_its_range),
		T(test_hostile_segments),
		T(test_framing),
		T(test_errors),
		T(test_order_and_durability),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_refused_at_opening),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
