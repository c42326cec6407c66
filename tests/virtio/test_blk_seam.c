/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the block device and what it stores its sectors in: what is asked of a backing, by whom, and on which thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/virtio/blk_fixture.h"

#define DISK (4u << 20)

static struct blk_fixture f;

static int setup(void **state)
{
	blk_fixture_open(&f, &(struct blk_config){ 0 }, DISK);
	blk_fixture_start(&f, BLK_F_ALL, 256);
	return 0;
}

static int teardown(void **state)
{
	blk_fixture_close(&f);
	return 0;
}

/* --- what is asked for ---------------------------------------------------- */

/* BAK-16: there is no scalar pair: one range is a vector of one. */
static void test_one_range_is_a_vector_of_one(void **state)
{
	struct blk_io io = blk_io_new(&f, 4096);

	f.fault.hold[FAULT_READ] = true;
	blk_io_add(&f, &io, VIRTIO_BLK_T_IN, 3);
	driver_kick(&f.d, 0);
	assert_int_equal(f.fault.n_held, 1);
	assert_int_equal(f.fault.held[0].n, 1);
	assert_int_equal(f.fault.held[0].iov[0].iov_len, 4096);
	assert_ptr_equal(f.fault.held[0].iov[0].iov_base, blk_io_data(&f, &io));
	assert_int_equal(f.fault.held[0].offset, 3 * 512);
}

/* The widest request: 128 descriptors, each over @regions pieces of memory that
 * adjoin for the guest alone. */
static uint8_t read_into_pieces(unsigned regions, unsigned *ranges)
{
	const uint64_t at = 0x40000000ull;
	uint64_t status = driver_alloc(&f.d, 1, 1);
	struct driver_seg segs[128];
	int head;

	for (unsigned i = 0; i < 4 && f.d.mem.n < 5; i++)
		driver_add_region(&f.d, at + i * 4096, 4096);
	for (unsigned i = 0; i < 128; i++)
		segs[i] = (struct driver_seg){ at + 4096 - 512, 512 + (regions - 2) * 4096 + 512, true };
	f.fault.hold[FAULT_READ] = true;
	head = blk_chain(&f, VIRTIO_BLK_T_IN, 0, segs, 128, status);
	*ranges = f.fault.n_held ? f.fault.held[0].n : 0;
	fault_finish_all(&f.fault);
	blk_settle(&f);
	blk_take_used(&f, head);
	return *(uint8_t *)driver_ptr(&f.d, status, 1);
}

/* BAK-13 BLK-62: 256 ranges are what one call takes; a guest whose memory makes
 * more of it gets an error, and the backing is not asked. */
static void test_ranges_are_bounded(void **state)
{
	unsigned ranges;

	assert_int_equal(read_into_pieces(2, &ranges), VIRTIO_BLK_S_OK);
	assert_int_equal(ranges, BLK_IOV_MAX);
	assert_true(ranges <= IOV_MAX);
	assert_int_equal(read_into_pieces(3, &ranges), VIRTIO_BLK_S_IOERR);
	assert_int_equal(ranges, 0);
}

/* BAK-04: discard and write-zeroes are not known, with data or without. */
static void test_no_discard_and_no_write_zeroes(void **state)
{
	const uint32_t types[] = { VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES, VIRTIO_BLK_T_SECURE_ERASE };

	for (unsigned i = 0; i < 3; i++) {
		struct blk_io io = blk_io_new(&f, i == 1 ? 16 : 512);

		assert_int_equal(blk_do(&f, &io, types[i], 0, NULL), VIRTIO_BLK_S_UNSUPP);
	}
	assert_int_equal(f.fault.calls, 0);
}

/* BAK-04: what looks like an image is a disk of these bytes, and names no other file. */
static void test_no_image_formats(void **state)
{
	static const char *const magics[] = { "QFI\xfb", "KDMV", "<<< QEMU VM Virtual Disk Image >>>\n", "vhdxfile" };
	char path[] = "/tmp/ktstr-image.XXXXXX", sector[512];
	struct blk_fixture g;

	for (unsigned i = 0; i < 4; i++) {
		struct blk_config cfg = { .path = path };
		struct blk_io io;
		int fd;

		memset(sector, 0, sizeof(sector));
		memcpy(sector, magics[i], strlen(magics[i]));
		memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
		fd = mkstemp(path);
		assert_true(fd >= 0);
		assert_int_equal(write(fd, sector, 512), 512);
		assert_int_equal(ftruncate(fd, 65536), 0);
		close(fd);
		blk_fixture_open_file(&g, &cfg);
		unlink(path);
		blk_fixture_start(&g, BLK_F_ALL, 8);
		assert_int_equal(blk_capacity(g.blk), 65536);
		io = blk_io_new(&g, 512);
		assert_int_equal(blk_do(&g, &io, VIRTIO_BLK_T_IN, 0, NULL), VIRTIO_BLK_S_OK);
		assert_memory_equal(blk_io_data(&g, &io), sector, 512);
		blk_fixture_close(&g);
	}
}

/* BLK-59: nine fields by their names, each moved by its own event and no other. */
static struct fault fails_once(struct fault_backing *b, enum fault_kind kind, unsigned call, size_t want)
{
	b->plan = NULL;
	return (struct fault){ .error = -5 };
}

static void test_counters_snapshot(void **state)
{
	struct blk_io read = blk_io_new(&f, 1024), write = blk_io_new(&f, 512), flush = blk_io_new(&f, 0);
	struct blk_counters now;

	blk_do(&f, &read, VIRTIO_BLK_T_IN, 0, NULL);
	blk_do(&f, &read, VIRTIO_BLK_T_IN, 0, NULL);
	blk_do(&f, &write, VIRTIO_BLK_T_OUT, 0, NULL);
	blk_do(&f, &flush, VIRTIO_BLK_T_FLUSH, 0, NULL);
	f.fault.plan = fails_once;
	blk_do(&f, &write, VIRTIO_BLK_T_OUT, 0, NULL);
	throttle_init(&f.blk->throttle, &(struct throttle_limit){ 1, 0 }, &(struct throttle_limit){ 0 },
		      UINT64_MAX / 4); /* and its clock stands still */
	blk_do(&f, &read, VIRTIO_BLK_T_IN, 0, NULL);
	blk_io_add(&f, &read, VIRTIO_BLK_T_IN, 0);
	driver_kick(&f.d, 0);
	now = *blk_counters(f.blk);
	assert_int_equal(now.reads_completed, 3);
	assert_int_equal(now.writes_completed, 1);
	assert_int_equal(now.flushes_completed, 1);
	assert_int_equal(now.bytes_read, 3072);
	assert_int_equal(now.bytes_written, 512);
	assert_int_equal(now.throttled_count, 1);
	assert_int_equal(now.io_errors, 1);
	assert_int_equal(now.invalid_avail_idx_count, 0);
	assert_int_equal(now.currently_throttled_gauge, 1);
	driver_raw_avail_idx(&f.d, 0, (uint16_t)(f.d.q[0].avail_idx + 1000));
	driver_kick(&f.d, 0);
	assert_int_equal(blk_counters(f.blk)->invalid_avail_idx_count, 1);
	assert_int_equal(blk_counters(f.blk)->io_errors, 1);
	assert_int_equal(now.invalid_avail_idx_count, 0); /* the snapshot stays */
}

/* --- by whom -------------------------------------------------------------- */

/* The device on a thread of its own, which runs on one CPU. */
struct elsewhere {
	struct blk_config cfg;
	struct fault_backing *fault; /* NULL: what cfg says */
	cpu_set_t cpu;
	unsigned threads, wq_workers, named; /* of this process, while requests had been served */
	pthread_t called;
	int called_on;
};

static void count_threads(struct elsewhere *e)
{
	DIR *dir = opendir("/proc/self/task");
	const struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		char path[300], name[32] = "";
		FILE *comm;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
		comm = fopen(path, "r");
		if (!comm || !fgets(name, sizeof(name), comm))
			name[0] = '\0'; /* a worker that has just ended */
		if (comm)
			fclose(comm);
		e->threads += name[0] && strncmp(name, "iou-", 4) != 0;
		e->wq_workers += !strncmp(name, "iou-", 4);
		e->named += !strcmp(name, "ktstr-vblk\n");
	}
	closedir(dir);
}

static int cpu_of_call;
static struct fault note_cpu(struct fault_backing *b, enum fault_kind kind, unsigned call, size_t want)
{
	cpu_of_call = sched_getcpu();
	return (struct fault){ 0 };
}

static void *run_elsewhere(void *arg)
{
	struct elsewhere *e = arg;
	struct blk_fixture g = { 0 };
	struct blk_io io;
	char why[256];

	assert_int_equal(sched_setaffinity(0, sizeof(e->cpu), &e->cpu), 0);
	if (e->fault) {
		assert_int_equal(reactor_create(&g.r, 256, 1024), 0);
		assert_int_equal(blk_create_on(&g.blk, g.r, &e->cfg, &e->fault->b, why, sizeof(why)), 0);
		driver_open(&g.d, blk_device(g.blk), 32u << 20);
	} else {
		blk_fixture_open_file(&g, &e->cfg);
	}
	blk_fixture_start(&g, BLK_F_ALL, 256);
	io = blk_io_new(&g, 4096);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(blk_do(&g, &io, i & 1 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, i * 8, NULL),
				 VIRTIO_BLK_S_OK);
	}
	count_threads(e);
	blk_fixture_close(&g);
	return NULL;
}

static void run_on_one_cpu(struct elsewhere *e)
{
	cpu_set_t all;
	pthread_t t;
	int cpu = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&e->cpu);
	CPU_SET(cpu, &e->cpu);
	assert_int_equal(pthread_create(&t, NULL, run_elsewhere, e), 0);
	pthread_join(t, NULL);
	e->called = t;
	e->called_on = cpu;
}

/* BAK-02: made on one thread and given to another, and only that one calls it.
 * BLK-64: its placement is that of the thread that runs the reactor. */
static void test_backing_moves_to_the_devices_thread(void **state)
{
	struct fault_backing fault;
	struct elsewhere e = { .fault = &fault };

	fault_init(&fault, DISK);
	fault.plan = note_cpu;
	cpu_of_call = -1;
	run_on_one_cpu(&e);
	assert_int_equal(fault.calls, 20);
	assert_int_equal(fault.closed, 1);
	assert_int_equal(cpu_of_call, e.called_on);
	assert_true(pthread_equal(fault.last_thread, e.called));
	assert_false(pthread_equal(fault.last_thread, pthread_self()));
	fault_free(&fault);
}

/* BLK-55 BLK-63: a device has no worker, so none that bears a name, and no
 * tokens: kick, stop, throttle and pause reach it as calls and completions of
 * the reactor's thread. What is beside that are the kernel's workers, and they
 * are the ring's alone. */
static void test_no_thread_of_its_own(void **state)
{
	const enum blk_engine engines[] = { BLK_ENGINE_AUTO, BLK_ENGINE_SYNC, BLK_ENGINE_URING };

	for (unsigned i = 0; i < 3; i++) {
		struct elsewhere e = { .cfg = { .size = DISK, .engine = engines[i], .iops = 1000000 } };

		run_on_one_cpu(&e);
		assert_int_equal(e.threads, 2); /* the test's and the reactor's */
		assert_int_equal(e.named, 0);
		if (engines[i] != BLK_ENGINE_URING)
			assert_int_equal(e.wq_workers, 0);
	}
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_one_range_is_a_vector_of_one),
		T(test_ranges_are_bounded),
		T(test_no_discard_and_no_write_zeroes),
		cmocka_unit_test(test_no_image_formats),
		T(test_counters_snapshot),
		cmocka_unit_test(test_backing_moves_to_the_devices_thread),
		cmocka_unit_test(test_no_thread_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
