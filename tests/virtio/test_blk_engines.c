/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How operations go to a file: at once where the page cache has them, on the
 * ring where not, and by a bounce buffer where O_DIRECT does not take them as
 * they are. A host's block of 4096 bytes is made believe where it has 512.
 * BAK-05 BAK-14 BLK-25
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/virtio/blk_fixture.h"
#include "virtio/blk/file.h"

#define SECTORS 256u /* of the test's files */
#define BLOCK 4096u

static struct blk_fixture f;
static char path[] = "ktstr-test-XXXXXX";
static uint8_t model[SECTORS * 512 + BLOCK];

static int make_name(void **state)
{
	int fd = mkstemp(path);

	return fd < 0 || close(fd);
}

static int remove_name(void **state)
{
	return unlink(path);
}

static void make_file(off_t size)
{
	int fd = open(path, O_RDWR | O_TRUNC | O_CLOEXEC);

	assert_true(fd >= 0);
	for (off_t i = 0; i < size; i++)
		model[i] = (uint8_t)(i / 512 * 7 + i);
	assert_int_equal(pwrite(fd, model, (size_t)size, 0), size);
	assert_int_equal(fsync(fd), 0);
	close(fd);
}

static void expect_file(off_t size)
{
	static uint8_t is[sizeof(model)];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, size);
	assert_int_equal(pread(fd, is, (size_t)size, 0), size);
	assert_memory_equal(is, model, (size_t)size);
	close(fd);
}

static void start(const struct blk_config *cfg)
{
	blk_fixture_open_file(&f, cfg);
	blk_fixture_start(&f, BLK_F_ALL, 256);
}

static const struct blk_engine_counters *counters(void)
{
	return blk_engine_counters(f.blk);
}

/* --- the page cache ---------------------------------------------------------- */

/* Pages of the file that are in memory. */
static unsigned cached(void)
{
	unsigned char in[SECTORS * 512 / BLOCK] = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *p = mmap(NULL, SECTORS * 512, PROT_READ, MAP_SHARED, fd, 0);
	unsigned n = 0;

	assert_true(fd >= 0 && p != MAP_FAILED);
	assert_int_equal(mincore(p, SECTORS * 512, in), 0);
	for (unsigned i = 0; i < sizeof(in); i++)
		n += in[i] & 1;
	munmap(p, SECTORS * 512);
	close(fd);
	return n;
}

static void drop_cache(void)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	close(fd);
}

static void read_all(void)
{
	struct blk_io io = blk_io_new(&f, BLOCK);

	for (unsigned s = 0; s < SECTORS; s += BLOCK / 512) {
		assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_IN, s, NULL), VIRTIO_BLK_S_OK);
		assert_memory_equal(blk_io_data(&f, &io), model + s * 512, BLOCK);
	}
}

static void test_cached_reads_are_done_at_once(void **state)
{
	make_file(SECTORS * 512);
	start(&(struct blk_config){ .path = path });
	assert_string_equal(blk_engine_used(f.blk), "inline+uring");
	assert_non_null(strstr(blk_engine_reason(f.blk), "page cache"));
	read_all();
	if (!((struct file_backing *)f.blk->backing)->nowait_read) {
		print_message("this file system can't read without waiting\n");
		assert_int_equal(counters()->on_ring, SECTORS * 512 / BLOCK);
	} else {
		assert_int_equal(counters()->at_once, SECTORS * 512 / BLOCK);
		assert_int_equal(counters()->on_ring, 0);
	}
	blk_fixture_close(&f);
}

static void test_others_go_to_the_ring(void **state)
{
	make_file(SECTORS * 512);
	start(&(struct blk_config){ .path = path });
	drop_cache();
	if (cached()) {
		print_message("the pages stayed in memory\n");
		blk_fixture_close(&f);
		skip();
	}
	read_all();
	assert_true(counters()->on_ring > 0);
	blk_fixture_close(&f);
}

/* Whether the file system can write without waiting or not, it is written once and right. */
static void test_writes(void **state)
{
	struct blk_io io;

	make_file(SECTORS * 512);
	start(&(struct blk_config){ .path = path });
	io = blk_io_new(&f, 1536);
	for (unsigned s = 0; s + 3 <= SECTORS; s += 5) {
		memset(blk_io_data(&f, &io), (int)s, 1536);
		memset(model + s * 512, (int)s, 1536);
		assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_OUT, s, NULL), VIRTIO_BLK_S_OK);
	}
	assert_int_equal(counters()->at_once + counters()->on_ring, (SECTORS - 3) / 5 + 1);
	if (!((struct file_backing *)f.blk->backing)->nowait_write)
		assert_int_equal(counters()->at_once, 0); /* and it was not tried again and again */
	io = blk_io_new(&f, 0);
	assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_FLUSH, 0, NULL), VIRTIO_BLK_S_OK);
	expect_file(SECTORS * 512);
	blk_fixture_close(&f);
}

/* --- bounce buffers ----------------------------------------------------------- */

static bool direct_possible(void)
{
	int fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* O_DIRECT on a host with blocks of 4096 bytes. False: there is none here. */
static bool start_direct(off_t size, enum blk_engine engine)
{
	struct file_backing *fb;

	make_file(size);
	if (!direct_possible()) {
		print_message("no O_DIRECT here\n");
		return false;
	}
	start(&(struct blk_config){ .path = path, .direct = true, .engine = engine });
	fb = (struct file_backing *)f.blk->backing;

	assert_true(fb->b.granule == fb->offset_align);
	fb->offset_align = fb->b.granule = BLOCK;
	return true;
}

struct shot {
	struct blk_io io;
	unsigned sector, sectors;
	bool write;
};

/* A shot's data: for a write new, and in the model from now on; for a read none. */
static void shoot(struct shot *s, unsigned number)
{
	uint8_t *data = blk_io_data(&f, &s->io);

	s->io.len = s->sectors * 512;
	memset(data, (int)(number * 13 + 1), s->io.len);
	if (s->write)
		memcpy(model + s->sector * 512, data, s->io.len);
	blk_io_add(&f, &s->io, s->write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, s->sector);
}

static void drain(struct shot *shot, unsigned n)
{
	uint16_t head;
	uint32_t len;

	driver_kick(&f.d, 0);
	assert_true(driver_wait(&f.d, f.r, 0, n));
	for (unsigned i = 0; i < n; i++)
		assert_true(driver_used(&f.d, 0, &head, &len));
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(blk_io_status(&f, &shot[i].io), VIRTIO_BLK_S_OK);
}

/*
 * Writes of sectors that lie side by side in one block, all in flight at once:
 * each reads the block and writes it back, and none may take another's away.
 */
static void neighbours(enum blk_engine engine)
{
	struct shot shot[48];
	unsigned seed = 1;

	if (!start_direct(SECTORS * 512, engine))
		return;
	for (unsigned i = 0; i < 48; i++)
		shot[i].io = blk_io_new(&f, 16 * 512);
	for (unsigned round = 0; round < 40; round++) {
		unsigned at = (unsigned)rand_r(&seed) % 32;

		for (unsigned i = 0; i < 48; i++) {
			shot[i].sector = at;
			shot[i].sectors = 1 + (unsigned)rand_r(&seed) % (round % 4 ? 2 : 12);
			shot[i].write = true;
			at += shot[i].sectors;
			if (at > SECTORS) {
				at = SECTORS - 16;
				shot[i].sector = at;
				shot[i].sectors = 1;
			}
			shoot(&shot[i], round * 48 + i);
		}
		drain(shot, 48);
	}
	assert_true(counters()->bounced > 0);
	expect_file(SECTORS * 512);
	/* And back, at every offset and length within two blocks and more. */
	for (unsigned sector = 0; sector < 10; sector++) {
		for (unsigned sectors = 1; sectors < 16; sectors++) {
			shot[0].sector = sector;
			shot[0].sectors = sectors;
			shot[0].write = false;
			shoot(&shot[0], 0);
			drain(shot, 1);
			assert_memory_equal(blk_io_data(&f, &shot[0].io), model + sector * 512, sectors * 512);
		}
	}
	blk_fixture_close(&f);
}

static void test_neighbours_in_a_block(void **state)
{
	neighbours(BLK_ENGINE_AUTO);
	neighbours(BLK_ENGINE_SYNC);
}

/* More than there are buffers: the rest waits, and comes through. */
static void test_pool_runs_dry(void **state)
{
	struct shot shot[80];

	if (!start_direct(SECTORS * 512, BLK_ENGINE_AUTO))
		skip();
	for (unsigned i = 0; i < 80; i++) {
		shot[i] = (struct shot){ .io = blk_io_new(&f, 512), .sector = i * 3, .sectors = 1 };
		shoot(&shot[i], i);
	}
	drain(shot, 80);
	for (unsigned i = 0; i < 80; i++)
		assert_memory_equal(blk_io_data(&f, &shot[i].io), model + shot[i].sector * 512, 512);
	assert_true(counters()->bounce_waits >= 80 - BOUNCE_BUFFERS);
	assert_int_equal(((struct file_backing *)f.blk->backing)->n_bounce_free, BOUNCE_BUFFERS);
	blk_fixture_close(&f);
}

/* A reset takes back those that wait for a buffer with the rest. */
static void test_reset_while_some_wait(void **state)
{
	struct shot shot[80];

	if (!start_direct(SECTORS * 512, BLK_ENGINE_AUTO))
		skip();
	for (unsigned i = 0; i < 80; i++)
		shot[i] = (struct shot){ .io = blk_io_new(&f, 512), .sector = i * 3, .sectors = 1 };
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < 80; i++)
			shoot(&shot[i], i);
		driver_kick(&f.d, 0);
		if (round % 2)
			assert_true(reactor_step(f.r, false) >= 0);
		if (!driver_reset(&f.d)) {
			while (driver_read(&f.d, VIRTIO_MMIO_STATUS))
				assert_true(reactor_step(f.r, true) >= 0);
		}
		assert_int_equal(((struct file_backing *)f.blk->backing)->n_bounce_free, BOUNCE_BUFFERS);
		assert_null(((struct file_backing *)f.blk->backing)->waiting);
		blk_fixture_start(&f, BLK_F_ALL, 256);
	}
	blk_fixture_close(&f);
}

/* The last block is there in part: the file keeps its length. */
static void test_end_of_the_file(void **state)
{
	const unsigned sectors = 8 * 3 + 2;
	struct shot s;

	if (!start_direct(sectors * 512, BLK_ENGINE_AUTO))
		skip();
	s.io = blk_io_new(&f, 16 * 512);
	for (unsigned round = 0; round < 30; round++) {
		s.sectors = 1 + round % 5;
		s.sector = sectors - s.sectors;
		s.write = round % 2;
		shoot(&s, round);
		drain(&s, 1);
		if (!s.write)
			assert_memory_equal(blk_io_data(&f, &s.io), model + s.sector * 512, s.sectors * 512);
	}
	expect_file(sectors * 512);
	blk_fixture_close(&f);
}

/* --- where there is no ring ----------------------------------------------------- */

static void test_without_io_uring(void **state)
{
	struct blk_config cfg = { .path = path, .engine = BLK_ENGINE_URING };
	char why[256];

	make_file(SECTORS * 512);
	memset(&f, 0, sizeof(f));
	assert_int_equal(reactor_create_epoll(&f.r, BLK_REACTOR_SLOTS), 0);
	assert_int_equal(blk_create(&f.blk, f.r, &cfg, why, sizeof(why)), -ENOSYS);
	assert_non_null(strstr(why, "io_uring"));
	cfg.engine = BLK_ENGINE_AUTO;
	assert_int_equal(blk_create(&f.blk, f.r, &cfg, why, sizeof(why)), 0);
	assert_string_equal(blk_engine_used(f.blk), "sync");
	assert_non_null(strstr(blk_engine_reason(f.blk), "io_uring"));
	driver_open(&f.d, blk_device(f.blk), 4 << 20);
	blk_fixture_start(&f, BLK_F_ALL, 256);
	read_all();
	blk_fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cached_reads_are_done_at_once),
		cmocka_unit_test(test_others_go_to_the_ring),
		cmocka_unit_test(test_writes),
		cmocka_unit_test(test_neighbours_in_a_block),
		cmocka_unit_test(test_pool_runs_dry),
		cmocka_unit_test(test_reset_while_some_wait),
		cmocka_unit_test(test_end_of_the_file),
		cmocka_unit_test(test_without_io_uring),
	};

	return cmocka_run_group_tests(tests, make_name, remove_name);
}
