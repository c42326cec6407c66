/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that means harm, while requests are in flight: what it may not do
 * changes nothing, what can't be trusted stops the queue, and after a reset the
 * device is as new. Nothing that was in flight is written anywhere then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/virtio/blk_fixture.h"

#define DISK (1u << 20)
#define STORM 10000u
#define NOWHERE 0x90000000ull

static struct blk_fixture f;

static int setup(void **state)
{
	blk_fixture_open(&f, &(struct blk_config){ 0 }, DISK);
	blk_fixture_start(&f, BLK_F_ALL, 64);
	memset(f.fault.data, 0x42, DISK);
	return 0;
}

static int teardown(void **state)
{
	f.fault.plan = NULL;
	f.fault.hold[FAULT_READ] = f.fault.hold[FAULT_WRITE] = false;
	blk_fixture_close(&f);
	return 0;
}

static uint32_t status(void)
{
	return driver_read(&f.d, VIRTIO_MMIO_STATUS);
}

/* @n reads that the disk has taken and not answered. */
static void take_in_flight(struct blk_io *io, unsigned n)
{
	f.fault.hold[FAULT_READ] = true;
	for (unsigned i = 0; i < n; i++) {
		io[i] = blk_io_new(&f, 1024);
		blk_io_add(&f, &io[i], VIRTIO_BLK_T_IN, i * 2);
	}
	driver_kick(&f.d, 0);
	assert_int_equal(f.fault.n_held, n);
}

/* The queue is poisoned, once, whatever comes; and a reset mends it. */
static void expect_poison(unsigned in_flight)
{
	struct blk_io io;

	assert_int_equal(status(), DRIVER_STATUS_READY | VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_true(driver_ack(&f.d) & VIRTIO_INT_CONFIG);
	for (unsigned i = 0; i < 10; i++)
		driver_kick(&f.d, 0);
	blk_settle(&f);
	assert_int_equal(f.fault.n_held, in_flight);
	assert_int_equal(driver_ack(&f.d) & VIRTIO_INT_CONFIG, 0);
	if (!driver_reset(&f.d))
		fault_finish_all(&f.fault);
	assert_int_equal(status(), 0);
	f.fault.hold[FAULT_READ] = false;
	blk_fixture_start(&f, BLK_F_ALL, 64);
	io = blk_io_new(&f, 512);
	assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_IN, 0, NULL), VIRTIO_BLK_S_OK);
	assert_int_equal(*blk_io_data(&f, &io), 0x42);
}

/* MM-18: every queue register, after activation, with requests in flight: they end where they were to. */
static void test_queue_registers_after_activation(void **state)
{
	const uint32_t registers[] = { VIRTIO_MMIO_QUEUE_NUM,	    VIRTIO_MMIO_QUEUE_READY,
				       VIRTIO_MMIO_QUEUE_DESC_LOW,  VIRTIO_MMIO_QUEUE_DESC_HIGH,
				       VIRTIO_MMIO_QUEUE_AVAIL_LOW, VIRTIO_MMIO_QUEUE_AVAIL_HIGH,
				       VIRTIO_MMIO_QUEUE_USED_LOW,  VIRTIO_MMIO_QUEUE_USED_HIGH,
				       VIRTIO_MMIO_DRIVER_FEATURES };
	const uint32_t values[] = { 0, 1, 2, 256, 0x1000, UINT32_MAX };
	struct virtqueue before = f.blk->dev.vq[0];
	struct blk_io io[8];

	take_in_flight(io, 8);
	for (unsigned i = 0; i < 9; i++) {
		for (unsigned k = 0; k < 6; k++) {
			driver_write(&f.d, VIRTIO_MMIO_QUEUE_SEL, k == 4 ? 7 : 0);
			driver_write(&f.d, registers[i], values[k]);
		}
	}
	assert_int_equal(f.blk->dev.vq[0].size, before.size);
	assert_true(f.blk->dev.vq[0].ready);
	assert_true(f.blk->dev.vq[0].desc_gpa == before.desc_gpa && f.blk->dev.vq[0].avail_gpa == before.avail_gpa &&
		    f.blk->dev.vq[0].used_gpa == before.used_gpa);
	assert_true(f.blk->dev.driver_features == BLK_F_ALL);
	fault_finish_all(&f.fault);
	blk_settle(&f);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(blk_take_used(&f, io[i].head), 1025);
		assert_int_equal(blk_io_status(&f, &io[i]), VIRTIO_BLK_S_OK);
	}
}

/* MM-24: the head of a request in flight, made available again. */
static void test_duplicate_head(void **state)
{
	struct blk_io io[4];

	take_in_flight(io, 4);
	driver_raw_avail(&f.d, 0, (uint16_t)io[2].head);
	driver_kick(&f.d, 0);
	assert_int_equal(f.blk->counters.io_errors, 1);
	expect_poison(4);
}

/* MM-23: avail.idx forward and backward by every distance that is none. */
static void test_avail_jumps(void **state)
{
	const int jumps[] = { 65, 100, 1000, 32768, 65535 - 4, -1, -5 };

	for (unsigned i = 0; i < 7; i++) {
		struct blk_io io[4];

		take_in_flight(io, 4);
		driver_raw_avail_idx(&f.d, 0, (uint16_t)(f.d.q[0].avail_idx + jumps[i]));
		driver_kick(&f.d, 0);
		assert_int_equal(f.blk->counters.invalid_avail_idx_count, i + 1);
		expect_poison(4);
	}
}

/* BLK-15: chains that run in circles, of every length, end; those in flight and those behind are answered. */
static void test_loops(void **state)
{
	for (uint16_t length = 1; length <= 32; length++) {
		struct blk_io io[2], after;
		uint64_t errors = f.blk->counters.io_errors;

		take_in_flight(io, 2);
		for (uint16_t i = 0; i < length; i++)
			driver_raw_desc(&f.d, 0, (uint16_t)(32 + i), io[0].data, 16, VRING_DESC_F_NEXT,
					(uint16_t)(32 + (i + 1) % length));
		driver_raw_avail(&f.d, 0, 32);
		driver_kick(&f.d, 0);
		assert_int_equal(status(), DRIVER_STATUS_READY);
		assert_int_equal(f.blk->counters.io_errors, errors + 1);
		fault_finish_all(&f.fault);
		f.fault.hold[FAULT_READ] = false;
		blk_settle(&f);
		blk_take_used(&f, io[0].head);
		blk_take_used(&f, io[1].head);
		after = blk_io_new(&f, 512);
		assert_int_equal(blk_do(&f, &after, VIRTIO_BLK_T_IN, 0, NULL), VIRTIO_BLK_S_OK);
	}
}

/* BLK-18 BLK-23 BLK-24 BLK-32: header, data and status byte each at every place where no memory is, or not enough. */
static void test_addresses(void **state)
{
	const uint64_t end = DRIVER_RAM_GPA + (32u << 20);
	const uint64_t bad[] = { 0,	    DRIVER_RAM_GPA - 1, DRIVER_RAM_GPA - 512, end - 1,		end,
				 NOWHERE,   1ull << 52,		1ull << 63,	      UINT64_MAX - 511, UINT64_MAX - 15,
				 UINT64_MAX };
	const uint32_t types[] = { VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT };

	for (unsigned i = 0; i < 2 * sizeof(bad) / sizeof(bad[0]); i++) {
		uint64_t at = bad[i / 2], header = driver_alloc(&f.d, 16, 16), answer = driver_alloc(&f.d, 1, 1);
		bool in = types[i % 2] == VIRTIO_BLK_T_IN;
		const struct driver_seg good = { driver_alloc(&f.d, 1024, 512), 1024, in };
		struct driver_seg segs[3] = { { header, 16, false }, { at, 1024, in }, { answer, 1, true } };
		uint8_t *got = driver_ptr(&f.d, answer, 1);
		unsigned calls = f.fault.calls;
		int head = blk_chain(&f, types[i % 2], 0, &segs[1], 1, answer);

		assert_int_equal(blk_take_used(&f, head), 1);
		assert_int_equal(*got, VIRTIO_BLK_S_IOERR);
		segs[0].gpa = at;
		segs[1] = good;
		*got = STATUS_UNSET;
		head = driver_add(&f.d, 0, segs, 3);
		driver_kick(&f.d, 0);
		blk_settle(&f);
		assert_int_equal(blk_take_used(&f, head), 1);
		assert_int_equal(*got, VIRTIO_BLK_S_IOERR);
		assert_int_equal(f.fault.calls, calls);
		segs[2] = (struct driver_seg){ at, 2, true };
		head = blk_chain(&f, types[i % 2], 0, &segs[1], 2, 0);
		/* Its last byte is what counts. */
		if (guest_memory_at(&f.d.mem, at + 1, 1))
			blk_take_used(&f, head);
		assert_int_equal(driver_used_count(&f.d, 0), 0);
		assert_int_equal(status(), DRIVER_STATUS_READY);
		blk_fixture_start(&f, BLK_F_ALL, 64);
	}
}

/* The rings themselves, and the device's own answer, as a disk's buffer: the guest may, and the device stays whole. */
static void test_rings_as_buffers(void **state)
{
	const struct driver_queue *vq = &f.d.q[0];
	const uint64_t rings[] = { vq->desc_gpa, vq->avail_gpa, vq->used_gpa };

	for (unsigned fill = 0; fill < 256; fill += 5) {
		for (unsigned i = 0; i < 3; i++) {
			struct driver_seg seg = { rings[i], 512, true };

			memset(f.fault.data, (int)fill, 4096);
			(void)blk_chain(&f, VIRTIO_BLK_T_IN, 0, &seg, 1, driver_alloc(&f.d, 1, 1));
			driver_kick(&f.d, 0);
			blk_settle(&f);
			assert_true(f.blk->counters.in_flight == 0);
			assert_true(driver_reset(&f.d));
			f.d.heap = DRIVER_RAM_GPA + (1 << 20);
			blk_fixture_start(&f, BLK_F_ALL, 64);
			f.d.q[0].desc = driver_ptr(&f.d, f.d.q[0].desc_gpa, 16);
		}
	}
}

/* BAK-14: resets with real I/O in flight on the ring; memory that the guest has taken back stays as it is. */
static void storm(struct blk_config cfg, uint64_t *in_flight)
{
	struct blk_io io[6];
	uint32_t x = 4711;

	blk_fixture_open_file(&f, &cfg);
	blk_fixture_start(&f, BLK_F_ALL, 64);
	for (unsigned round = 0; round < STORM / 2; round++) {
		x = x * 1664525 + 1013904223;
		f.d.heap = DRIVER_RAM_GPA + (1 << 20);
		for (unsigned i = 0; i < 6; i++) {
			io[i] = blk_io_new(&f, 4096);
			if (round) {
				/* as the guest left it one reset ago */
				for (unsigned k = 0; k < 4096; k += 256)
					assert_int_equal(blk_io_data(&f, &io[i])[k], 0x99);
			}
			blk_io_add(&f, &io[i], (x >> i) & 1 ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT,
				   (x >> (8 + i)) % 64 * 8);
		}
		driver_kick(&f.d, 0);
		for (unsigned n = x >> 30; n; n--)
			assert_true(reactor_step(f.r, false) >= 0);
		*in_flight += f.blk->submitted;
		if (!driver_reset(&f.d)) {
			while (status())
				assert_true(reactor_step(f.r, true) >= 0);
		}
		assert_int_equal(f.blk->submitted, 0);
		for (unsigned i = 0; i < 6; i++)
			memset(blk_io_data(&f, &io[i]), 0x99, 4096);
		assert_true(reactor_step(f.r, false) >= 0);
		blk_fixture_start(&f, BLK_F_ALL, 64);
	}
	io[0] = blk_io_new(&f, 512);
	assert_int_equal(blk_do(&f, &io[0], VIRTIO_BLK_T_IN, 0, NULL), VIRTIO_BLK_S_OK);
	blk_fixture_close(&f);
}

static void test_reset_storm(void **state)
{
	const char *tmp = getenv("TMPDIR");
	uint64_t in_flight = 0;
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/ktstr-storm.XXXXXX", tmp ? tmp : "/var/tmp");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, DISK), 0);
	close(fd);
	storm((struct blk_config){ .path = path, .engine = BLK_ENGINE_URING }, &in_flight);
	fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	storm((struct blk_config){ .path = path, .engine = BLK_ENGINE_URING, .direct = fd >= 0 }, &in_flight);
	if (fd >= 0)
		close(fd);
	unlink(path);
	print_message("%u resets, %llu requests in flight at them\n", STORM, (unsigned long long)in_flight);
	assert_true(in_flight > STORM / 10);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_queue_registers_after_activation),
		T(test_duplicate_head),
		T(test_avail_jumps),
		T(test_loops),
		T(test_addresses),
		T(test_rings_as_buffers),
		cmocka_unit_test(test_reset_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
