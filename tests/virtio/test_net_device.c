/* SPDX-License-Identifier: GPL-2.0-only */
/* virtio-net over loopback: identity, headers, echo, errors, counters, poison. */
#include "tests/virtio/net_fixture.h"

#define KIB 1024u

/* --- identity ------------------------------------------------------------ */

/* NET-01: RX 0 and TX 1, nothing else */
static void two_queues(void **state)
{
	struct fixture *f = *state;

	for (unsigned q = 0; q < 4; q++) {
		driver_write(&f->d, VIRTIO_MMIO_QUEUE_SEL, q);
		assert_int_equal(driver_read(&f->d, VIRTIO_MMIO_QUEUE_NUM_MAX), q < 2 ? 256 : 0);
	}
	assert_int_equal(driver_read(&f->d, VIRTIO_MMIO_DEVICE_ID), 1);
}

/* NET-02 NET-03 NET-04 NET-05: VERSION_1 and MAC; no MQ, no control queue, no
 * offloads, no mergeable buffers, no EVENT_IDX, no indirect descriptors */
static void features(void **state)
{
	struct fixture *f = *state;

	driver_write(&f->d, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	assert_int_equal(driver_read(&f->d, VIRTIO_MMIO_DEVICE_FEATURES), 0x20);
	driver_write(&f->d, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	assert_int_equal(driver_read(&f->d, VIRTIO_MMIO_DEVICE_FEATURES), 0x1);
}

/* NET-06 NET-07 NET-08: the default MAC, zeros for what is not offered (pairs
 * among it, NET-02), zeros beyond the end */
static void config_layout(void **state)
{
	static const uint8_t want[20] = { 2, 0, 0, 0, 0, 1 };
	struct fixture *f = *state;
	uint8_t got[20];

	for (unsigned i = 0; i < 20; i++)
		virtio_mmio_read(f->d.dev, 0x100 + i, &got[i], 1);
	assert_memory_equal(got, want, 20);
	virtio_mmio_read(f->d.dev, 0x100, got, 8);
	assert_memory_equal(got, want, 8);
	memset(got, 0xff, 8);
	virtio_mmio_read(f->d.dev, 0xff8, got, 8);
	assert_memory_equal(got, want + 8, 8);
	assert_int_equal(NET_CONFIG_SIZE, 12);
}

/* NET-06: a MAC of one's own; a multicast one is refused with the reason */
static void configured_mac(void **state)
{
	struct fixture *f = *state;
	struct net_config cfg = { .mac = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 } };
	char why[200] = "";
	struct net *n;
	uint8_t got[6];

	assert_int_equal(net_create(&n, f->r, &cfg, why, sizeof(why)), 0);
	virtio_mmio_read(net_device(n), 0x100, got, 6);
	assert_memory_equal(got, cfg.mac, 6);
	assert_string_equal(net_backend_name(n), "loopback");
	net_destroy(n);
	cfg.mac[0] = 0x53;
	assert_int_equal(net_create(&n, f->r, &cfg, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "53:54:00:12:34:56"));
}

/* NET-09, MM-25: the generation never moves; config writes are ignored */
static void config_is_constant(void **state)
{
	struct fixture *f = *state;

	driver_write(&f->d, 0x100, 0xffffffff);
	assert_int_equal(driver_read(&f->d, 0x100), 2);
	assert_true(driver_reset(&f->d));
	assert_int_equal(driver_read(&f->d, VIRTIO_MMIO_CONFIG_GENERATION), 0);
}

/* --- echo ---------------------------------------------------------------- */

/* NET-10 NET-11 NET-12 NET-14 NET-15 NET-17 NET-18: the frame comes back byte for
 * byte behind a clean 12-byte header, whatever header was sent */
static void echo(void **state)
{
	static const uint32_t sizes[] = { 14, 60, 64, 1514, 9000, 65535 };
	struct fixture *f = *state;

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		uint64_t rx = post_buffer(f, HDR + 65557);

		post_frame(f, sizes[i]);
		driver_kick(&f->d, TXQ);
		assert_int_equal(take_used(f, TXQ), 0);
		assert_int_equal(take_used(f, RXQ), HDR + sizes[i]);
		assert_frame(f, rx, sizes[i]);
		/* nothing behind it */
		assert_int_equal(*(uint8_t *)driver_ptr(&f->d, rx + HDR + sizes[i], 1), 0xaa);
	}
}

/* NET-13 NET-16: the header may be split, and fused with the frame */
static void split_header(void **state)
{
	static const unsigned cuts[][4] = { { 4, 8, 100, 0 }, { 1, 10, 1, 100 }, { 0, 12, 0, 100 },
					    { 13, 99, 0, 0 }, { 5, 107, 0, 0 },	 { 12, 1, 1, 98 } };
	struct fixture *f = *state;

	for (unsigned i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
		uint64_t rx = post_buffer(f, 2048), tx = driver_alloc(&f->d, 112, 1), at = tx;
		struct driver_seg seg[4];

		for (unsigned k = 0; k < 112; k++)
			*(uint8_t *)driver_ptr(&f->d, tx + k, 1) = k < HDR ? 0x77 : pattern(k - HDR);
		for (unsigned k = 0; k < 4; k++) {
			seg[k] = (struct driver_seg){ at, cuts[i][k], false };
			at += cuts[i][k];
		}
		driver_add(&f->d, TXQ, seg, 4);
		driver_kick(&f->d, TXQ);
		assert_int_equal(take_used(f, RXQ), HDR + 100);
		assert_frame(f, rx, 100);
		assert_int_equal(take_used(f, TXQ), 0);
	}
	assert_int_equal(f->count->tx_packets, 6);
}

/* NET-19 NET-20: one RX chain a frame, header and frame laid over its segments */
static void scattered_rx(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 4096, 1);
	struct driver_seg seg[] = {
		{ gpa, 5, true }, { gpa + 5, 0, true }, { gpa + 5, 9, true }, { gpa + 14, 2000, true }
	};
	uint64_t next = post_frame(f, 1000);

	driver_add(&f->d, RXQ, seg, 4);
	next = post_buffer(f, 2048);
	driver_kick(&f->d, TXQ);
	assert_int_equal(driver_used_count(&f->d, RXQ), 1);
	assert_int_equal(take_used(f, RXQ), HDR + 1000);
	assert_frame(f, gpa, 1000);
	assert_int_equal(*(uint8_t *)driver_ptr(&f->d, next, 1), 0xaa);
}

/* NET-21: a chain too small truncates the frame, and the count says so */
static void truncated_rx(void **state)
{
	struct fixture *f = *state;
	uint64_t rx = post_buffer(f, HDR + 100);

	post_frame(f, 1000);
	driver_kick(&f->d, TXQ);
	assert_int_equal(take_used(f, RXQ), HDR + 100);
	assert_frame(f, rx, 100);
	assert_int_equal(f->count->rx_packets, 1);
	assert_int_equal(f->count->rx_bytes, 100);
	assert_int_equal(f->count->tx_bytes, 1000);
	/* exactly a header's room: an empty frame; less: no RX chain at all */
	post_buffer(f, HDR);
	post_frame(f, 1000);
	driver_kick(&f->d, TXQ);
	assert_int_equal(take_used(f, RXQ), HDR);
	post_buffer(f, HDR - 1);
	post_frame(f, 1000);
	driver_kick(&f->d, TXQ);
	assert_int_equal(take_used(f, RXQ), 0);
	assert_int_equal(f->count->rx_chain_invalid, 1);
	assert_int_equal(f->count->rx_packets, 2);
}

/* NET-22: a readable segment or an address that wraps: invalid, used 0 */
static void invalid_rx(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 4096, 1);
	struct driver_seg readable[] = { { gpa, 2000, true }, { gpa, 10, false } };
	struct driver_seg wraps[] = { { gpa, 20, true }, { UINT64_MAX - 9, 2000, true } };

	driver_add(&f->d, RXQ, readable, 2);
	driver_add(&f->d, RXQ, wraps, 2);
	post_frame(f, 100);
	post_frame(f, 100);
	driver_kick(&f->d, TXQ);
	assert_int_equal(take_used(f, RXQ), 0);
	assert_int_equal(take_used(f, RXQ), 0);
	assert_int_equal(f->count->rx_chain_invalid, 2);
	assert_int_equal(f->count->rx_write_failed, 0);
	assert_int_equal(f->count->rx_packets, 0);
	assert_int_equal(f->count->tx_packets, 2);
	/* NET-24: not a byte of a header */
	for (unsigned i = 0; i < HDR; i++)
		assert_int_equal(*(uint8_t *)driver_ptr(&f->d, gpa + i, 1), 0);
}

/* NET-23 NET-24: an unmapped segment: write failed, used 0, no header left behind */
static void unmapped_rx(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 4096, 1);
	struct driver_seg seg[] = { { gpa, 20, true }, { 1ull << 40, 2000, true } };

	driver_add(&f->d, RXQ, seg, 2);
	post_frame(f, 100);
	driver_kick(&f->d, TXQ);
	assert_int_equal(take_used(f, RXQ), 0);
	assert_int_equal(f->count->rx_write_failed, 1);
	assert_int_equal(f->count->rx_chain_invalid, 0);
	assert_int_equal(f->count->rx_packets, 0);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(*(uint8_t *)driver_ptr(&f->d, gpa + i, 1), 0);
}

/* NET-25: no buffer, or no RX queue: dropped, and TX completes */
static void no_rx_buffer(void **state)
{
	struct fixture *f = *state;

	post_frame(f, 100);
	driver_kick(&f->d, TXQ);
	assert_int_equal(take_used(f, TXQ), 0);
	assert_int_equal(f->count->tx_dropped_no_rx_buffer, 1);
	assert_int_equal(f->count->tx_packets, 1);
	assert_int_equal(f->count->rx_packets, 0);

	assert_true(driver_reset(&f->d));
	assert_true(driver_negotiate(&f->d, F_V1));
	driver_setup_queue(&f->d, TXQ, 256); /* RX never made ready */
	assert_true(driver_ok(&f->d));
	post_frame(f, 100);
	driver_kick(&f->d, TXQ);
	assert_int_equal(take_used(f, TXQ), 0);
	assert_int_equal(f->count->tx_dropped_no_rx_buffer, 2);
}

/* --- completion and interrupts ------------------------------------------- */

/* NET-26 NET-27 NET-28 NET-29: on return of one kick both rings have moved and one
 * interrupt is pending, however many frames; none when there was nothing */
static void one_interrupt_a_drain(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 100; i++) {
		post_buffer(f, 256);
		post_frame(f, 100);
	}
	driver_irqs(&f->d);
	driver_kick(&f->d, TXQ);
	assert_int_equal(driver_used_count(&f->d, TXQ), 100);
	assert_int_equal(driver_used_count(&f->d, RXQ), 100);
	assert_int_equal(driver_irqs(&f->d), 1);
	assert_int_equal(driver_ack(&f->d), VIRTIO_INT_VRING);
	driver_kick(&f->d, TXQ);
	settle(f);
	assert_int_equal(driver_irqs(&f->d), 0);
	assert_int_equal(driver_ack(&f->d), 0);
	post_frame(f, 10); /* only TX moves: an interrupt all the same */
	driver_kick(&f->d, TXQ);
	assert_int_equal(driver_irqs(&f->d), 1);
}

/* NET-30: an RX kick does nothing */
static void rx_kick(void **state)
{
	struct fixture *f = *state;

	driver_irqs(&f->d);
	for (unsigned i = 0; i < 10; i++) {
		post_buffer(f, 256);
		driver_kick(&f->d, RXQ);
	}
	settle(f);
	assert_int_equal(driver_used_count(&f->d, RXQ), 0);
	assert_int_equal(driver_irqs(&f->d), 0);
	assert_false(driver_kick_wanted(&f->d, RXQ)); /* and is not asked for */
	assert_true(driver_kick_wanted(&f->d, TXQ));
}

/* NET-31 NET-47: a kick handles at most a ring of frames, and of the largest only as many as others can wait for; the
 * rest needs no kick */
static void bounded_drain(void **state)
{
	struct fixture *f = *state;
	uint64_t tx = driver_alloc(&f->d, HDR + NET_FRAME_MAX, 1), rx = driver_alloc(&f->d, HDR + NET_FRAME_MAX, 1);

	for (unsigned i = 0; i < 256; i++) {
		driver_add(&f->d, TXQ, &(struct driver_seg){ tx, HDR + NET_FRAME_MAX, false }, 1);
		driver_add(&f->d, RXQ, &(struct driver_seg){ rx, HDR + NET_FRAME_MAX, true }, 1);
	}
	driver_irqs(&f->d);
	driver_kick(&f->d, TXQ);
	assert_int_equal(driver_used_count(&f->d, TXQ), NET_TURN_BYTES / NET_FRAME_MAX + 1);
	assert_int_equal(driver_irqs(&f->d), 1);
	assert_true(f->n->again.rung);
	settle(f);
	assert_int_equal(driver_used_count(&f->d, TXQ), 256);
	assert_int_equal(f->count->rx_bytes, 256ull * NET_FRAME_MAX);
	assert_false(f->n->again.rung);
}

/* --- what TX refuses ----------------------------------------------------- */

/* NET-32 NET-33: up to 65 557 bytes are echoed; one more and the frame is dropped
 * whole, counted, and its chain completed */
static void frame_bound(void **state)
{
	struct fixture *f = *state;
	uint64_t rx = post_buffer(f, HDR + 70000);

	assert_int_equal(NET_FRAME_MAX, 65557);
	post_frame(f, 65536);
	driver_kick(&f->d, TXQ);
	assert_int_equal(take_used(f, RXQ), HDR + 65536);
	assert_frame(f, rx, 65536);
	rx = post_buffer(f, HDR + 70000);
	post_frame(f, 65557);
	driver_kick(&f->d, TXQ);
	assert_int_equal(take_used(f, RXQ), HDR + 65557);
	assert_frame(f, rx, 65557);
	assert_int_equal(f->count->tx_oversize_dropped, 0);
	post_buffer(f, HDR + 70000);
	post_frame(f, 65558);
	driver_kick(&f->d, TXQ);
	assert_int_equal(f->count->tx_oversize_dropped, 1);
	assert_int_equal(driver_used_count(&f->d, TXQ), 3);
	assert_int_equal(driver_used_count(&f->d, RXQ), 0);
	/* one that claims 4 GiB, and 256 that claim 1 TiB together */
	driver_add(&f->d, TXQ, &(struct driver_seg){ DRIVER_RAM_GPA, UINT32_MAX, false }, 1);
	driver_kick(&f->d, TXQ);
	struct driver_seg many[200];
	for (unsigned i = 0; i < 200; i++)
		many[i] = (struct driver_seg){ DRIVER_RAM_GPA, UINT32_MAX, false };
	driver_add(&f->d, TXQ, many, 200);
	driver_kick(&f->d, TXQ);
	assert_int_equal(f->count->tx_oversize_dropped, 3);
	assert_int_equal(f->count->tx_packets, 2);
	assert_int_equal(f->count->tx_chain_invalid, 0);
}

/* NET-16 NET-34 NET-35: a writable segment, fewer than 12 bytes, unmapped or
 * wrapping memory, a loop: counted, completed with 0, nothing received */
static void invalid_tx(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 4096, 1);
	struct driver_seg writable[] = { { gpa, 100, false }, { gpa, 10, true } };
	struct driver_seg short_[] = { { gpa, 11, false } };
	struct driver_seg empty[] = { { gpa, 0, false } };
	struct driver_seg unmapped[] = { { gpa, HDR, false }, { 1ull << 40, 100, false } };
	struct driver_seg header[] = { { 1ull << 40, HDR, false }, { gpa, 100, false } };
	struct driver_seg wraps[] = { { gpa, HDR, false }, { UINT64_MAX - 9, 100, false } };
	struct {
		struct driver_seg *seg;
		unsigned n;
	} bad[] = { { writable, 2 }, { short_, 1 }, { empty, 1 }, { unmapped, 2 }, { header, 2 }, { wraps, 2 } };

	post_buffer(f, 2048);
	for (unsigned i = 0; i < 6; i++) {
		driver_add(&f->d, TXQ, bad[i].seg, bad[i].n);
		driver_kick(&f->d, TXQ);
		assert_int_equal(f->count->tx_chain_invalid, i + 1);
		assert_int_equal(take_used(f, TXQ), 0);
	}
	driver_raw_desc(&f->d, TXQ, 50, gpa, 60, VRING_DESC_F_NEXT, 50);
	driver_raw_avail(&f->d, TXQ, 50);
	driver_kick(&f->d, TXQ);
	assert_int_equal(f->count->tx_chain_invalid, 7);
	assert_int_equal(take_used(f, TXQ), 0);
	assert_int_equal(driver_used_count(&f->d, RXQ), 0);
	assert_int_equal(f->count->tx_packets, 0);
	assert_true(f->n->dev.active);
}

/* NET-36: exactly a header is an empty frame, echoed as a header alone */
static void empty_frame(void **state)
{
	struct fixture *f = *state;
	uint64_t rx = post_buffer(f, 2048);

	post_frame(f, 0);
	driver_kick(&f->d, TXQ);
	assert_int_equal(take_used(f, TXQ), 0);
	assert_int_equal(take_used(f, RXQ), HDR);
	assert_frame(f, rx, 0);
	assert_int_equal(f->count->tx_packets, 1);
	assert_int_equal(f->count->rx_packets, 1);
	assert_int_equal(f->count->tx_bytes + f->count->rx_bytes, 0);
}

/* --- counters, poison, reset --------------------------------------------- */

/* A driver with the used ring of @q outside of memory. */
static void lose_used_ring(struct fixture *f, unsigned q)
{
	assert_true(driver_reset(&f->d));
	assert_true(driver_negotiate(&f->d, F_V1));
	driver_setup_queue(&f->d, RXQ, 256);
	driver_setup_queue(&f->d, TXQ, 256);
	driver_raw_rings(&f->d, q, f->d.q[q].desc_gpa, f->d.q[q].avail_gpa, 1ull << 40);
	assert_true(driver_ok(&f->d));
}

/* NET-37 NET-38 NET-39: without a used entry there is no packet, and no poison */
static void used_ring_failures(void **state)
{
	struct fixture *f = *state;

	lose_used_ring(f, TXQ);
	post_buffer(f, 256);
	post_frame(f, 100);
	driver_kick(&f->d, TXQ);
	assert_int_equal(f->count->tx_add_used_failures, 1);
	assert_int_equal(f->count->tx_packets, 0);
	assert_int_equal(f->count->tx_bytes, 0);
	assert_int_equal(f->count->rx_packets, 1);
	assert_true(f->n->dev.active);

	lose_used_ring(f, RXQ);
	post_buffer(f, 256);
	post_frame(f, 100);
	driver_kick(&f->d, TXQ);
	assert_int_equal(f->count->rx_add_used_failures, 1);
	assert_int_equal(f->count->rx_packets, 1);
	assert_int_equal(f->count->tx_packets, 1);
	assert_true(f->n->dev.active);
}

/* NET-40 NET-41: a bad RX ring in mid-drain: TX goes on to its end and is signalled,
 * frames are counted, then the device is poisoned */
static void rx_poison(void **state)
{
	struct fixture *f = *state;

	post_buffer(f, 256);
	driver_raw_avail(&f->d, RXQ, 999);
	for (unsigned i = 0; i < 5; i++)
		post_frame(f, 100);
	driver_irqs(&f->d);
	driver_kick(&f->d, TXQ);
	assert_int_equal(driver_used_count(&f->d, TXQ), 5);
	assert_int_equal(driver_used_count(&f->d, RXQ), 1);
	assert_int_equal(f->count->tx_packets, 5);
	assert_int_equal(f->count->tx_dropped_rx_poisoned, 4);
	assert_int_equal(f->count->tx_dropped_no_rx_buffer, 0);
	assert_int_equal(f->count->invalid_avail_idx_count, 0);
	assert_int_equal(driver_irqs(&f->d), 2); /* used buffers, then configuration */
	assert_int_equal(driver_ack(&f->d), VIRTIO_INT_VRING | VIRTIO_INT_CONFIG);
	assert_true(driver_read(&f->d, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET);
	post_frame(f, 100);
	driver_kick(&f->d, TXQ);
	settle(f);
	assert_int_equal(driver_used_count(&f->d, TXQ), 5);
}

/* MM-23 NET-41: avail.idx of either ring out of bounds: counted once */
static void avail_idx_poison(void **state)
{
	struct fixture *f = *state;

	post_frame(f, 100);
	driver_kick(&f->d, TXQ);
	driver_irqs(&f->d);
	driver_raw_avail_idx(&f->d, TXQ, 258);
	driver_kick(&f->d, TXQ);
	driver_kick(&f->d, TXQ);
	assert_int_equal(f->count->invalid_avail_idx_count, 1);
	assert_int_equal(driver_irqs(&f->d), 1);
	assert_int_equal(driver_ack(&f->d) & VIRTIO_INT_CONFIG, VIRTIO_INT_CONFIG);
	driver_init(&f->d, F_V1, NET_QUEUES, 256);
	driver_raw_avail_idx(&f->d, RXQ, 257);
	post_frame(f, 100);
	driver_kick(&f->d, TXQ);
	assert_int_equal(f->count->invalid_avail_idx_count, 2);
	assert_int_equal(f->count->tx_dropped_rx_poisoned, 1);
	assert_int_equal(take_used(f, TXQ), 0);
}

/* NET-42 NET-43: a reset clears queues, features, status, interrupts and poison,
 * and keeps the counters */
static void reset_clears(void **state)
{
	struct fixture *f = *state;

	post_buffer(f, 256);
	post_frame(f, 100);
	driver_kick(&f->d, TXQ);
	driver_raw_avail_idx(&f->d, TXQ, 999);
	driver_kick(&f->d, TXQ);
	assert_true(driver_reset(&f->d));
	assert_int_equal(driver_read(&f->d, VIRTIO_MMIO_STATUS), 0);
	assert_int_equal(driver_read(&f->d, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	assert_int_equal(f->n->dev.driver_features, 0);
	for (unsigned q = 0; q < 2; q++) {
		driver_write(&f->d, VIRTIO_MMIO_QUEUE_SEL, q);
		assert_int_equal(driver_read(&f->d, VIRTIO_MMIO_QUEUE_READY), 0);
	}
	assert_int_equal(f->count->tx_packets, 1);
	assert_int_equal(f->count->rx_bytes, 100);
	assert_int_equal(f->count->invalid_avail_idx_count, 1);
	driver_init(&f->d, F_V1 | F_MAC, NET_QUEUES, 256);
	uint64_t rx = post_buffer(f, 256);
	post_frame(f, 60);
	driver_kick(&f->d, TXQ);
	assert_int_equal(take_used(f, RXQ), HDR + 60);
	assert_frame(f, rx, 60);
	assert_int_equal(f->count->tx_packets, 2);
}

/* A hostile driver gives one piece of memory to both rings: nothing breaks. */
static void overlapping_buffers(void **state)
{
	struct fixture *f = *state;

	for (unsigned shift = 0; shift < 40; shift++) {
		uint64_t tx = post_frame(f, 3000);

		driver_add(&f->d, RXQ, &(struct driver_seg){ tx + shift - 20, 4000, true }, 1);
		driver_alloc(&f->d, 2000, 1);
		driver_kick(&f->d, TXQ);
		assert_int_equal(take_used(f, RXQ), HDR + 3000);
	}
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(two_queues),
		T(features),
		T(config_layout),
		T(configured_mac),
		T(config_is_constant),
		T(echo),
		T(split_header),
		T(scattered_rx),
		T(truncated_rx),
		T(invalid_rx),
		T(unmapped_rx),
		T(no_rx_buffer),
		T(rx_kick),
		T(bounded_drain),
		T(one_interrupt_a_drain),
		T(frame_bound),
		T(invalid_tx),
		T(empty_frame),
		T(used_ring_failures),
		T(rx_poison),
		T(avail_idx_poison),
		T(reset_clears),
		T(overlapping_buffers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
