/* SPDX-License-Identifier: GPL-2.0-only */
/* virtio-blk's notifications: one a batch, EVENT_IDX, nothing lost at the edges of a drain; and poison. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

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

static int teardown(void **state)
{
	blk_fixture_close(&f);
	return 0;
}

static const struct blk_counters *counters(void)
{
	return blk_counters(f.blk);
}

/* --- notification and poison ---------------------------------------------- */

/* One publish and one interrupt for a batch, and both before the driver may
 * see any of it. */
static void test_one_interrupt_a_batch(void **state)
{
	struct blk_io io[32];

	driver_irqs(&f.d);
	driver_set_used_event(&f.d, 0, 0);
	for (unsigned i = 0; i < 32; i++) {
		io[i] = blk_io_new(&f, 512);
		blk_io_add(&f, &io[i], VIRTIO_BLK_T_IN, i);
	}
	driver_kick(&f.d, 0);
	blk_settle(&f);
	assert_int_equal(driver_used_count(&f.d, 0), 32);
	assert_int_equal(driver_irqs(&f.d), 1);
	assert_int_equal(f.blk->dev.interrupts, 1);
}

/* BLK-52: no interrupt below used_event, INT_VRING all the same. */
static void test_event_idx_suppresses(void **state)
{
	struct blk_io io = blk_io_new(&f, 512);

	blk_do(&f, &io, VIRTIO_BLK_T_IN, 0, NULL);
	driver_irqs(&f.d);
	driver_ack(&f.d);
	driver_set_used_event(&f.d, 0, 3);
	blk_do(&f, &io, VIRTIO_BLK_T_IN, 0, NULL);
	blk_do(&f, &io, VIRTIO_BLK_T_IN, 0, NULL);
	assert_int_equal(driver_irqs(&f.d), 0);
	assert_int_equal(driver_ack(&f.d), VIRTIO_INT_VRING);
	blk_do(&f, &io, VIRTIO_BLK_T_IN, 0, NULL);
	assert_int_equal(driver_irqs(&f.d), 1);
}

/* BLK-53: what is added without a kick while the device drains is not lost. */
#define ADDED_MAX 80u /* times 3 descriptors: all of the queue */
static unsigned added;
static struct fault adds_another(struct fault_backing *b, enum fault_kind kind, unsigned call, size_t want)
{
	if (added < ADDED_MAX) {
		struct blk_io io = blk_io_new(&f, 512);

		added++;
		blk_io_add(&f, &io, VIRTIO_BLK_T_IN, added);
	}
	return (struct fault){ 0 };
}

static void test_requests_added_during_the_drain(void **state)
{
	struct blk_io io = blk_io_new(&f, 512);

	added = 0;
	f.fault.plan = adds_another;
	blk_io_add(&f, &io, VIRTIO_BLK_T_IN, 0);
	driver_kick(&f.d, 0);
	assert_true(driver_wait(&f.d, f.r, 0, ADDED_MAX + 1));
	assert_int_equal(counters()->reads_completed, ADDED_MAX + 1);
}

/* BLK-53: the same in the narrowest place. The used ring's page is read-only
 * until the device's store of avail_event, after its last look at avail.idx,
 * faults: then a request is added, and no kick is due for it. */
static struct blk_io late;
static void *used_page;

static void add_late(int signo)
{
	mprotect(used_page, 4096, PROT_READ | PROT_WRITE);
	blk_io_add(&f, &late, VIRTIO_BLK_T_IN, 9);
}

static void test_request_added_before_avail_event(void **state)
{
	struct sigaction act = { .sa_handler = add_late }, old;
	struct driver_queue *q = &f.d.q[0];
	struct blk_io io = blk_io_new(&f, 512);

	late = blk_io_new(&f, 512);
	assert_true(driver_reset(&f.d));
	assert_true(driver_negotiate(&f.d, BLK_F_ALL));
	driver_setup_queue(&f.d, 0, 256);
	q->used_gpa = driver_alloc(&f.d, 4096, 4096);
	q->used = used_page = driver_ptr(&f.d, q->used_gpa, 4096);
	driver_alloc(&f.d, 4096, 4096);
	driver_raw_rings(&f.d, 0, q->desc_gpa, q->avail_gpa, q->used_gpa);
	assert_true(driver_ok(&f.d));
	f.fault.hold[FAULT_READ] = true; /* nothing else is stored into the used ring */
	blk_io_add(&f, &io, VIRTIO_BLK_T_IN, 0);
	assert_int_equal(sigaction(SIGSEGV, &act, &old), 0);
	assert_int_equal(mprotect(used_page, 4096, PROT_READ), 0);
	driver_kick(&f.d, 0);
	assert_int_equal(sigaction(SIGSEGV, &old, NULL), 0);
	assert_true(late.head >= 0);
	assert_int_equal(f.fault.n_held, 2);
}

/* A drain is bounded: descriptors that the driver gets back at once, since no
 * answer can be given, don't keep it for ever; the rest comes in later wakes. */
static struct fault comes_again(struct fault_backing *b, enum fault_kind kind, unsigned call, size_t want)
{
	if (call < 39)
		driver_raw_avail(&f.d, 0, 0);
	return (struct fault){ 0 };
}

static void test_drain_is_bounded(void **state)
{
	const struct driver_seg segs[] = { { blk_buffer(&f, 512), 512, true }, { NOWHERE, 1, true } };
	struct blk_io io = blk_io_new(&f, 512);

	blk_fixture_start(&f, BLK_F_V1, 8);
	f.fault.hold[FAULT_READ] = true;
	assert_int_equal(blk_chain(&f, VIRTIO_BLK_T_IN, 0, segs, 2, 0), 0);
	f.fault.hold[FAULT_READ] = false;
	f.fault.plan = comes_again;
	f.fault.calls = 0;
	fault_finish_all(&f.fault);
	driver_raw_avail(&f.d, 0, 0);
	driver_kick(&f.d, 0);
	assert_int_equal(f.fault.calls, 8); /* the size of the queue */
	assert_true(f.blk->again.rung);
	blk_settle(&f);
	assert_int_equal(f.fault.calls, 40);
	assert_int_equal(counters()->io_errors, 41);
	assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_IN, 0, NULL), VIRTIO_BLK_S_OK);
}

/* MM-23 on the device: counted once, in its own counter. */
static void test_avail_idx_poison(void **state)
{
	struct blk_io io = blk_io_new(&f, 512);

	driver_irqs(&f.d);
	driver_raw_avail_idx(&f.d, 0, 257);
	driver_kick(&f.d, 0);
	driver_kick(&f.d, 0);
	blk_settle(&f);
	assert_int_equal(counters()->invalid_avail_idx_count, 1);
	assert_int_equal(counters()->io_errors, 0);
	assert_int_equal(driver_irqs(&f.d), 1);
	assert_int_equal(driver_ack(&f.d), VIRTIO_INT_CONFIG);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_STATUS), DRIVER_STATUS_READY | VIRTIO_CONFIG_S_NEEDS_RESET);
	blk_fixture_start(&f, BLK_F_ALL, 256);
	assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_IN, 0, NULL), VIRTIO_BLK_S_OK);
	assert_int_equal(counters()->invalid_avail_idx_count, 1); /* BLK-51: counters survive */
}

/* MM-24 on the device: in io_errors instead. */
static void test_other_poison(void **state)
{
	driver_raw_avail(&f.d, 0, 256);
	driver_kick(&f.d, 0);
	assert_int_equal(counters()->invalid_avail_idx_count, 0);
	assert_int_equal(counters()->io_errors, 1);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_STATUS), DRIVER_STATUS_READY | VIRTIO_CONFIG_S_NEEDS_RESET);
}

/* What was in flight when the queue was poisoned is still completed, once. */
static void test_poison_with_requests_in_flight(void **state)
{
	struct blk_io io = blk_io_new(&f, 512);

	f.fault.hold[FAULT_READ] = true;
	blk_io_add(&f, &io, VIRTIO_BLK_T_IN, 0);
	driver_kick(&f.d, 0);
	driver_raw_avail(&f.d, 0, (uint16_t)io.head); /* the head that is in flight */
	driver_kick(&f.d, 0);
	assert_int_equal(counters()->io_errors, 1);
	assert_int_equal(f.fault.n_held, 1);
	fault_finish_all(&f.fault);
	blk_settle(&f);
	assert_int_equal(driver_used_count(&f.d, 0), 1);
	assert_int_equal(blk_io_status(&f, &io), VIRTIO_BLK_S_OK);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_one_interrupt_a_batch),
		T(test_event_idx_suppresses),
		T(test_requests_added_during_the_drain),
		T(test_request_added_before_avail_event),
		T(test_drain_is_bounded),
		T(test_avail_idx_poison),
		T(test_other_poison),
		T(test_poison_with_requests_in_flight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
