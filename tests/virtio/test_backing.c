/* SPDX-License-Identifier: GPL-2.0-only */
/* The backing seam: range helpers, files under every engine, O_DIRECT, refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/virtio/blk_fixture.h"
#include "virtio/blk/file.h"

static struct blk_fixture f;
static char dir[] = "ktstr-test-XXXXXX";
static char path[64];

static int make_dir(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/disk", dir);
	return 0;
}

static int remove_dir(void **state)
{
	unlink(path);
	return rmdir(dir);
}

/* A file of @size bytes at @path; sector i is filled with i + 1. */
static void make_file(off_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	uint8_t sector[512];

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	for (off_t at = 0; at < size && at < 1 << 20; at += 512) {
		size_t n = (size_t)(size - at < 512 ? size - at : 512);

		memset(sector, (uint8_t)(at / 512 + 1), sizeof(sector));
		assert_int_equal(pwrite(fd, sector, n, at), n);
	}
	close(fd);
}

static void peek(off_t at, void *buf, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, buf, len, at), len);
	close(fd);
}

static void start(const struct blk_config *cfg)
{
	blk_fixture_open_file(&f, cfg);
	blk_fixture_start(&f, BLK_F_ALL, 256);
}

/* --- ranges --------------------------------------------------------------- */

/* BAK-10 BAK-11 BAK-12: every way to cut three ranges. */
static void test_iov_advance(void **state)
{
	uint8_t buf[3 * 16];

	for (size_t done = 0; done < sizeof(buf); done++) {
		struct iovec v[3] = { { buf, 16 }, { buf + 16, 16 }, { buf + 32, 16 } }, *at = v;
		unsigned n = 3;

		iov_advance(&at, &n, done);
		assert_int_equal(n, 3 - done / 16);
		assert_ptr_equal(at, v + done / 16);
		assert_ptr_equal(at->iov_base, buf + done);
		assert_int_equal(at->iov_len, 16 - done % 16); /* never empty */
		assert_int_equal(iov_bytes(at, n), sizeof(buf) - done);
	}
}

static void test_iov_zero_and_copy(void **state)
{
	uint8_t buf[48], text[48];

	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i + 1);
	for (size_t at = 0; at <= 48; at++) {
		for (size_t len = 0; at + len <= 48; len += 5) {
			struct iovec v[4] = { { buf, 10 }, { buf + 10, 0 }, { buf + 10, 30 }, { buf + 40, 8 } };
			uint8_t out[48] = { 0 };

			memset(buf, 0xff, sizeof(buf));
			iov_copy_in(v, 4, at, text, len);
			assert_memory_equal(buf + at, text, len);
			for (size_t i = 0; i < sizeof(buf); i++)
				assert_true((i >= at && i < at + len) || buf[i] == 0xff);
			iov_copy_out(v, 4, at, out, len);
			assert_memory_equal(out, text, len);
			iov_zero_from(v, 4, at);
			for (size_t i = 0; i < sizeof(buf); i++)
				assert_true(i < at ? buf[i] == 0xff : buf[i] == 0);
		}
	}
}

/* --- engines -------------------------------------------------------------- */

static const struct {
	enum blk_engine engine;
	bool direct;
	const char *name;
} engines[] = {
	{ BLK_ENGINE_URING, false, "uring" }, { BLK_ENGINE_SYNC, false, "sync" }, { BLK_ENGINE_AUTO, false, NULL },
	{ BLK_ENGINE_URING, true, "uring" },  { BLK_ENGINE_SYNC, true, "sync" },
};
#define N_ENGINES (sizeof(engines) / sizeof(engines[0]))

static bool direct_possible(void)
{
	int fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* BAK-01 BAK-03: read, write, flush, and what is in the file afterwards. */
static void test_every_engine(void **state)
{
	for (unsigned e = 0; e < N_ENGINES; e++) {
		struct blk_config cfg = { .path = path, .engine = engines[e].engine, .direct = engines[e].direct };
		struct blk_io a, b, flush;
		uint8_t back[8192];

		make_file(1 << 20);
		if (engines[e].direct && !direct_possible()) {
			print_message("no O_DIRECT here: engine %u not tried\n", e);
			continue;
		}
		start(&cfg);
		if (engines[e].name)
			assert_string_equal(blk_engine_used(f.blk), engines[e].name);
		assert_int_equal(blk_capacity(f.blk), 1 << 20);
		a = blk_io_new(&f, 8192);
		b = blk_io_new(&f, 8192);
		flush = blk_io_new(&f, 0);
		assert_int_equal(blk_do(&f, &a, VIRTIO_BLK_T_IN, 4, NULL), VIRTIO_BLK_S_OK);
		for (unsigned i = 0; i < 8192; i++)
			assert_int_equal(blk_io_data(&f, &a)[i], 5 + i / 512);
		memset(blk_io_data(&f, &b), 0xbb, 8192);
		assert_int_equal(blk_do(&f, &b, VIRTIO_BLK_T_OUT, 8, NULL), VIRTIO_BLK_S_OK);
		assert_int_equal(blk_do(&f, &flush, VIRTIO_BLK_T_FLUSH, 0, NULL), VIRTIO_BLK_S_OK);
		peek(4096, back, 8192);
		assert_memory_equal(back, blk_io_data(&f, &b), 8192);
		blk_fixture_close(&f);
	}
}

/* Memory at odd addresses, and ranges of single sectors, with and without
 * O_DIRECT: the bounce buffers and the way through the page cache. */
static void test_unaligned_memory(void **state)
{
	for (unsigned e = 0; e < N_ENGINES; e++) {
		struct blk_config cfg = { .path = path, .engine = engines[e].engine, .direct = engines[e].direct };
		uint64_t ram, status;
		uint8_t expect[512];

		make_file(1 << 20);
		if (engines[e].direct && !direct_possible())
			continue;
		start(&cfg);
		ram = driver_alloc(&f.d, 1 << 20, 4096);
		status = driver_alloc(&f.d, 1, 1);
		/* 300 000 bytes and a bit in ranges of odd lengths at odd addresses:
		 * more than one bounce buffer holds */
		for (unsigned pass = 0; pass < 2; pass++) {
			uint32_t lens[] = { 1, 511, 777, 100000, 199735, 5568, 96 }, sum = 0;
			struct driver_seg segs[7];
			int head;

			for (unsigned i = 0; i < 7; i++) {
				segs[i] = (struct driver_seg){ ram + sum + 3 * i + 1, lens[i], pass == 1 };
				if (pass == 0)
					memset(driver_ptr(&f.d, segs[i].gpa, lens[i]), (int)(0x40 + i), lens[i]);
				else
					memset(driver_ptr(&f.d, segs[i].gpa, lens[i]), 0, lens[i]);
				sum += lens[i];
			}
			assert_int_equal(sum % 512, 0);
			head = blk_chain(&f, pass ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT, 16, segs, 7, status);
			assert_true(driver_wait(&f.d, f.r, 0, 1));
			assert_int_equal(blk_take_used(&f, head), pass ? sum + 1 : 1);
			assert_int_equal(*(uint8_t *)driver_ptr(&f.d, status, 1), VIRTIO_BLK_S_OK);
			for (unsigned i = 0; pass && i < 7; i++) {
				const uint8_t *p = driver_ptr(&f.d, segs[i].gpa, lens[i]);

				for (uint32_t k = 0; k < lens[i]; k++)
					assert_int_equal(p[k], 0x40 + i);
			}
		}
		/* and the neighbours are as they were */
		peek(15 * 512, expect, 512);
		assert_int_equal(expect[0], 16);
		assert_int_equal(expect[511], 16);
		blk_fixture_close(&f);
	}
}

/* BLK-27 BAK-05: a file shorter than the disk reads as zeroes behind its end;
 * a write there makes it longer. */
static void test_file_shorter_than_disk(void **state)
{
	for (unsigned e = 0; e < N_ENGINES; e++) {
		struct blk_config cfg = {
			.path = path, .size = 1 << 20, .engine = engines[e].engine, .direct = engines[e].direct
		};
		struct blk_io io;
		uint32_t used;

		make_file(700);
		if (engines[e].direct && !direct_possible())
			continue;
		start(&cfg);
		assert_int_equal(blk_capacity(f.blk), 1 << 20);
		io = blk_io_new(&f, 4096);
		memset(blk_io_data(&f, &io), 0xff, 4096);
		assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_IN, 0, &used), VIRTIO_BLK_S_OK);
		assert_int_equal(used, 4097);
		assert_int_equal(blk_io_data(&f, &io)[699], 2);
		for (unsigned i = 700; i < 4096; i++)
			assert_int_equal(blk_io_data(&f, &io)[i], 0);
		assert_int_equal(blk_counters(f.blk)->bytes_read, 700);
		memset(blk_io_data(&f, &io), 0xff, 4096);
		assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_IN, 1000, &used), VIRTIO_BLK_S_OK);
		assert_int_equal(used, 4097);
		assert_int_equal(blk_io_data(&f, &io)[0], 0);
		assert_int_equal(blk_counters(f.blk)->bytes_read, 700);
		memset(blk_io_data(&f, &io), 0x77, 4096);
		assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_OUT, 1000, NULL), VIRTIO_BLK_S_OK);
		memset(blk_io_data(&f, &io), 0, 4096);
		assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_IN, 1000, NULL), VIRTIO_BLK_S_OK);
		assert_int_equal(blk_io_data(&f, &io)[4095], 0x77);
		blk_fixture_close(&f);
	}
}

/* A file that shrinks under the device: the read stops where the data does, in
 * the middle of a range and of a bounce buffer, and the rest is zeroes. */
static void test_file_truncated_underneath(void **state)
{
	for (unsigned e = 0; e < N_ENGINES; e++) {
		struct blk_config cfg = { .path = path, .engine = engines[e].engine, .direct = engines[e].direct };
		uint64_t a, status;
		int head;

		make_file(1 << 20);
		if (engines[e].direct && !direct_possible())
			continue;
		start(&cfg);
		assert_int_equal(truncate(path, 700), 0);
		a = driver_alloc(&f.d, 8192, 4096);
		status = driver_alloc(&f.d, 1, 1);
		for (unsigned odd = 0; odd < 2; odd++) {
			const struct driver_seg segs[] = { { a + odd, 512, true }, { a + 512 + odd, 1536, true } };
			uint8_t *data = driver_ptr(&f.d, a + odd, 2048);

			memset(data, 0xff, 2048);
			head = blk_chain(&f, VIRTIO_BLK_T_IN, 0, segs, 2, status);
			assert_true(driver_wait(&f.d, f.r, 0, 1));
			assert_int_equal(blk_take_used(&f, head), 2049);
			for (unsigned i = 0; i < 2048; i++)
				assert_int_equal(data[i], i < 700 ? 1 + i / 512 : 0);
		}
		blk_fixture_close(&f);
	}
}

/* BAK-17: byte offsets beyond 4 GiB, and 2^32 sectors. */
static void test_large_offsets(void **state)
{
	const uint64_t sectors[] = { (5ull << 30) / 512, (1ull << 32) + 8 };

	for (unsigned e = 0; e < 3; e++) {
		struct blk_config cfg = { .path = path, .engine = engines[e].engine, .size = 4ull << 40 };
		struct blk_io io;
		uint8_t back[512];

		make_file(1 << 20);
		start(&cfg);
		io = blk_io_new(&f, 512);
		for (unsigned i = 0; i < 2; i++) {
			memset(blk_io_data(&f, &io), (int)(0xd0 + i), 512);
			assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_OUT, sectors[i], NULL), VIRTIO_BLK_S_OK);
			peek((off_t)(sectors[i] * 512), back, 512);
			assert_int_equal(back[511], 0xd0 + i);
		}
		peek(0, back, 512);
		assert_int_equal(back[0], 1);
		blk_fixture_close(&f);
	}
}

/* QD 64 over a real file: every engine, data compared. */
static void test_many_in_flight(void **state)
{
	for (unsigned e = 0; e < N_ENGINES; e++) {
		struct blk_config cfg = { .path = path, .engine = engines[e].engine, .direct = engines[e].direct };
		struct blk_io io[64];
		uint16_t head;
		uint32_t len;

		make_file(1 << 20);
		if (engines[e].direct && !direct_possible())
			continue;
		start(&cfg);
		for (unsigned round = 0; round < 20; round++) {
			for (unsigned i = 0; i < 64; i++) {
				if (!round)
					io[i] = blk_io_new(&f, 4096);
				if (!(round & 1))
					memset(blk_io_data(&f, &io[i]), (int)(round * 3 + i), 4096);
				blk_io_add(&f, &io[i], round & 1 ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT,
					   (i * 37 % 64) * 8);
			}
			driver_kick(&f.d, 0);
			assert_true(driver_wait(&f.d, f.r, 0, 64));
			for (unsigned i = 0; i < 64; i++) {
				assert_true(driver_used(&f.d, 0, &head, &len));
				assert_int_equal(blk_io_status(&f, &io[i]), VIRTIO_BLK_S_OK);
				for (unsigned k = 0; k < 4096; k += 511)
					assert_int_equal(blk_io_data(&f, &io[i])[k], (uint8_t)((round & ~1u) * 3 + i));
			}
		}
		assert_int_equal(blk_counters(f.blk)->io_errors, 0);
		/* The disk has the first before the last is prepared. */
		if (engines[e].engine == BLK_ENGINE_URING)
			assert_true(reactor_counters(f.r)->enters >= 20 * 64 / 2);
		blk_fixture_close(&f);
	}
}

/* A real reset with real reads in flight: nothing is written afterwards. */
static void test_reset_with_file_io_in_flight(void **state)
{
	struct blk_config cfg = { .path = path, .engine = BLK_ENGINE_URING };

	make_file(1 << 20);
	start(&cfg);
	for (unsigned round = 0; round < 200; round++) {
		struct blk_io io[16];

		f.d.heap = DRIVER_RAM_GPA + (1 << 20);
		for (unsigned i = 0; i < 16; i++) {
			io[i] = blk_io_new(&f, 32768);
			blk_io_add(&f, &io[i], VIRTIO_BLK_T_IN, i * 64);
		}
		driver_kick(&f.d, 0);
		if (round & 1)
			assert_true(reactor_step(f.r, false) >= 0);
		if (!driver_reset(&f.d)) {
			while (driver_read(&f.d, VIRTIO_MMIO_STATUS))
				assert_true(reactor_step(f.r, true) >= 0);
		}
		for (unsigned i = 0; i < 16; i++)
			memset(blk_io_data(&f, &io[i]), 0x99, 32768);
		blk_settle(&f);
		for (unsigned i = 0; i < 16; i++) {
			for (unsigned k = 0; k < 32768; k += 512)
				assert_int_equal(blk_io_data(&f, &io[i])[k], 0x99);
		}
		blk_fixture_start(&f, BLK_F_ALL, 256);
	}
	blk_fixture_close(&f);
}

/* --- which engine --------------------------------------------------------- */

/* BLK-66: anonymous, sparse, of the default size; in memory, so inline. */
static void test_default_backing(void **state)
{
	const struct file_backing *fb;
	struct stat st;

	start(&(struct blk_config){ 0 });
	assert_true(blk_capacity(f.blk) == VIRTIO_BLK_DEFAULT_CAPACITY_BYTES);
	fb = (const struct file_backing *)f.blk->backing;
	assert_int_equal(fstat(fb->fd, &st), 0);
	assert_true(st.st_blocks == 0);
	assert_string_equal(blk_engine_used(f.blk), "inline");
	assert_non_null(strstr(blk_engine_reason(f.blk), "memory"));
	blk_fixture_close(&f);
	start(&(struct blk_config){ .size = 12345 });
	assert_int_equal(blk_capacity(f.blk), 24 * 512);
	blk_fixture_close(&f);
	start(&(struct blk_config){ .engine = BLK_ENGINE_URING });
	assert_string_equal(blk_engine_used(f.blk), "uring");
	assert_string_equal(blk_engine_reason(f.blk), "asked for");
	blk_fixture_close(&f);
}

static void test_read_only_file(void **state)
{
	struct blk_config cfg = { .path = path, .read_only = true };
	struct blk_io io;

	make_file(4096);
	assert_int_equal(chmod(path, 0400), 0);
	start(&cfg);
	io = blk_io_new(&f, 512);
	assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_IN, 0, NULL), VIRTIO_BLK_S_OK);
	assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_OUT, 0, NULL), VIRTIO_BLK_S_IOERR);
	blk_fixture_close(&f);
	unlink(path);
}

/* A block device, its size by BLKGETSIZE64. */
static void test_block_device(void **state)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), file, loop, n;
	struct blk_config cfg = { 0 };
	char name[32];
	struct blk_io io;

	n = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
	snprintf(name, sizeof(name), "/dev/loop%d", n);
	loop = n < 0 ? -1 : open(name, O_RDWR | O_CLOEXEC);
	make_file(1 << 20);
	file = open(path, O_RDWR | O_CLOEXEC);
	if (loop < 0 || ioctl(loop, LOOP_SET_FD, file)) {
		print_message("no loop device to be had here\n");
		close(control);
		close(loop);
		close(file);
		skip();
		return;
	}
	cfg.path = name;
	start(&cfg);
	assert_int_equal(blk_capacity(f.blk), 1 << 20);
	assert_string_equal(blk_engine_used(f.blk), "inline+uring");
	io = blk_io_new(&f, 4096);
	assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_IN, 8, NULL), VIRTIO_BLK_S_OK);
	assert_int_equal(*blk_io_data(&f, &io), 9);
	blk_fixture_close(&f);
	ioctl(loop, LOOP_CLR_FD, 0);
	close(loop);
	close(file);
	close(control);
}

/* --- refusals: each names the file and says what to do ---------------------- */

static void refused(const struct blk_config *cfg, int err, const char *name, const char *text)
{
	struct reactor *r;
	struct blk *b = NULL;
	char why[256] = "";

	assert_int_equal(reactor_create(&r, 64, BLK_REACTOR_SLOTS), 0);
	assert_int_equal(blk_create(&b, r, cfg, why, sizeof(why)), err);
	if (!strstr(why, name) || !strstr(why, text))
		fail_msg("'%s' lacks '%s' or '%s'", why, name, text);
	assert_null(strchr(why, '\n'));
	assert_int_equal(reactor_destroy(r, 1000000000ull), 0);
}

static void test_refusals(void **state)
{
	struct blk_config missing = { .path = "no/such/disk" }, directory = { .path = dir },
			  device = { .path = "/dev/null" };
	struct blk_config small = { .path = path }, huge = { .size = UINT64_MAX }, no_cache = { .direct = true };

	refused(&missing, -ENOENT, "no/such/disk", "truncate");
	refused(&directory, -EISDIR, dir, "directory");
	directory.read_only = true;
	refused(&directory, -EISDIR, dir, "directory");
	refused(&device, -EINVAL, "/dev/null", "neither a file nor a block device");
	make_file(511);
	refused(&small, -EINVAL, path, "too small");
	refused(&huge, -EFBIG, "disk", "too many");
	refused(&no_cache, -EINVAL, "disk", "direct=on");
	small.size = UINT64_MAX;
	refused(&small, -EFBIG, path, "size=");
}

static void test_unreadable_file(void **state)
{
	struct blk_config cfg = { .path = path };

	make_file(4096);
	assert_int_equal(chmod(path, 0), 0);
	if (access(path, R_OK) == 0) {
		print_message("this user may read everything\n");
		skip();
		return;
	}
	refused(&cfg, -EACCES, path, "permission");
}

static void test_reactor_too_small(void **state)
{
	struct reactor *r;
	struct blk *b;
	char why[256];

	assert_int_equal(reactor_create(&r, 64, 100), 0);
	assert_int_equal(blk_create(&b, r, &(struct blk_config){ .engine = BLK_ENGINE_URING }, why, sizeof(why)),
			 -ENOSPC);
	assert_non_null(strstr(why, "reactor"));
	assert_int_equal(reactor_destroy(r, 1000000000ull), 0);
	assert_int_equal(reactor_create(&r, 64, BLK_REACTOR_SLOTS), 0);
	assert_int_equal(blk_create(&b, r, &(struct blk_config){ .engine = BLK_ENGINE_URING }, why, sizeof(why)), 0);
	assert_int_equal(blk_destroy(b, 1000000000ull), 0);
	assert_int_equal(reactor_destroy(r, 1000000000ull), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_iov_advance),
		cmocka_unit_test(test_iov_zero_and_copy),
		cmocka_unit_test(test_every_engine),
		cmocka_unit_test(test_unaligned_memory),
		cmocka_unit_test(test_file_shorter_than_disk),
		cmocka_unit_test(test_file_truncated_underneath),
		cmocka_unit_test(test_large_offsets),
		cmocka_unit_test(test_many_in_flight),
		cmocka_unit_test(test_reset_with_file_io_in_flight),
		cmocka_unit_test(test_default_backing),
		cmocka_unit_test(test_read_only_file),
		cmocka_unit_test(test_block_device),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_unreadable_file),
		cmocka_unit_test(test_reactor_too_small),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
