/* SPDX-License-Identifier: GPL-2.0-only */
/* The virtio-mmio transport under a device of no substance: virtio 1.2, 4.2.2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/virtio/driver.h"

#define F_V1 (1ull << VIRTIO_F_VERSION_1)
#define F_LOW (1ull << 5)
#define ACK VIRTIO_CONFIG_S_ACKNOWLEDGE
#define DRV VIRTIO_CONFIG_S_DRIVER
#define FEAT VIRTIO_CONFIG_S_FEATURES_OK
#define OK VIRTIO_CONFIG_S_DRIVER_OK
#define NEEDS_RESET VIRTIO_CONFIG_S_NEEDS_RESET
#define FAILED VIRTIO_CONFIG_S_FAILED

static struct fixture {
	struct virtio_device dev;
	struct driver d;
	unsigned activated, kicks[2], resets, settled;
	unsigned poisoned, poisoned_avail_idx;
	unsigned config_writes;
	bool reset_waits;
} f;

static void config_read(struct virtio_device *dev, uint32_t offset, void *buf, unsigned len)
{
	static const uint8_t config[] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	virtio_config_copy(config, sizeof(config), offset, buf, len, 0);
}

static void config_write(struct virtio_device *dev, uint32_t offset, const void *buf, unsigned len)
{
	f.config_writes++;
}

static void activate(struct virtio_device *dev)
{
	f.activated++;
}

static void kick(struct virtio_device *dev, unsigned q)
{
	static struct virtq_chain chain;
	int n;

	f.kicks[q]++;
	while ((n = virtq_pop(&dev->vq[q], &chain)) > 0)
		virtq_push(&dev->vq[q], chain.head, 0);
	if (n < 0)
		virtio_poison(dev, q, n);
	else if (virtq_publish(&dev->vq[q]) == 1)
		virtio_raise(dev, VIRTIO_INT_VRING);
}

static bool reset(struct virtio_device *dev)
{
	f.resets++;
	return !f.reset_waits;
}

static void poisoned(struct virtio_device *dev, unsigned q, bool avail_idx)
{
	f.poisoned++;
	f.poisoned_avail_idx += avail_idx;
}

static void settled(struct virtio_device *dev, void *ctx)
{
	f.settled++;
}

static const struct virtio_device_ops ops = {
	.name = "test",
	.device_id = 2,
	.n_queues = 2,
	.config_read = config_read,
	.config_write = config_write,
	.activate = activate,
	.kick = kick,
	.reset = reset,
	.poisoned = poisoned,
};

static int setup(void **state)
{
	memset(&f, 0, sizeof(f));
	virtio_device_init(&f.dev, &ops, F_V1 | F_LOW, 256);
	f.dev.settled = settled;
	driver_open(&f.d, &f.dev, 1 << 20);
	return 0;
}

static int teardown(void **state)
{
	driver_close(&f.d);
	return 0;
}

static uint32_t status(void)
{
	return driver_read(&f.d, VIRTIO_MMIO_STATUS);
}

static uint32_t write_status(uint32_t value)
{
	driver_write(&f.d, VIRTIO_MMIO_STATUS, value);
	return status();
}

static void add_buffer(unsigned q)
{
	const struct driver_seg seg = { .gpa = DRIVER_RAM_GPA, .len = 8, .writable = true };

	assert_true(driver_add(&f.d, q, &seg, 1) >= 0);
}

/* MM-01 MM-02 MM-03 MM-04 */
static void test_identity_registers(void **state)
{
	assert_int_equal(driver_read(&f.d, 0x000), 0x74726976);
	assert_int_equal(driver_read(&f.d, 0x004), 2);
	assert_int_equal(driver_read(&f.d, 0x008), 2);
	assert_int_equal(driver_read(&f.d, 0x00c), 0);
}

/* MM-05 MM-06 */
static void test_window_and_config_start(void **state)
{
	uint8_t byte;

	assert_int_equal(VIRTIO_MMIO_SIZE, 0x1000);
	virtio_mmio_read(&f.dev, 0x100, &byte, 1);
	assert_int_equal(byte, 1);
	virtio_mmio_read(&f.dev, 0xfff, &byte, 1);
	assert_int_equal(byte, 0);
}

static void test_config_reads_of_any_width(void **state)
{
	uint64_t v = 0;

	virtio_mmio_read(&f.dev, 0x102, &v, 2);
	assert_int_equal(v, 0x0403);
	virtio_mmio_read(&f.dev, 0x100, &v, 8);
	assert_true(v == 0x0807060504030201ull);
	v = UINT64_MAX;
	virtio_mmio_read(&f.dev, 0x106, &v, 4); /* runs over the end */
	assert_int_equal((uint32_t)v, 0x0807);
}

/* MM-07 */
static void test_queue_num_max(void **state)
{
	for (unsigned q = 0; q < 4; q++) {
		driver_write(&f.d, VIRTIO_MMIO_QUEUE_SEL, q);
		assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_QUEUE_NUM_MAX), q < 2 ? 256 : 0);
	}
	driver_write(&f.d, VIRTIO_MMIO_QUEUE_SEL, UINT32_MAX);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_QUEUE_READY), 0);
}

/* MM-08 */
static void test_feature_pages(void **state)
{
	const uint32_t expect[] = { 0x20, 0x1, 0, 0 };

	for (unsigned sel = 0; sel < 4; sel++) {
		driver_write(&f.d, VIRTIO_MMIO_DEVICE_FEATURES_SEL, sel);
		assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_DEVICE_FEATURES), expect[sel]);
	}
}

/* MM-09 */
static void test_odd_width_register_reads(void **state)
{
	const unsigned widths[] = { 1, 2, 8 };

	for (unsigned i = 0; i < 3; i++) {
		uint64_t v = 0;

		virtio_mmio_read(&f.dev, VIRTIO_MMIO_MAGIC_VALUE, &v, widths[i]);
		assert_true(v == (widths[i] == 8 ? UINT64_MAX : (1ull << (8 * widths[i])) - 1));
	}
	assert_int_equal(status(), 0);
}

/* MM-10 */
static void test_odd_width_register_writes(void **state)
{
	const uint64_t v = ACK;
	const unsigned widths[] = { 1, 2, 8 };

	for (unsigned i = 0; i < 3; i++) {
		assert_true(virtio_mmio_write(&f.dev, VIRTIO_MMIO_STATUS, &v, widths[i]));
		assert_int_equal(status(), 0);
	}
}

/* MM-11: from every rung only the next one, by one write. */
static void test_status_ladder(void **state)
{
	const uint32_t rungs[] = { 0, ACK, ACK | DRV, ACK | DRV | FEAT, ACK | DRV | FEAT | OK };

	for (unsigned at = 0; at < 5; at++) {
		for (uint32_t v = 1; v < 0x80; v++) {
			bool next = at + 1 < 5 && v == rungs[at + 1];

			driver_reset(&f.d);
			if (at >= 2) {
				write_status(ACK);
				write_status(ACK | DRV);
				driver_write(&f.d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
				driver_write(&f.d, VIRTIO_MMIO_DRIVER_FEATURES, 1);
			}
			for (unsigned i = 1; i <= at; i++)
				write_status(rungs[i]);
			assert_int_equal(status(), rungs[at]);
			assert_int_equal(write_status(v), next ? v : rungs[at]);
		}
	}
}

/* MM-12 */
static void test_features_ok(void **state)
{
	assert_false(driver_negotiate(&f.d, F_LOW)); /* no VERSION_1 */
	assert_int_equal(status(), ACK | DRV);
	driver_reset(&f.d);
	assert_false(driver_negotiate(&f.d, F_V1 | 1ull << 7)); /* never offered */
	assert_int_equal(status(), ACK | DRV);
	driver_reset(&f.d);
	assert_true(driver_negotiate(&f.d, F_V1));
	driver_reset(&f.d);
	assert_true(driver_negotiate(&f.d, F_V1 | F_LOW));
	assert_true(f.dev.driver_features == (F_V1 | F_LOW));
}

/* MM-13 */
static void test_same_status_is_no_op(void **state)
{
	driver_init(&f.d, F_V1, 2, 8);
	assert_int_equal(write_status(DRIVER_STATUS_READY), DRIVER_STATUS_READY);
	assert_int_equal(f.activated, 1);
}

/* MM-14 */
static void test_failed_from_any_state(void **state)
{
	assert_int_equal(write_status(FAILED), FAILED);
	assert_int_equal(write_status(FAILED | ACK), FAILED); /* and no ladder after it */
	driver_reset(&f.d);
	assert_int_equal(write_status(ACK), ACK);
	assert_int_equal(write_status(ACK | FAILED), ACK | FAILED);
	driver_reset(&f.d);
	driver_init(&f.d, F_V1, 2, 8);
	assert_int_equal(write_status(DRIVER_STATUS_READY | FAILED), DRIVER_STATUS_READY | FAILED);
}

/* MM-15 */
static void test_status_zero_resets(void **state)
{
	driver_init(&f.d, F_V1, 2, 8);
	f.resets = 0;
	add_buffer(0);
	driver_kick(&f.d, 0);
	assert_true(driver_reset(&f.d));
	assert_int_equal(f.resets, 1);
	assert_int_equal(status(), 0);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	for (unsigned q = 0; q < 2; q++) {
		driver_write(&f.d, VIRTIO_MMIO_QUEUE_SEL, q);
		assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_QUEUE_READY), 0);
		assert_int_equal(f.dev.vq[q].next_avail, 0);
		assert_int_equal(f.dev.vq[q].next_used, 0);
		assert_true(f.dev.vq[q].desc_gpa == 0);
	}
	assert_true(f.dev.driver_features == 0);
	assert_false(f.dev.active);
	driver_init(&f.d, F_V1, 2, 8); /* and it works again */
	add_buffer(0);
	driver_kick(&f.d, 0);
	assert_int_equal(driver_used_count(&f.d, 0), 1);
}

/* MM-16 MM-23 */
static void test_avail_idx_poison(void **state)
{
	driver_init(&f.d, F_V1, 2, 8);
	driver_irqs(&f.d);
	f.kicks[0] = 0;
	driver_raw_avail_idx(&f.d, 0, 9);
	driver_kick(&f.d, 0);
	assert_int_equal(f.poisoned, 1);
	assert_int_equal(f.poisoned_avail_idx, 1);
	assert_int_equal(status(), DRIVER_STATUS_READY | NEEDS_RESET);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_INT_CONFIG);
	assert_int_equal(driver_irqs(&f.d), 1);
	for (unsigned i = 0; i < 5; i++) {
		driver_kick(&f.d, 0);
		driver_kick(&f.d, 1);
	}
	assert_int_equal(f.kicks[0], 1);
	assert_int_equal(f.poisoned, 1);
	assert_int_equal(driver_irqs(&f.d), 0);
	/* refuses everything but FAILED and the reset */
	assert_int_equal(write_status(ACK), DRIVER_STATUS_READY | NEEDS_RESET);
	driver_write(&f.d, VIRTIO_MMIO_QUEUE_SEL, 0);
	driver_write(&f.d, VIRTIO_MMIO_QUEUE_NUM, 4);
	assert_int_equal(f.dev.vq[0].size, 8);
	assert_true(driver_reset(&f.d));
	assert_int_equal(status(), 0);
	driver_init(&f.d, F_V1, 2, 8);
	add_buffer(0);
	driver_kick(&f.d, 0);
	assert_int_equal(driver_used_count(&f.d, 0), 1);
}

/* MM-24 */
static void test_other_ring_failures_poison(void **state)
{
	driver_reset(&f.d);
	assert_true(driver_negotiate(&f.d, F_V1));
	driver_setup_queue(&f.d, 0, 8);
	driver_raw_rings(&f.d, 0, f.d.q[0].desc_gpa, 0x80000000, f.d.q[0].used_gpa);
	driver_ok(&f.d); /* the scan at DRIVER_OK finds it */
	assert_int_equal(f.poisoned, 1);
	assert_int_equal(f.poisoned_avail_idx, 0);
	assert_int_equal(status(), DRIVER_STATUS_READY | NEEDS_RESET);
	assert_int_equal(driver_irqs(&f.d), 1);
}

static void test_bad_ring_addresses_poison_at_driver_ok(void **state)
{
	driver_reset(&f.d);
	assert_true(driver_negotiate(&f.d, F_V1));
	driver_setup_queue(&f.d, 0, 8);
	driver_raw_rings(&f.d, 0, UINT64_MAX - 15, f.d.q[0].avail_gpa, f.d.q[0].used_gpa);
	driver_ok(&f.d);
	assert_int_equal(status(), DRIVER_STATUS_READY | NEEDS_RESET);
	assert_int_equal(f.activated, 0);
	assert_int_equal(f.kicks[0], 0);
}

/* MM-24: of several bad queues each is broken and said, but NEEDS_RESET comes, and interrupts, once */
static void test_two_bad_queues_need_one_reset(void **state)
{
	driver_reset(&f.d);
	assert_true(driver_negotiate(&f.d, F_V1));
	for (unsigned q = 0; q < 2; q++) {
		driver_setup_queue(&f.d, q, 8);
		driver_raw_rings(&f.d, q, UINT64_MAX - 15, f.d.q[q].avail_gpa, f.d.q[q].used_gpa);
	}
	driver_irqs(&f.d);
	f.dev.interrupts = 0;
	driver_ok(&f.d);
	assert_int_equal(f.poisoned, 2);
	assert_true(f.dev.vq[0].broken && f.dev.vq[1].broken);
	assert_int_equal(status(), DRIVER_STATUS_READY | NEEDS_RESET);
	assert_int_equal(f.dev.interrupts, 1);
	assert_int_equal(driver_irqs(&f.d), 1);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_INT_CONFIG);
}

/* MM-17 */
static void test_features_locked(void **state)
{
	driver_write(&f.d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	driver_write(&f.d, VIRTIO_MMIO_DRIVER_FEATURES, F_LOW); /* before DRIVER */
	assert_true(f.dev.driver_features == 0);
	write_status(ACK);
	driver_write(&f.d, VIRTIO_MMIO_DRIVER_FEATURES, F_LOW);
	assert_true(f.dev.driver_features == 0);
	driver_reset(&f.d);
	assert_true(driver_negotiate(&f.d, F_V1));
	driver_write(&f.d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	driver_write(&f.d, VIRTIO_MMIO_DRIVER_FEATURES, F_LOW); /* after FEATURES_OK */
	assert_true(f.dev.driver_features == F_V1);
}

/* A third page holds no feature: it can't smuggle bits into the others. */
static void test_third_feature_page_is_ignored(void **state)
{
	write_status(ACK);
	write_status(ACK | DRV);
	driver_write(&f.d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 2);
	driver_write(&f.d, VIRTIO_MMIO_DRIVER_FEATURES, UINT32_MAX);
	assert_true(f.dev.driver_features == 0);
}

/* MM-18 */
static void test_queue_registers_locked(void **state)
{
	const struct virtqueue *vq = &f.dev.vq[0];

	driver_write(&f.d, VIRTIO_MMIO_QUEUE_SEL, 0);
	driver_write(&f.d, VIRTIO_MMIO_QUEUE_NUM, 8); /* before FEATURES_OK */
	driver_write(&f.d, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_int_equal(vq->size, 256);
	assert_false(vq->ready);
	driver_init(&f.d, F_V1, 2, 8);
	driver_raw_rings(&f.d, 0, 0x1000, 0x2000, 0x3000); /* after DRIVER_OK */
	driver_write(&f.d, VIRTIO_MMIO_QUEUE_NUM, 16);
	driver_write(&f.d, VIRTIO_MMIO_QUEUE_READY, 0);
	assert_int_equal(vq->size, 8);
	assert_true(vq->ready);
	assert_true(vq->desc_gpa == f.d.q[0].desc_gpa);
	assert_true(vq->avail_gpa == f.d.q[0].avail_gpa);
	assert_true(vq->used_gpa == f.d.q[0].used_gpa);
}

static void test_queue_sizes_refused(void **state)
{
	const uint32_t bad[] = { 0, 3, 257, 512, 65536, 65536 + 8, UINT32_MAX };

	assert_true(driver_negotiate(&f.d, F_V1));
	driver_write(&f.d, VIRTIO_MMIO_QUEUE_SEL, 0);
	driver_write(&f.d, VIRTIO_MMIO_QUEUE_NUM, 16);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		driver_write(&f.d, VIRTIO_MMIO_QUEUE_NUM, bad[i]);
		assert_int_equal(f.dev.vq[0].size, 16);
	}
	driver_write(&f.d, VIRTIO_MMIO_QUEUE_SEL, 7); /* no such queue */
	driver_write(&f.d, VIRTIO_MMIO_QUEUE_NUM, 8);
	driver_write(&f.d, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_false(f.dev.vq[7].ready);
}

static void test_64_bit_addresses(void **state)
{
	assert_true(driver_negotiate(&f.d, F_V1));
	driver_raw_rings(&f.d, 1, 0x123456789abcdef0ull, 0xfedcba9876543210ull, 0x1111111122222220ull);
	assert_true(f.dev.vq[1].desc_gpa == 0x123456789abcdef0ull);
	assert_true(f.dev.vq[1].avail_gpa == 0xfedcba9876543210ull);
	assert_true(f.dev.vq[1].used_gpa == 0x1111111122222220ull);
	assert_true(f.dev.vq[0].desc_gpa == 0);
}

/* MM-19 */
static void test_interrupt_status_and_ack(void **state)
{
	driver_init(&f.d, F_V1, 2, 8);
	virtio_raise(&f.dev, VIRTIO_INT_VRING);
	virtio_raise(&f.dev, VIRTIO_INT_CONFIG);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_INTERRUPT_STATUS), 3);
	driver_write(&f.d, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_INT_VRING);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_INTERRUPT_STATUS), 2);
	driver_write(&f.d, VIRTIO_MMIO_INTERRUPT_ACK, 0);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_INTERRUPT_STATUS), 2);
	driver_write(&f.d, VIRTIO_MMIO_INTERRUPT_ACK, UINT32_MAX);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
}

/* Where no VM is around it: by the eventfd; one write a raise. */
static void test_interrupt_is_an_eventfd_write(void **state)
{
	driver_init(&f.d, F_V1, 2, 8);
	driver_irqs(&f.d);
	for (unsigned i = 0; i < 4; i++)
		add_buffer(0);
	driver_kick(&f.d, 0);
	assert_int_equal(driver_used_count(&f.d, 0), 4);
	assert_int_equal(driver_irqs(&f.d), 1);
	assert_int_equal(f.dev.interrupts, 1);
	driver_kick(&f.d, 0); /* nothing popped: nothing raised */
	assert_int_equal(driver_irqs(&f.d), 0);
}

/* MM-21 */
static void test_early_and_stray_notifies(void **state)
{
	driver_kick(&f.d, 0);
	assert_true(driver_negotiate(&f.d, F_V1));
	driver_setup_queue(&f.d, 0, 8);
	driver_kick(&f.d, 0);
	assert_int_equal(f.kicks[0], 0);
	assert_true(driver_ok(&f.d));
	assert_int_equal(f.kicks[0], 1);
	driver_kick(&f.d, 1); /* never made ready */
	driver_kick(&f.d, 2);
	driver_kick(&f.d, 8);
	driver_kick(&f.d, UINT32_MAX);
	assert_int_equal(f.kicks[0], 1);
	assert_int_equal(f.kicks[1], 0);
}

/* A buffer made available before DRIVER_OK is found by the scan at DRIVER_OK. */
static void test_driver_ok_scans_queues(void **state)
{
	assert_true(driver_negotiate(&f.d, F_V1));
	driver_setup_queue(&f.d, 0, 8);
	add_buffer(0);
	assert_true(driver_ok(&f.d));
	assert_int_equal(driver_used_count(&f.d, 0), 1);
}

/* MM-22 */
static void test_no_guest_memory(void **state)
{
	f.dev.mem = NULL;
	driver_init(&f.d, F_V1, 2, 8);
	f.dev.guest_errors.count = 0;
	for (unsigned i = 0; i < 10; i++)
		driver_kick(&f.d, 0);
	assert_int_equal(f.dev.guest_errors.count, 1);
	assert_int_equal(f.kicks[0], 0);
	assert_int_equal(f.activated, 0);
}

/* MM-25 */
static void test_config_writes_reach_the_device_only(void **state)
{
	const uint64_t v = UINT64_MAX;
	uint64_t got = 0;

	assert_true(virtio_mmio_write(&f.dev, 0x100, &v, 8));
	assert_int_equal(f.config_writes, 1);
	virtio_mmio_read(&f.dev, 0x100, &got, 8);
	assert_true(got == 0x0807060504030201ull);
}

/* A reset that waits for I/O: the write has not taken effect, status stays
 * non-zero, everything else is ignored until the device is through. */
static void test_reset_that_waits(void **state)
{
	driver_init(&f.d, F_V1, 2, 8);
	f.reset_waits = true;
	f.kicks[0] = 0;
	assert_false(driver_reset(&f.d));
	assert_int_not_equal(status(), 0);
	add_buffer(0);
	driver_kick(&f.d, 0);
	assert_int_equal(f.kicks[0], 0);
	assert_false(driver_reset(&f.d));
	assert_int_equal(write_status(FAILED), DRIVER_STATUS_READY);
	assert_int_equal(f.settled, 0);
	virtio_reset_done(&f.dev);
	assert_int_equal(f.settled, 1);
	assert_int_equal(status(), 0);
	f.reset_waits = false;
	driver_init(&f.d, F_V1, 2, 8);
}

static void test_reset_that_fails(void **state)
{
	driver_init(&f.d, F_V1, 2, 8);
	f.reset_waits = true;
	assert_false(driver_reset(&f.d));
	virtio_reset_failed(&f.dev, "a test");
	assert_int_equal(f.settled, 1);
	assert_int_equal(status(), FAILED | NEEDS_RESET);
	assert_int_equal(write_status(ACK), FAILED | NEEDS_RESET);
	f.reset_waits = false;
	driver_init(&f.d, F_V1, 2, 8); /* the next reset tries again */
}

/* The guest can't flood the log. */
/* A guest reads the page at any time: what did not change is not even written. */
static void test_unchanged_registers_are_not_written(void **state)
{
	uint8_t *page = mmap(NULL, VIRTIO_MMIO_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		seen[8];

	assert_true(page != MAP_FAILED);
	virtio_registers_show(&f.dev, page);
	virtio_mmio_read(&f.dev, VIRTIO_MMIO_CONFIG, seen, sizeof(seen));
	assert_memory_equal(page + VIRTIO_MMIO_CONFIG, seen, sizeof(seen));
	assert_int_equal(mprotect(page, VIRTIO_MMIO_SIZE, PROT_READ), 0);
	driver_write(&f.d, VIRTIO_MMIO_QUEUE_SEL, f.dev.queue_sel);
	driver_write(&f.d, VIRTIO_MMIO_INTERRUPT_ACK, 0);
	virtio_registers_show(&f.dev, NULL);
	munmap(page, VIRTIO_MMIO_SIZE);
}

static void test_guest_errors_are_counted_and_log_bounded(void **state)
{
	char buf[65536];
	FILE *log = tmpfile(), *old = stderr;
	unsigned lines = 0;
	size_t n;

	assert_non_null(log);
	stderr = log;
	for (unsigned i = 0; i < 1000; i++)
		virtio_guest_error(&f.dev, "line %u", i);
	stderr = old;
	rewind(log);
	n = fread(buf, 1, sizeof(buf), log);
	for (size_t i = 0; i < n; i++)
		lines += buf[i] == '\n';
	fclose(log);
	assert_int_equal(f.dev.guest_errors.count, 1000);
	assert_in_range(lines, 10, 20); /* a window may end in between */
}

static bool is_rung(uint32_t bits)
{
	return bits == 0 || bits == ACK || bits == (ACK | DRV) || bits == (ACK | DRV | FEAT) ||
	       bits == DRIVER_STATUS_READY;
}

/* Every register, every width, random values: no crash, and the ladder holds. */
static void test_register_storm(void **state)
{
	uint64_t x = 0x9e3779b97f4a7c15ull;

	for (unsigned i = 0; i < 300000; i++) {
		uint64_t value, back;
		uint32_t offset;

		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		offset = x & 1 ? (x >> 1 & 0x3f) * 4 : x >> 1 & 0xfff;
		value = x & 2 ? x >> 20 & 0xff : x >> 3;
		if (x >> 60 == 0)
			virtio_mmio_write(&f.dev, offset, &value, 1u << (x >> 50 & 3));
		else
			virtio_mmio_write(&f.dev, offset, &value, 4);
		virtio_mmio_read(&f.dev, offset & ~7u, &back, 1u << (x >> 52 & 3));
		assert_true(is_rung(status() & ~(NEEDS_RESET | FAILED)));
	}
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_identity_registers),
		T(test_window_and_config_start),
		T(test_config_reads_of_any_width),
		T(test_queue_num_max),
		T(test_feature_pages),
		T(test_odd_width_register_reads),
		T(test_odd_width_register_writes),
		T(test_status_ladder),
		T(test_features_ok),
		T(test_same_status_is_no_op),
		T(test_failed_from_any_state),
		T(test_status_zero_resets),
		T(test_avail_idx_poison),
		T(test_other_ring_failures_poison),
		T(test_bad_ring_addresses_poison_at_driver_ok),
		T(test_two_bad_queues_need_one_reset),
		T(test_features_locked),
		T(test_third_feature_page_is_ignored),
		T(test_queue_registers_locked),
		T(test_queue_sizes_refused),
		T(test_64_bit_addresses),
		T(test_interrupt_status_and_ack),
		T(test_interrupt_is_an_eventfd_write),
		T(test_early_and_stray_notifies),
		T(test_driver_ok_scans_queues),
		T(test_no_guest_memory),
		T(test_config_writes_reach_the_device_only),
		T(test_reset_that_waits),
		T(test_reset_that_fails),
		T(test_unchanged_registers_are_not_written),
		T(test_guest_errors_are_counted_and_log_bounded),
		T(test_register_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
