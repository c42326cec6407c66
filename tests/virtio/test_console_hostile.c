/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtio-console and guests that flood it: what one wake of the reactor does is
 * counted, and has the bounds of the caps; what the device keeps has bounds, too.
 */
#include "tests/virtio/console_fixture.h"

#define WAKES 2000
#define RING 256

/* Used entries of each queue, as the device has written them. */
struct work {
	uint16_t used[CONSOLE_QUEUES];
	uint64_t bytes[CONSOLE_PORTS];
};

static struct work look(const struct fixture *f)
{
	struct work w;

	for (unsigned q = 0; q < CONSOLE_QUEUES; q++)
		w.used[q] = f->c->dev.vq[q].next_used;
	for (unsigned port = 0; port < CONSOLE_PORTS; port++)
		w.bytes[port] = console_counters(f->c)->port[port].tx_bytes;
	return w;
}

/* One descriptor in each place of the table, and all of them available again. */
static void fill_ring(struct fixture *f, unsigned q, uint64_t gpa, uint32_t len, uint16_t flags)
{
	for (uint16_t i = 0; i < RING; i++)
		driver_raw_desc(&f->d, q, i, gpa, len, flags, 0);
}

/* The driver gives back at once all that was used: the ring is never empty. */
static void refill(struct fixture *f, unsigned q)
{
	const struct virtqueue *vq = &f->c->dev.vq[q];

	for (uint16_t at = f->d.q[q].avail_idx; (uint16_t)(at - vq->next_used) < RING; at++)
		driver_raw_avail(&f->d, q, (uint16_t)(at % RING));
}

/* What a kick and the wake after it did to @q, at most @each of them; @each also in at least one. */
static void assert_paced(struct fixture *f, unsigned q, unsigned each)
{
	unsigned most = 0;

	for (unsigned i = 0; i < WAKES; i++) {
		struct work before = look(f), kicked;
		unsigned n;

		refill(f, q);
		driver_kick(&f->d, q);
		kicked = look(f);
		n = (uint16_t)(kicked.used[q] - before.used[q]);
		assert_in_range(n, 1, each);
		most = n > most ? n : most;
		refill(f, q);
		assert_true(reactor_step(f->r, false) >= 0);
		assert_in_range((uint16_t)(look(f).used[q] - kicked.used[q]), 0, each);
	}
	assert_int_equal(most, each);
}

/* CON-17: sixty thousand messages, no more than 32 a wake; none makes the device say more than once (CON-29) */
static void control_messages_in_thousands(void **state)
{
	static const uint16_t events[] = { VIRTIO_CONSOLE_DEVICE_READY, VIRTIO_CONSOLE_PORT_READY,
					   VIRTIO_CONSOLE_PORT_OPEN, 0xffff };
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 64 * 8, 8);

	for (uint16_t i = 0; i < RING; i++) {
		struct virtio_console_control m = { .id = i % 5, .event = events[i / 5 % 4], .value = i % 3 != 0 };

		memcpy(driver_ptr(&f->d, gpa + i % 64 * 8, 8), &m, 8);
		driver_raw_desc(&f->d, OVQ, i, gpa + i % 64 * 8, 8, 0, 0);
	}
	assert_paced(f, OVQ, CONSOLE_CONTROL_CHAINS_PER_CALL_MAX);
	assert_in_range(f->c->control_n, 0, CONSOLE_CONTROL_PENDING_MAX);
}

/* CON-15 CON-42: empty chains, of which a ring's worth is taken and given back a wake */
static void empty_chains(void **state)
{
	struct fixture *f = *state;

	fill_ring(f, TXQ(1), driver_alloc(&f->d, 16, 1), 0, 0);
	assert_paced(f, TXQ(1), RING);
	assert_int_equal(f->got[1].calls, 0);
	assert_int_equal(driver_irqs(&f->d), 0);
}

/* CON-18 CON-19: zero-length RX chains while bytes wait: 64 a wake, and no byte is gone */
static void empty_buffers(void **state)
{
	struct fixture *f = *state;

	fill_ring(f, RXQ(0), driver_alloc(&f->d, 16, 1), 0, VRING_DESC_F_WRITE);
	assert_int_equal(console_send(f->c, 0, "0123456789", 10), 0);
	assert_paced(f, RXQ(0), CONSOLE_RX_CHAINS_PER_CALL_MAX);
	assert_int_equal(console_backlog(f->c, 0), 10);
}

/* CON-14 CON-15: each descriptor claims 4 GiB less a byte; a wake takes 256 KiB, and
 * memory stays what it was */
static void descriptors_of_4_gib(void **state)
{
	struct fixture *f = *state;
	uint64_t allocations;

	fill_ring(f, TXQ(1), driver_alloc(&f->d, CONSOLE_TX_DESC_MAX, 1), UINT32_MAX, 0);
	allocations = f->c->port[1].tx.allocations;
	for (unsigned i = 0; i < 100; i++) {
		uint64_t before = look(f).bytes[1], kicked;

		refill(f, TXQ(1));
		driver_kick(&f->d, TXQ(1));
		kicked = look(f).bytes[1];
		assert_in_range(kicked - before, 1, CONSOLE_TX_PER_CALL_MAX);
		assert_true(reactor_step(f->r, false) >= 0);
		assert_in_range(look(f).bytes[1] - kicked, 0, CONSOLE_TX_PER_CALL_MAX);
		f->got[1].len = 0;
	}
	assert_int_equal(f->c->port[1].tx.allocations, allocations);
	assert_int_equal(f->c->port[1].tx.cap, TXBUF_SIZE);
}

/* CON-16: the longest chain there is crosses the cap once, and its memory is given back */
static void longest_chain(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, CONSOLE_TX_DESC_MAX, 1);

	for (uint16_t i = 0; i < RING; i++)
		driver_raw_desc(&f->d, TXQ(1), i, gpa, UINT32_MAX, i < RING - 1 ? VRING_DESC_F_NEXT : 0, i + 1);
	/* Each head is the chain's rest: 32 640 descriptors, and 8 MiB in the first chain alone. */
	for (uint16_t i = 0; i < RING; i++)
		driver_raw_avail(&f->d, TXQ(1), i);
	driver_kick(&f->d, TXQ(1));
	assert_int_equal(look(f).used[TXQ(1)], 1);
	assert_int_equal(look(f).bytes[1], RING * CONSOLE_TX_DESC_MAX);
	assert_in_range(f->c->port[1].tx.cap, 0, 3 * RING * CONSOLE_TX_DESC_MAX);
	f->got[1].len = 0;
	for (unsigned i = 0; i < 1000 && look(f).used[TXQ(1)] < RING; i++) {
		struct work before = look(f);

		assert_true(reactor_step(f->r, false) >= 0);
		assert_in_range(look(f).bytes[1] - before.bytes[1], 0,
				CONSOLE_TX_PER_CALL_MAX + RING * CONSOLE_TX_DESC_MAX);
		f->got[1].len = 0;
	}
	assert_int_equal(look(f).used[TXQ(1)], RING);
	assert_int_equal(f->c->port[1].tx.cap, TXBUF_SIZE);
}

/* All of it at once, and a reset in the middle of each stream: the sum of the caps a wake */
static void everything_at_once(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 1 << 20, 8);

	for (unsigned round = 0; round < 50; round++) {
		driver_init(&f->d, F_V1 | F_MULTIPORT, CONSOLE_QUEUES, RING);
		for (unsigned q = 0; q < CONSOLE_QUEUES; q++)
			fill_ring(f, q, gpa,
				  q == OVQ ? 8
				  : q & 1  ? UINT32_MAX
					   : round % 2 * 16,
				  q & 1 ? 0 : VRING_DESC_F_WRITE);
		for (unsigned i = 0; i < 20; i++) {
			struct work before, after;

			for (unsigned q = 0; q < CONSOLE_QUEUES; q++)
				refill(f, q);
			for (unsigned port = 0; port < CONSOLE_PORTS; port++)
				console_send(f->c, port, "0123456789", 10);
			for (unsigned q = 0; q < CONSOLE_QUEUES; q++)
				driver_kick(&f->d, q);
			before = look(f);
			assert_true(reactor_step(f->r, false) >= 0);
			after = look(f);
			assert_in_range((uint16_t)(after.used[OVQ] - before.used[OVQ]), 0, 32);
			assert_in_range((uint16_t)(after.used[IVQ] - before.used[IVQ]), 0, 32);
			for (unsigned port = 0; port < CONSOLE_PORTS; port++) {
				assert_in_range((uint16_t)(after.used[RXQ(port)] - before.used[RXQ(port)]), 0, 64);
				assert_in_range(after.bytes[port] - before.bytes[port], 0, CONSOLE_TX_PER_CALL_MAX);
				f->got[port].len = 0;
			}
		}
	}
	for (unsigned port = 0; port < CONSOLE_PORTS; port++)
		assert_in_range(f->c->port[port].rx.n_spare, 0, FIFO_SPARE_MAX);
}

/* A held port, and a guest that fills its ring and resets, over and over: what waits for the host is bounded (CON-50)
 */
static void resets_of_a_held_port(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, CONSOLE_TX_DESC_MAX, 1);

	console_hold(f->c, 1, true);
	for (unsigned round = 0; round < 50; round++) {
		driver_init(&f->d, F_V1 | F_MULTIPORT, CONSOLE_QUEUES, RING);
		fill_ring(f, TXQ(1), gpa, CONSOLE_TX_DESC_MAX, 0);
		refill(f, TXQ(1));
		assert_true(driver_reset(&f->d));
		assert_true(reactor_step(f->r, false) >= 0);
		assert_in_range(f->c->port[1].tx.len, 1, CONSOLE_SALVAGE_MAX + CONSOLE_TX_PER_CALL_MAX);
	}
	assert_int_equal(f->got[1].len, 0);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(control_messages_in_thousands), T(empty_chains),  T(empty_buffers),
		T(descriptors_of_4_gib),	  T(longest_chain), T(everything_at_once),
		T(resets_of_a_held_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
