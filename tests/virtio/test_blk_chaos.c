/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest whose other CPU scribbles over rings, descriptors, headers and data
 * while the device reads them. Nothing is expected of the answers; the device
 * must not crash, hang or leave guest memory, and must work after a reset.
 * Worth most under ASan and UBSan.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "tests/virtio/blk_fixture.h"

#define KICKS 150000u

static struct blk_fixture f;
static atomic_bool stop;
static uint16_t *shared; /* what is scribbled over, in words */
static size_t n_words;

static uint64_t step(uint64_t x)
{
	x ^= x << 13, x ^= x >> 7;
	return x ^ x << 17;
}

static void *scribble(void *arg)
{
	uint64_t x = 0x853c49e6748fea9bull;

	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		uint16_t value;

		x = step(x);
		/* mostly small numbers: indexes and flags that nearly fit */
		value = x & 0x100 ? (uint16_t)(x >> 32) : (uint16_t)(x >> 32 & 0x1f);
		__atomic_store_n(&shared[(x >> 9) % n_words], value, __ATOMIC_RELAXED);
		if (!(x >> 54))
			sched_yield();
	}
	return NULL;
}

static struct blk_io io;

static void good_requests(unsigned n)
{
	for (unsigned i = 0; i < n && f.d.q[0].n_free >= 3; i++) {
		blk_io_add(&f, &io, i & 1 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, i);
	}
}

/* The scan at DRIVER_OK may poison the queue already. */
static void restart(void)
{
	if (!driver_reset(&f.d)) {
		while (driver_read(&f.d, VIRTIO_MMIO_STATUS))
			assert_true(reactor_step(f.r, true) >= 0);
	}
	assert_true(driver_negotiate(&f.d, BLK_F_ALL));
	driver_setup_queue(&f.d, 0, 32);
	(void)driver_ok(&f.d);
}

static void run(struct blk_config cfg)
{
	struct blk_io last;
	pthread_t t;
	unsigned resets = 0;
	uint64_t x = 42;

	cfg.size = 1 << 20;
	blk_fixture_open_file(&f, &cfg);
	blk_fixture_start(&f, BLK_F_ALL, 32);
	io = blk_io_new(&f, 4096);
	shared = driver_ptr(&f.d, DRIVER_RAM_GPA, 8192); /* rings, headers, data */
	n_words = 4096;
	driver_alloc(&f.d, 8192, 4096);
	last = blk_io_new(&f, 512); /* out of the scribbler's reach */
	atomic_store(&stop, false);
	assert_int_equal(pthread_create(&t, NULL, scribble, NULL), 0);
	for (unsigned i = 0; i < KICKS; i++) {
		x = step(x);
		good_requests(x & 3);
		driver_kick(&f.d, 0);
		assert_true(reactor_step(f.r, false) >= 0);
		if (driver_read(&f.d, VIRTIO_MMIO_STATUS) != DRIVER_STATUS_READY || (x >> 20) % 64 == 0) {
			restart();
			resets++;
		}
	}
	atomic_store(&stop, true);
	pthread_join(t, NULL);
	restart();
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_STATUS), DRIVER_STATUS_READY);
	assert_int_equal(blk_do(&f, &last, VIRTIO_BLK_T_IN, 0, NULL), VIRTIO_BLK_S_OK);
	assert_true(resets > 0);
	print_message("%s: %u resets, %llu guest errors\n", blk_engine_used(f.blk), resets,
		      (unsigned long long)f.blk->dev.guest_errors.count);
	blk_fixture_close(&f);
}

static void test_inline(void **state)
{
	run((struct blk_config){ 0 });
}

static void test_on_the_ring(void **state)
{
	run((struct blk_config){ .engine = BLK_ENGINE_URING });
}

static void test_throttled(void **state)
{
	run((struct blk_config){ .iops = 3000, .bps = 4 << 20 });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inline),
		cmocka_unit_test(test_on_the_ring),
		cmocka_unit_test(test_throttled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
