/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtio-net and guests that flood it with what is no frame: what one wake of
 * the reactor does is counted, and has the bound of a ring.
 */
#include "tests/virtio/net_fixture.h"

#define WAKES 1000
#define RING 256

static void fill_ring(struct fixture *f, unsigned q, uint64_t gpa, uint32_t len, uint16_t flags)
{
	for (uint16_t i = 0; i < RING; i++)
		driver_raw_desc(&f->d, q, i, gpa, len, flags, 0);
}

/* All that was used is available again, at once. */
static void refill(struct fixture *f, unsigned q)
{
	const struct virtqueue *vq = &f->n->dev.vq[q];

	for (uint16_t at = f->d.q[q].avail_idx; (uint16_t)(at - vq->next_used) < RING; at++)
		driver_raw_avail(&f->d, q, (uint16_t)(at % RING));
}

static uint64_t frames(const struct fixture *f)
{
	const struct net_counters *c = f->count;

	return c->tx_packets + c->tx_chain_invalid + c->tx_oversize_dropped;
}

/* A ring that is full again and again: a ring's worth a kick, and no more a wake. */
static void flood(struct fixture *f)
{
	for (unsigned i = 0; i < WAKES; i++) {
		uint64_t before = frames(f);

		refill(f, RXQ);
		refill(f, TXQ);
		driver_kick(&f->d, TXQ);
		assert_int_equal(frames(f) - before, RING);
		refill(f, TXQ);
		before = frames(f);
		assert_true(reactor_step(f->r, false) >= 0);
		assert_in_range(frames(f) - before, 0, RING);
	}
	assert_true(f->d.dev->active);
}

/* NET-33 NET-35: each descriptor claims 4 GiB less a byte: dropped by its length alone, no byte is copied */
static void descriptors_of_4_gib(void **state)
{
	struct fixture *f = *state;

	fill_ring(f, TXQ, driver_alloc(&f->d, 4096, 1), UINT32_MAX, 0);
	fill_ring(f, RXQ, driver_alloc(&f->d, 4096, 1), 4096, VRING_DESC_F_WRITE);
	flood(f);
	assert_int_equal(f->count->tx_oversize_dropped, frames(f));
	assert_int_equal(f->count->rx_packets, 0);
	assert_int_equal(f->n->dev.vq[RXQ].next_used, 0);
}

/* NET-34: empty chains */
static void empty_chains(void **state)
{
	struct fixture *f = *state;

	fill_ring(f, TXQ, driver_alloc(&f->d, 16, 1), 0, 0);
	fill_ring(f, RXQ, driver_alloc(&f->d, 4096, 1), 4096, VRING_DESC_F_WRITE);
	flood(f);
	assert_int_equal(f->count->tx_chain_invalid, frames(f));
}

/* NET-22: zero-length RX chains: one is lost a frame, and nothing spins */
static void empty_buffers(void **state)
{
	struct fixture *f = *state;

	fill_ring(f, TXQ, driver_alloc(&f->d, 112, 1), 112, 0);
	fill_ring(f, RXQ, driver_alloc(&f->d, 16, 1), 0, VRING_DESC_F_WRITE);
	flood(f);
	assert_int_equal(f->count->tx_packets, frames(f));
	assert_int_equal(f->count->rx_packets, 0);
	assert_true(f->count->rx_chain_invalid + f->count->tx_dropped_no_rx_buffer == frames(f));
	assert_true(f->count->rx_chain_invalid >= WAKES * RING);
}

/* NET-47: the longest chains there are, each of which has all the ring's descriptors */
static void longest_chains(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 256, 1);

	for (unsigned q = RXQ; q <= TXQ; q++)
		for (uint16_t i = 0; i < RING; i++)
			driver_raw_desc(&f->d, q, i, gpa, 256,
					(i < RING - 1 ? VRING_DESC_F_NEXT : 0) | (q == RXQ ? VRING_DESC_F_WRITE : 0),
					(i + 1) % RING);
	for (unsigned i = 0; i < 20; i++) {
		uint64_t before = frames(f);

		refill(f, RXQ);
		refill(f, TXQ);
		driver_kick(&f->d, TXQ);
		assert_in_range(frames(f) - before, 1, RING - 1); /* and the rest in later turns */
		settle(f);
		assert_int_equal(frames(f) - before, RING);
	}
	assert_int_equal(f->count->tx_packets, frames(f));
	assert_int_equal(f->count->rx_packets + f->count->tx_dropped_no_rx_buffer, frames(f));
}

/* NET-43: a reset in the middle of each ring, with frames half sent */
static void resets_in_mid_stream(void **state)
{
	struct fixture *f = *state;
	uint64_t before, gpa = driver_alloc(&f->d, 8192, 1);

	for (unsigned i = 0; i < 2000; i++) {
		driver_init(&f->d, F_V1 | F_MAC, NET_QUEUES, RING);
		fill_ring(f, TXQ, gpa, 112, 0);
		fill_ring(f, RXQ, gpa + 4096, 1526, VRING_DESC_F_WRITE);
		refill(f, RXQ);
		refill(f, TXQ);
		before = frames(f);
		driver_kick(&f->d, TXQ);
		assert_int_equal(frames(f) - before, RING);
		refill(f, TXQ);
		assert_true(driver_reset(&f->d));
		before = frames(f);
		assert_true(reactor_step(f->r, false) >= 0);
		assert_int_equal(frames(f), before);
	}
	assert_int_equal(f->count->rx_packets, f->count->tx_packets);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(descriptors_of_4_gib), T(empty_chains), T(empty_buffers), T(longest_chains), T(resets_in_mid_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
