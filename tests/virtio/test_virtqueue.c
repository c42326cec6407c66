/* SPDX-License-Identifier: GPL-2.0-only */
/* The virtqueue alone, under a driver that may lie: virtio 1.2, 2.7. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "tests/virtio/driver.h"

/* A device that only pops: what the test does with the chains is its own. */
static void no_config(struct virtio_device *dev, uint32_t offset, void *buf, unsigned len)
{
	virtio_config_copy(NULL, 0, offset, buf, len, 0);
}

static void no_kick(struct virtio_device *dev, unsigned q)
{
}

static const struct virtio_device_ops ops = {
	.name = "ring", .device_id = 99, .n_queues = 1, .config_read = no_config, .kick = no_kick
};

#define F_V1 (1ull << VIRTIO_F_VERSION_1)
#define F_EVENT_IDX (1ull << VIRTIO_RING_F_EVENT_IDX)

struct fixture {
	struct virtio_device dev;
	struct driver d;
	struct virtq_chain chain;
};

static void start(struct fixture *f, uint64_t features, uint16_t size)
{
	virtio_device_init(&f->dev, &ops, F_V1 | F_EVENT_IDX, VIRTQ_SIZE_MAX);
	driver_open(&f->d, &f->dev, 1 << 20);
	driver_init(&f->d, features, 1, size);
}

static struct virtqueue *vq_of(struct fixture *f)
{
	return &f->dev.vq[0];
}

static int add_one(struct fixture *f)
{
	struct driver_seg seg = { .gpa = 0x5000, .len = 64, .writable = true };

	return driver_add(&f->d, 0, &seg, 1);
}

static void stop(struct fixture *f)
{
	driver_close(&f->d);
}

static void test_chain_is_copied_in_order(void **state)
{
	struct fixture f;
	const struct driver_seg seg[] = { { 0x1000, 16, false }, { 0x2000, 512, true }, { 0x3000, 1, true } };
	int head;

	start(&f, F_V1, 8);
	assert_int_equal(virtq_pop(vq_of(&f), &f.chain), 0);
	head = driver_add(&f.d, 0, seg, 3);
	assert_true(virtq_pending(vq_of(&f)));
	assert_int_equal(virtq_pop(vq_of(&f), &f.chain), 1);
	assert_int_equal(f.chain.head, head);
	assert_int_equal(f.chain.n, 3);
	assert_false(f.chain.malformed);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(f.chain.seg[i].gpa, seg[i].gpa);
		assert_int_equal(f.chain.seg[i].len, seg[i].len);
		assert_int_equal(f.chain.seg[i].writable, seg[i].writable);
	}
	assert_int_equal(virtq_pop(vq_of(&f), &f.chain), 0);
	assert_false(virtq_pending(vq_of(&f)));
	stop(&f);
}

/* A loop, a next that is out of range and an indirect descriptor that was not
 * negotiated all end the walk; the segments before the fault stay. */
static void test_malformed_chains_are_bounded(void **state)
{
	struct fixture f;

	start(&f, F_V1, 8);
	driver_raw_desc(&f.d, 0, 0, 0x1000, 16, VRING_DESC_F_NEXT, 1);
	driver_raw_desc(&f.d, 0, 1, 0x2000, 16, VRING_DESC_F_NEXT, 0);
	driver_raw_avail(&f.d, 0, 0);
	assert_int_equal(virtq_pop(vq_of(&f), &f.chain), 1);
	assert_true(f.chain.malformed);
	assert_int_equal(f.chain.n, 8);

	driver_raw_desc(&f.d, 0, 2, 0x1000, 16, VRING_DESC_F_NEXT, 8);
	driver_raw_avail(&f.d, 0, 2);
	assert_int_equal(virtq_pop(vq_of(&f), &f.chain), 1);
	assert_true(f.chain.malformed);
	assert_int_equal(f.chain.n, 1);

	driver_raw_desc(&f.d, 0, 3, 0x1000, 16, VRING_DESC_F_INDIRECT, 0);
	driver_raw_avail(&f.d, 0, 3);
	assert_int_equal(virtq_pop(vq_of(&f), &f.chain), 1);
	assert_true(f.chain.malformed);
	assert_int_equal(f.chain.n, 0);
	assert_false(vq_of(&f)->broken);
	stop(&f);
}

static void test_full_ring_chain_is_not_malformed(void **state)
{
	struct fixture f;
	struct driver_seg seg[VIRTQ_SIZE_MAX];

	start(&f, F_V1, VIRTQ_SIZE_MAX);
	for (unsigned i = 0; i < VIRTQ_SIZE_MAX; i++)
		seg[i] = (struct driver_seg){ 0x1000 + i, i, i & 1 };
	assert_int_equal(driver_add(&f.d, 0, seg, VIRTQ_SIZE_MAX), 0);
	assert_int_equal(virtq_pop(vq_of(&f), &f.chain), 1);
	assert_int_equal(f.chain.n, VIRTQ_SIZE_MAX);
	assert_false(f.chain.malformed);
	stop(&f);
}

/* MM-23: ahead by the queue's size is legal, by one more is not. */
static void test_avail_idx_jump_breaks_the_queue(void **state)
{
	struct fixture f;

	start(&f, F_V1, 8);
	driver_raw_avail_idx(&f.d, 0, 9);
	assert_int_equal(virtq_pop(vq_of(&f), &f.chain), -EPROTO);
	assert_true(vq_of(&f)->broken);
	assert_int_equal(virtq_pop(vq_of(&f), &f.chain), 0);
	stop(&f);

	start(&f, F_V1, 8);
	driver_raw_avail_idx(&f.d, 0, 8);
	assert_int_equal(virtq_pop(vq_of(&f), &f.chain), 1);
	stop(&f);
}

/* MM-23: back by one is 65535 ahead. */
static void test_avail_idx_moving_back_breaks_the_queue(void **state)
{
	struct fixture f;

	start(&f, F_V1, 8);
	driver_raw_avail_idx(&f.d, 0, UINT16_MAX);
	assert_int_equal(virtq_pop(vq_of(&f), &f.chain), -EPROTO);
	stop(&f);
}

/* MM-24 */
static void test_head_out_of_range_breaks_the_queue(void **state)
{
	struct fixture f;

	start(&f, F_V1, 8);
	driver_raw_avail(&f.d, 0, 8);
	assert_int_equal(virtq_pop(vq_of(&f), &f.chain), -EFAULT);
	assert_true(vq_of(&f)->broken);
	stop(&f);
}

/* MM-24: the same head twice while the first is still out. */
static void test_duplicate_head_breaks_the_queue(void **state)
{
	struct fixture f;
	int head;

	start(&f, F_V1, 8);
	head = add_one(&f);
	driver_raw_avail(&f.d, 0, (uint16_t)head);
	assert_int_equal(virtq_pop(vq_of(&f), &f.chain), 1);
	assert_int_equal(virtq_pop(vq_of(&f), &f.chain), -EFAULT);
	stop(&f);

	start(&f, F_V1, 8);
	head = add_one(&f);
	assert_int_equal(virtq_pop(vq_of(&f), &f.chain), 1);
	assert_int_equal(virtq_push(vq_of(&f), (uint16_t)head, 0), 0);
	driver_raw_avail(&f.d, 0, (uint16_t)head);
	assert_int_equal(virtq_pop(vq_of(&f), &f.chain), 1);
	stop(&f);
}

/* MM-24: each of the three areas unmapped, in turn. */
static void test_unmapped_rings(void **state)
{
	struct fixture f;
	const uint64_t nowhere = 0x40000000;

	for (unsigned which = 0; which < 3; which++) {
		struct driver_queue *q = &f.d.q[0];

		virtio_device_init(&f.dev, &ops, F_V1 | F_EVENT_IDX, VIRTQ_SIZE_MAX);
		driver_open(&f.d, &f.dev, 1 << 20);
		driver_reset(&f.d);
		assert_true(driver_negotiate(&f.d, F_V1));
		driver_setup_queue(&f.d, 0, 8);
		driver_raw_rings(&f.d, 0, which == 0 ? nowhere : q->desc_gpa, which == 1 ? nowhere : q->avail_gpa,
				 which == 2 ? nowhere : q->used_gpa);
		assert_true(driver_ok(&f.d));
		add_one(&f);
		if (which < 2) {
			assert_int_equal(virtq_pop(vq_of(&f), &f.chain), -EFAULT);
			assert_false(virtq_enable_kicks(vq_of(&f)));
		} else {
			assert_int_equal(virtq_pop(vq_of(&f), &f.chain), 1);
			assert_int_equal(virtq_push(vq_of(&f), f.chain.head, 0), -EFAULT);
			assert_int_equal(vq_of(&f)->n_outstanding, 0);
			assert_int_equal(virtq_publish(vq_of(&f)), 0); /* nothing advanced */
			virtq_disable_kicks(vq_of(&f));
			assert_false(virtq_enable_kicks(vq_of(&f)));
		}
		stop(&f);
	}
}

/* BLK-52: where used_event can't be read, each publication interrupts. */
static void test_unmapped_used_event(void **state)
{
	const uint64_t ring = 0x40000000, size = 4096, at = size - (4 + 2 * 8);
	struct fixture f;
	uint8_t *page;

	virtio_device_init(&f.dev, &ops, F_V1 | F_EVENT_IDX, VIRTQ_SIZE_MAX);
	driver_open(&f.d, &f.dev, 1 << 20);
	page = driver_add_region(&f.d, ring, size); /* it ends with the last entry, before used_event */
	driver_reset(&f.d);
	assert_true(driver_negotiate(&f.d, F_V1 | F_EVENT_IDX));
	driver_setup_queue(&f.d, 0, 8);
	driver_raw_rings(&f.d, 0, f.d.q[0].desc_gpa, ring + at, f.d.q[0].used_gpa);
	f.d.q[0].avail = (void *)(page + at);
	assert_true(driver_ok(&f.d));
	for (unsigned i = 0; i < 3; i++) {
		add_one(&f);
		assert_int_equal(virtq_pop(vq_of(&f), &f.chain), 1);
		assert_int_equal(virtq_push(vq_of(&f), f.chain.head, 0), 0);
		assert_int_equal(virtq_publish(vq_of(&f)), 1);
	}
	stop(&f);
}

/* 2.7: rings that wrap past 2^64, and bad alignment. */
static void test_start_rejects_bad_addresses(void **state)
{
	const struct {
		uint64_t desc, avail, used;
		int err;
	} cases[] = {
		{ 0x1000, 0x2000, 0x3000, 0 },
		{ 0x1008, 0x2000, 0x3000, -EINVAL },
		{ 0x1000, 0x2001, 0x3000, -EINVAL },
		{ 0x1000, 0x2000, 0x3002, -EINVAL },
		{ UINT64_MAX - 15, 0x2000, 0x3000, -EINVAL },
		{ 0x1000, UINT64_MAX - 1, 0x3000, -EINVAL },
		{ 0x1000, 0x2000, UINT64_MAX - 3, -EINVAL },
	};
	struct guest_memory mem = { 0 };
	struct virtqueue vq;

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		virtq_init(&vq, 256);
		vq.desc_gpa = cases[i].desc;
		vq.avail_gpa = cases[i].avail;
		vq.used_gpa = cases[i].used;
		assert_int_equal(virtq_start(&vq, &mem, false), cases[i].err);
	}
	virtq_init(&vq, 256);
	vq.size = 3;
	assert_int_equal(virtq_start(&vq, &mem, false), -EINVAL);
	vq.size = 512;
	assert_int_equal(virtq_start(&vq, &mem, false), -EINVAL);
	vq.size = 0;
	assert_int_equal(virtq_start(&vq, &mem, false), -EINVAL);
}

/* BLK-37: after an unpop the same head comes again, from any index. */
static void test_unpop_returns_the_same_head(void **state)
{
	struct fixture f;

	start(&f, F_V1, 8);
	for (unsigned round = 0; round < 20; round++) {
		int head = add_one(&f);
		uint16_t used;
		uint32_t len;

		for (unsigned again = 0; again < 3; again++) {
			assert_int_equal(virtq_pop(vq_of(&f), &f.chain), 1);
			assert_int_equal(f.chain.head, head);
			virtq_unpop(vq_of(&f), f.chain.head);
			assert_int_equal(vq_of(&f)->n_outstanding, 0);
			assert_int_equal(driver_used_count(&f.d, 0), 0);
		}
		assert_int_equal(virtq_pop(vq_of(&f), &f.chain), 1);
		assert_int_equal(virtq_push(vq_of(&f), f.chain.head, 7), 0);
		assert_int_equal(virtq_publish(vq_of(&f)), 1);
		assert_true(driver_used(&f.d, 0, &used, &len));
		assert_int_equal(used, head);
		assert_int_equal(len, 7);
	}
	stop(&f);
}

/* Used entries are invisible until published, and move used.idx once a batch. */
static void test_publish_moves_used_idx_once(void **state)
{
	struct fixture f;

	start(&f, F_V1, 8);
	for (unsigned i = 0; i < 5; i++)
		add_one(&f);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(virtq_pop(vq_of(&f), &f.chain), 1);
		assert_int_equal(virtq_push(vq_of(&f), f.chain.head, 1), 0);
		assert_int_equal(driver_used_count(&f.d, 0), 0);
	}
	assert_int_equal(virtq_publish(vq_of(&f)), 1);
	assert_int_equal(driver_used_count(&f.d, 0), 5);
	assert_int_equal(virtq_publish(vq_of(&f)), 0);
	stop(&f);
}

/* The 16-bit indexes wrap; heads and order survive 3 * 65536 buffers. */
static void test_indexes_wrap(void **state)
{
	struct fixture f;
	uint16_t head;
	uint32_t len;

	start(&f, F_V1 | F_EVENT_IDX, 4);
	for (uint32_t i = 0; i < 3u << 16; i++) {
		int expect = add_one(&f);

		if (virtq_pop(vq_of(&f), &f.chain) != 1 || f.chain.head != expect)
			fail_msg("pop %u", i);
		if (virtq_push(vq_of(&f), f.chain.head, i) || virtq_publish(vq_of(&f)) < 0)
			fail_msg("push %u", i);
		if (!driver_used(&f.d, 0, &head, &len) || head != expect || len != i)
			fail_msg("used %u", i);
	}
	stop(&f);
}

/* BLK-52: used_event decides over everything published since it was asked last. */
static void test_event_idx_gates_interrupts(void **state)
{
	struct fixture f;

	start(&f, F_V1 | F_EVENT_IDX, 16);
	for (unsigned i = 0; i < 8; i++) {
		add_one(&f);
		assert_int_equal(virtq_pop(vq_of(&f), &f.chain), 1);
	}
	driver_set_used_event(&f.d, 0, 100);
	virtq_push(vq_of(&f), 0, 0);
	assert_int_equal(virtq_publish(vq_of(&f)), 1); /* the first is always told: no snapshot yet */
	driver_set_used_event(&f.d, 0, 3);
	virtq_push(vq_of(&f), 1, 0);
	assert_int_equal(virtq_publish(vq_of(&f)), 0);
	virtq_push(vq_of(&f), 2, 0);
	assert_int_equal(virtq_publish(vq_of(&f)), 0);
	virtq_push(vq_of(&f), 3, 0); /* used.idx passes 3 */
	assert_int_equal(virtq_publish(vq_of(&f)), 1);
	virtq_push(vq_of(&f), 4, 0);
	assert_int_equal(virtq_publish(vq_of(&f)), 0);
	driver_set_used_event(&f.d, 0, 6);
	virtq_push(vq_of(&f), 5, 0); /* a batch that jumps over the event */
	virtq_push(vq_of(&f), 6, 0);
	virtq_push(vq_of(&f), 7, 0);
	assert_int_equal(virtq_publish(vq_of(&f)), 1);
	stop(&f);
}

static void test_no_interrupt_flag(void **state)
{
	struct fixture f;

	start(&f, F_V1, 8);
	for (unsigned i = 0; i < 2; i++) {
		add_one(&f);
		assert_int_equal(virtq_pop(vq_of(&f), &f.chain), 1);
	}
	f.d.q[0].avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	virtq_push(vq_of(&f), 0, 0);
	assert_int_equal(virtq_publish(vq_of(&f)), 0);
	f.d.q[0].avail->flags = 0;
	virtq_push(vq_of(&f), 1, 0);
	assert_int_equal(virtq_publish(vq_of(&f)), 1);
	stop(&f);
}

/* BLK-53: enabling reports what came in while kicks were off. */
static void test_kick_suppression(void **state)
{
	const uint64_t features[] = { F_V1, F_V1 | F_EVENT_IDX };
	struct fixture f;

	for (unsigned i = 0; i < 2; i++) {
		start(&f, features[i], 8);
		assert_false(virtq_enable_kicks(vq_of(&f)));
		add_one(&f);
		assert_true(driver_kick_wanted(&f.d, 0));
		virtq_disable_kicks(vq_of(&f));
		assert_int_equal(virtq_pop(vq_of(&f), &f.chain), 1);
		add_one(&f);
		assert_false(driver_kick_wanted(&f.d, 0));
		assert_true(virtq_enable_kicks(vq_of(&f)));
		assert_int_equal(virtq_pop(vq_of(&f), &f.chain), 1);
		assert_false(virtq_enable_kicks(vq_of(&f)));
		add_one(&f);
		assert_true(driver_kick_wanted(&f.d, 0));
		stop(&f);
	}
}

/* avail_event is written only when negotiated: the word after the used ring is
 * the driver's otherwise. */
static void test_avail_event_only_if_negotiated(void **state)
{
	struct fixture f;

	start(&f, F_V1, 8);
	*(uint16_t *)&f.d.q[0].used->ring[8] = 0xbeef;
	add_one(&f);
	assert_int_equal(virtq_pop(vq_of(&f), &f.chain), 1);
	virtq_disable_kicks(vq_of(&f));
	virtq_enable_kicks(vq_of(&f));
	assert_int_equal(driver_avail_event(&f.d, 0), 0xbeef);
	stop(&f);
}

static void test_queue_not_ready_gives_nothing(void **state)
{
	struct fixture f;

	start(&f, F_V1, 8);
	add_one(&f);
	vq_of(&f)->ready = false;
	assert_int_equal(virtq_pop(vq_of(&f), &f.chain), 0);
	assert_false(virtq_pending(vq_of(&f)));
	stop(&f);
}

/* --- guest memory --------------------------------------------------------- */

static void test_memory_bounds(void **state)
{
	struct driver d;
	struct guest_memory *m = &d.mem;
	uint8_t *ram;

	driver_open(&d, NULL, 1 << 20);
	ram = m->region[0].hva;
	assert_ptr_equal(guest_memory_at(m, DRIVER_RAM_GPA, 1), ram);
	assert_ptr_equal(guest_memory_at(m, DRIVER_RAM_GPA + 5, (1 << 20) - 5), ram + 5);
	assert_null(guest_memory_at(m, DRIVER_RAM_GPA, 0));
	assert_null(guest_memory_at(m, DRIVER_RAM_GPA - 1, 1));
	assert_null(guest_memory_at(m, DRIVER_RAM_GPA, (1 << 20) + 1));
	assert_null(guest_memory_at(m, DRIVER_RAM_GPA + (1 << 20), 1));
	assert_null(guest_memory_at(m, DRIVER_RAM_GPA + 8, UINT64_MAX));
	assert_null(guest_memory_at(m, UINT64_MAX, 2));
	driver_close(&d);
}

/* BLK-62: a range over regions that adjoin for the guest and not for the host is split. */
static void test_memory_ranges_over_regions(void **state)
{
	const uint64_t second = DRIVER_RAM_GPA + (1 << 20), end = second + (1 << 20);
	struct iovec iov[4];
	uint8_t out[16], in[16];
	struct driver d;
	uint8_t *b;

	driver_open(&d, NULL, 1 << 20);
	b = driver_add_region(&d, second, 1 << 20);
	driver_add_region(&d, end + 0x1000, 0x1000); /* behind a hole of a page */
	assert_int_equal(guest_memory_iov(&d.mem, second - 4096, 8192, iov, 4), 2);
	assert_int_equal(iov[0].iov_len, 4096);
	assert_ptr_equal(iov[1].iov_base, b);
	assert_int_equal(iov[1].iov_len, 4096);
	assert_int_equal(guest_memory_iov(&d.mem, second - 4096, 8192, iov, 1), -E2BIG);
	assert_int_equal(guest_memory_iov(&d.mem, second, 0, iov, 4), 0);
	assert_int_equal(guest_memory_iov(&d.mem, end - 4096, 4097, iov, 4), -EFAULT);
	assert_int_equal(guest_memory_iov(&d.mem, UINT64_MAX, 2, iov, 4), -EFAULT);
	assert_int_equal(guest_memory_iov(&d.mem, second, UINT64_MAX, iov, 4), -EFAULT);

	memset(out, 0xa5, sizeof(out));
	memset(in, 0, sizeof(in));
	assert_int_equal(guest_memory_write(&d.mem, second - 8, out, 16), 0);
	assert_int_equal(guest_memory_read(&d.mem, second - 8, in, 16), 0);
	assert_memory_equal(in, out, 16);
	/* nothing is copied when the end is unmapped */
	memset(b + (1 << 20) - 8, 0, 8);
	assert_int_equal(guest_memory_write(&d.mem, end - 8, out, 16), -EFAULT);
	assert_int_equal(b[(1 << 20) - 8], 0);
	driver_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain_is_copied_in_order),
		cmocka_unit_test(test_malformed_chains_are_bounded),
		cmocka_unit_test(test_full_ring_chain_is_not_malformed),
		cmocka_unit_test(test_avail_idx_jump_breaks_the_queue),
		cmocka_unit_test(test_avail_idx_moving_back_breaks_the_queue),
		cmocka_unit_test(test_head_out_of_range_breaks_the_queue),
		cmocka_unit_test(test_duplicate_head_breaks_the_queue),
		cmocka_unit_test(test_unmapped_rings),
		cmocka_unit_test(test_unmapped_used_event),
		cmocka_unit_test(test_start_rejects_bad_addresses),
		cmocka_unit_test(test_unpop_returns_the_same_head),
		cmocka_unit_test(test_publish_moves_used_idx_once),
		cmocka_unit_test(test_indexes_wrap),
		cmocka_unit_test(test_event_idx_gates_interrupts),
		cmocka_unit_test(test_no_interrupt_flag),
		cmocka_unit_test(test_kick_suppression),
		cmocka_unit_test(test_avail_event_only_if_negotiated),
		cmocka_unit_test(test_queue_not_ready_gives_nothing),
		cmocka_unit_test(test_memory_bounds),
		cmocka_unit_test(test_memory_ranges_over_regions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
