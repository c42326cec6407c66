/* SPDX-License-Identifier: GPL-2.0-only */
/* virtio-console: what the ports carry, its bounds, hold, reset and salvage. */
#include "tests/virtio/console_fixture.h"

#define KIB 1024u

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 131 + (i >> 8) * 17 + (i >> 16));
}

static void fill_pattern(uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = pattern(i);
}

static void assert_pattern(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] != pattern(i))
			fail_msg("byte %zu of %zu is 0x%x, not 0x%x", i, len, p[i], pattern(i));
	}
}

static void open_ports(struct fixture *f)
{
	say(f, 1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	say(f, 2, VIRTIO_CONSOLE_PORT_OPEN, 1);
	driver_irqs(&f->d);
}

/* --- guest to host ------------------------------------------------------- */

/* CON-41 CON-46: bytes arrive raw, chains come back with 0 and one interrupt */
static void tx_delivers(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 64, 1);
	struct driver_seg seg[] = { { gpa, 5, false }, { gpa + 5, 0, false }, { gpa + 5, 7, false } };

	memcpy(driver_ptr(&f->d, gpa, 12), "{\"req\": 1}\n\0", 12);
	driver_irqs(&f->d);
	driver_add(&f->d, TXQ(2), seg, 3);
	post_tx(f, TXQ(2), "more", 4);
	driver_kick(&f->d, TXQ(2));
	assert_got(f, 2, "{\"req\": 1}\n\0more", 16);
	assert_int_equal(take_used(f, TXQ(2)), 0);
	assert_int_equal(take_used(f, TXQ(2)), 0);
	assert_int_equal(driver_irqs(&f->d), 1);
	assert_int_equal(console_counters(f->c)->port[2].tx_bytes, 16);
}

/* CON-43 CON-44 CON-60: a port's traffic wakes that port's consumer only */
static void tx_wakes_one_consumer(void **state)
{
	struct fixture *f = *state;

	for (unsigned port = 0; port < 3; port++) {
		unsigned before[3] = { f->got[0].calls, f->got[1].calls, f->got[2].calls };

		post_tx(f, TXQ(port), "abc", 3);
		driver_kick(&f->d, TXQ(port));
		for (unsigned i = 0; i < 3; i++)
			assert_int_equal(f->got[i].calls, before[i] + (i == port));
	}
}

/* CON-14: a descriptor counts for at most 32 KiB, even one that claims 4 GiB */
static void tx_descriptor_cap(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 64 * KIB, 1);
	struct driver_seg exact = { gpa, 32 * KIB, false }, over = { gpa, 32 * KIB + 1, false },
			  huge = { gpa, UINT32_MAX, false };

	fill_pattern(driver_ptr(&f->d, gpa, 64 * KIB), 64 * KIB);
	driver_add(&f->d, TXQ(1), &exact, 1);
	driver_kick(&f->d, TXQ(1));
	assert_int_equal(f->got[1].len, 32 * KIB);
	driver_add(&f->d, TXQ(1), &over, 1);
	driver_kick(&f->d, TXQ(1));
	assert_int_equal(f->got[1].len, 64 * KIB);
	driver_add(&f->d, TXQ(1), &huge, 1);
	driver_kick(&f->d, TXQ(1));
	assert_int_equal(f->got[1].len, 96 * KIB);
	for (unsigned i = 0; i < 3; i++)
		assert_pattern(f->got[1].data + i * 32 * KIB, 32 * KIB);
	assert_int_equal(driver_used_count(&f->d, TXQ(1)), 3);
}

/* CON-15: 256 KiB a call; the rest stays in the ring for the next kick, or a
 * later wake, and is not used before */
static void tx_call_cap(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 32 * KIB, 1);
	struct driver_seg seg = { gpa, 32 * KIB, false };

	for (unsigned i = 0; i < 20; i++)
		driver_add(&f->d, TXQ(1), &seg, 1);
	driver_kick(&f->d, TXQ(1));
	assert_int_equal(driver_used_count(&f->d, TXQ(1)), 8);
	assert_int_equal(f->got[1].len, 256 * KIB);
	driver_kick(&f->d, TXQ(1));
	assert_int_equal(driver_used_count(&f->d, TXQ(1)), 16);
	settle(f);
	assert_int_equal(driver_used_count(&f->d, TXQ(1)), 20);
	assert_int_equal(f->got[1].len, 640 * KIB);
}

/* CON-16: the cap is looked at after a chain, which may cross it */
static void tx_cap_overshoot(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 32 * KIB, 1);
	struct driver_seg seg = { gpa, 30000, false };

	for (unsigned i = 0; i < 10; i++)
		driver_add(&f->d, TXQ(0), &seg, 1);
	driver_kick(&f->d, TXQ(0));
	assert_int_equal(f->got[0].len, 270000); /* 8 chains fall short of 262144 */
	assert_int_equal(driver_used_count(&f->d, TXQ(0)), 9);
	assert_int_equal(f->c->port[0].tx.allocations, 1); /* no growth for that */
}

/* CON-42 CON-58: an empty chain is completed, without event and interrupt */
static void tx_empty_chain(void **state)
{
	struct fixture *f = *state;

	driver_irqs(&f->d);
	post_tx(f, TXQ(0), NULL, 0);
	driver_kick(&f->d, TXQ(0));
	assert_int_equal(take_used(f, TXQ(0)), 0);
	assert_int_equal(f->got[0].calls, 0);
	assert_int_equal(driver_irqs(&f->d), 0);
	for (unsigned i = 0; i < 256; i++) /* a ring full of them is one call */
		post_tx(f, TXQ(0), NULL, 0);
	driver_kick(&f->d, TXQ(0));
	assert_int_equal(driver_used_count(&f->d, TXQ(0)), 256);
	assert_int_equal(f->got[0].calls, 0);
}

/* What can't be read is left out; what is written for reading is not data */
static void tx_bad_descriptors(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 64, 1);
	struct driver_seg seg[] = { { gpa, 2, false },
				    { 1ull << 40, 8, false },
				    { gpa + 8, 4, true },
				    { UINT64_MAX - 3, 8, false },
				    { gpa + 2, 2, false } };

	memcpy(driver_ptr(&f->d, gpa, 4), "okay", 4);
	driver_add(&f->d, TXQ(0), seg, 5);
	driver_kick(&f->d, TXQ(0));
	assert_got(f, 0, "okay", 4);
	assert_int_equal(take_used(f, TXQ(0)), 0);
	assert_int_equal(f->d.dev->guest_errors, 2);
	/* a chain that loops is completed and gives nothing */
	driver_raw_desc(&f->d, TXQ(0), 9, gpa, 4, VRING_DESC_F_NEXT, 9);
	driver_raw_avail(&f->d, TXQ(0), 9);
	driver_kick(&f->d, TXQ(0));
	assert_int_equal(f->got[0].len, 4);
	assert_int_equal(driver_used_count(&f->d, TXQ(0)), 1);
}

/* CON-21: a held port pops nothing, so the guest's ring fills; release goes on */
static void tx_hold(void **state)
{
	struct fixture *f = *state;

	console_hold(f->c, 1, true);
	for (unsigned i = 0; i < 256; i++)
		post_tx(f, TXQ(1), "abcd", 4);
	driver_kick(&f->d, TXQ(1));
	settle(f);
	assert_int_equal(driver_used_count(&f->d, TXQ(1)), 0);
	assert_int_equal(f->c->port[1].tx.len, 0);
	assert_int_equal(driver_add(&f->d, TXQ(1), &(struct driver_seg){ .len = 1 }, 1), -1);
	assert_false(driver_kick_wanted(&f->d, TXQ(1)));
	post_tx(f, TXQ(0), "other", 5); /* the other ports go on */
	driver_kick(&f->d, TXQ(0));
	assert_got(f, 0, "other", 5);
	console_hold(f->c, 1, false);
	settle(f);
	assert_int_equal(driver_used_count(&f->d, TXQ(1)), 256);
	assert_int_equal(f->got[1].len, 1024);
	assert_true(driver_kick_wanted(&f->d, TXQ(1)));
}

static void hold_self(void *ctx, unsigned port, const uint8_t *data, size_t len)
{
	struct fixture *f = ctx;

	record(ctx, port, data, len);
	console_hold(f->c, port, true);
}

/* CON-21: a consumer may hold its own port: the next call takes nothing */
static void tx_hold_from_consumer(void **state)
{
	struct fixture *f = *state;

	console_consume(f->c, 1, hold_self, f);
	post_tx(f, TXQ(1), "one", 3);
	driver_kick(&f->d, TXQ(1));
	post_tx(f, TXQ(1), "two", 3);
	driver_kick(&f->d, TXQ(1));
	settle(f);
	assert_got(f, 1, "one", 3);
	console_hold(f->c, 1, false);
	settle(f);
	assert_got(f, 1, "onetwo", 6);
}

/* CON-21: without a consumer, 256 KiB are kept for it and the guest blocks */
static void tx_without_consumer(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 16 * KIB, 1);
	struct driver_seg seg = { gpa, 16 * KIB, false };

	console_consume(f->c, 1, NULL, NULL);
	fill_pattern(driver_ptr(&f->d, gpa, 16 * KIB), 16 * KIB);
	for (unsigned i = 0; i < 40; i++)
		driver_add(&f->d, TXQ(1), &seg, 1);
	driver_kick(&f->d, TXQ(1));
	settle(f);
	driver_kick(&f->d, TXQ(1));
	settle(f);
	assert_int_equal(driver_used_count(&f->d, TXQ(1)), 16);
	console_consume(f->c, 1, record, f);
	settle(f);
	assert_int_equal(driver_used_count(&f->d, TXQ(1)), 40);
	assert_int_equal(f->got[1].len, 640 * KIB);
	for (unsigned i = 0; i < 40; i++)
		assert_pattern(f->got[1].data + i * 16 * KIB, 16 * KIB);
}

/* A consumer of records of 10 bytes: what is incomplete goes back. */
static void records_of_ten(void *ctx, unsigned port, const uint8_t *data, size_t len)
{
	struct fixture *f = ctx;
	size_t whole = len / 10 * 10;

	record(ctx, port, data, whole);
	assert_int_equal(console_push_back(f->c, port, data + whole, len - whole), 0);
}

/* CON-45: a residual put back comes first with the next bytes, in one piece */
static void tx_push_back(void **state)
{
	struct fixture *f = *state;
	uint8_t all[37 * 27];
	size_t sent = 0;

	fill_pattern(all, sizeof(all));
	console_consume(f->c, 1, records_of_ten, f);
	while (sent < sizeof(all)) {
		post_tx(f, TXQ(1), all + sent, 37);
		driver_kick(&f->d, TXQ(1));
		sent += 37;
		assert_int_equal(f->got[1].len, sent / 10 * 10);
	}
	assert_got(f, 1, all, sizeof(all) / 10 * 10);
	/* outside of a consumer too, in front of the residual, of any length */
	console_consume(f->c, 1, NULL, NULL);
	assert_int_equal(console_push_back(f->c, 1, "front", 5), 0);
	uint8_t *big = malloc(600 * KIB);
	memset(big, 'B', 600 * KIB);
	assert_int_equal(console_push_back(f->c, 1, big, 600 * KIB), 0);
	free(big);
	f->got[1].len = 0;
	console_consume(f->c, 1, record, f);
	settle(f);
	assert_int_equal(f->got[1].len, 600 * KIB + 5 + sizeof(all) % 10);
	assert_memory_equal(f->got[1].data + 600 * KIB, "front", 5);
	assert_memory_equal(f->got[1].data + 600 * KIB + 5, all + sizeof(all) / 10 * 10, sizeof(all) % 10);
	assert_int_equal(f->c->port[1].tx.cap, TXBUF_SIZE); /* and it shrank again */
}

static void put_back_too_much(void *ctx, unsigned port, const uint8_t *data, size_t len)
{
	struct fixture *f = ctx;

	record(ctx, port, data, len);
	assert_int_equal(console_push_back(f->c, port, "xxxx", 4), -E2BIG);
	assert_int_equal(console_push_back(f->c, port, "yz", 2), 0);
	assert_int_equal(console_push_back(f->c, port, "xx", 2), -E2BIG);
	assert_int_equal(console_push_back(f->c, port, "x", 1), 0);
}

static void tx_push_back_bound(void **state)
{
	struct fixture *f = *state;

	console_consume(f->c, 1, put_back_too_much, f);
	post_tx(f, TXQ(1), "abc", 3);
	driver_kick(&f->d, TXQ(1));
	console_consume(f->c, 1, record, f);
	settle(f);
	assert_got(f, 1, "abcxyz", 6);
}

/* The buffer behind it: bytes move to make room, before and behind */
static void txbuf_moves(void **state)
{
	struct txbuf b;
	uint8_t *p;
	size_t n;

	assert_int_equal(txbuf_init(&b), 0);
	p = txbuf_room(&b, 200 * KIB);
	fill_pattern(p, 200 * KIB);
	txbuf_add(&b, 200 * KIB);
	p = (uint8_t *)txbuf_lend(&b, &n);
	assert_int_equal(n, 200 * KIB);
	assert_int_equal(txbuf_put_back(&b, p + 100 * KIB, 100 * KIB), 0); /* in place */
	txbuf_end(&b);
	assert_int_equal(b.start, 100 * KIB);
	assert_int_equal(txbuf_put_back(&b, p, 100 * KIB), 0);
	assert_int_equal(b.start, 0);
	assert_pattern(b.buf, 200 * KIB);
	txbuf_lend(&b, &n);
	assert_int_equal(txbuf_put_back(&b, p + 190 * KIB, 10 * KIB), 0);
	txbuf_end(&b);
	txbuf_add(&b, 0);
	p = txbuf_room(&b, 278 * KIB); /* only from the front on */
	assert_int_equal(b.start, 0);
	for (size_t i = 0; i < 10 * KIB; i++)
		assert_int_equal(b.buf[i], pattern(190 * KIB + i));
	assert_int_equal(txbuf_put_back(&b, "in front", 8), 0); /* shifts what is there */
	assert_memory_equal(b.buf, "in front", 8);
	assert_int_equal(b.buf[8], pattern(190 * KIB));
	assert_int_equal(b.len, 10 * KIB + 8);
	assert_int_equal(b.allocations, 1);
	txbuf_free(&b);
}

/* --- host to guest ------------------------------------------------------- */

/* CON-34 CON-35: ports 1 and 2 wait for PORT_OPEN, port 0 does not */
static void rx_gate(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa[3];

	for (unsigned port = 0; port < 3; port++) {
		gpa[port] = post_rx(f, RXQ(port), 64);
		driver_kick(&f->d, RXQ(port));
		assert_int_equal(console_send(f->c, port, "bytes", 5), 0);
	}
	settle(f);
	assert_int_equal(take_used(f, RXQ(0)), 5);
	assert_int_equal(console_backlog(f->c, 1), 5);
	assert_int_equal(console_backlog(f->c, 2), 5);
	driver_irqs(&f->d);
	say(f, 1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	assert_int_equal(take_used(f, RXQ(1)), 5);
	assert_int_equal(driver_irqs(&f->d), 1);
	assert_int_equal(driver_used_count(&f->d, RXQ(2)), 0);
	assert_int_equal(console_backlog(f->c, 1), 0);
	say(f, 2, VIRTIO_CONSOLE_PORT_OPEN, 1);
	assert_int_equal(take_used(f, RXQ(2)), 5);
	for (unsigned port = 0; port < 3; port++)
		assert_guest_has(f, gpa[port], "bytes", 5);
	/* closed again: kept */
	say(f, 2, VIRTIO_CONSOLE_PORT_OPEN, 0);
	post_rx(f, RXQ(2), 64);
	console_send(f->c, 2, "late", 4);
	settle(f);
	assert_int_equal(console_backlog(f->c, 2), 4);
}

/* CON-54: all writable descriptors are filled; used tells the bytes */
static void rx_scatter(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 64, 1);
	struct driver_seg seg[] = {
		{ gpa, 3, true }, { gpa + 10, 4, false }, { gpa + 20, 0, true }, { gpa + 30, 100000, true }
	};
	uint8_t bytes[70003];

	fill_pattern(bytes, sizeof(bytes));
	driver_alloc(&f->d, 100000, 1);
	driver_add(&f->d, RXQ(0), seg, 4);
	driver_irqs(&f->d);
	assert_int_equal(console_send(f->c, 0, bytes, sizeof(bytes)), 0);
	assert_int_equal(take_used(f, RXQ(0)), sizeof(bytes));
	assert_guest_has(f, gpa, bytes, 3);
	assert_guest_has(f, gpa + 30, bytes + 3, sizeof(bytes) - 3);
	assert_guest_has(f, gpa + 10, "\0\0\0\0", 4);
	assert_int_equal(driver_irqs(&f->d), 1);
	assert_int_equal(console_counters(f->c)->port[0].rx_bytes, sizeof(bytes));
}

/* CON-53: a torn chain comes back with 0 and the bytes go to the next */
static void rx_torn(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 64, 1);
	struct driver_seg seg[] = { { gpa, 2, true }, { 1ull << 40, 8, true } };

	driver_add(&f->d, RXQ(0), seg, 2);
	driver_irqs(&f->d);
	assert_int_equal(console_send(f->c, 0, "abcdef", 6), 0);
	assert_int_equal(take_used(f, RXQ(0)), 0);
	assert_int_equal(driver_irqs(&f->d), 0); /* CON-58 */
	assert_int_equal(console_backlog(f->c, 0), 6);
	gpa = post_rx(f, RXQ(0), 64);
	driver_kick(&f->d, RXQ(0));
	assert_int_equal(take_used(f, RXQ(0)), 6);
	assert_guest_has(f, gpa, "abcdef", 6);
}

/* CON-18 CON-19: 64 chains a call; zero-length ones don't spin and lose nothing */
static void rx_zero_progress(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa;

	for (unsigned i = 0; i < 256; i++)
		post_rx(f, RXQ(0), 0);
	driver_irqs(&f->d);
	assert_int_equal(console_send(f->c, 0, "kept", 4), 0);
	assert_int_equal(driver_used_count(&f->d, RXQ(0)), 64);
	driver_kick(&f->d, RXQ(0)); /* next notify */
	assert_int_equal(driver_used_count(&f->d, RXQ(0)), 128);
	assert_int_equal(console_send(f->c, 0, "!", 1), 0); /* next push */
	assert_int_equal(driver_used_count(&f->d, RXQ(0)), 192);
	settle(f);
	assert_int_equal(driver_used_count(&f->d, RXQ(0)), 256);
	assert_int_equal(driver_irqs(&f->d), 0);
	for (unsigned i = 0; i < 256; i++)
		assert_int_equal(take_used(f, RXQ(0)), 0);
	assert_int_equal(console_backlog(f->c, 0), 5);
	gpa = post_rx(f, RXQ(0), 64);
	driver_kick(&f->d, RXQ(0));
	assert_int_equal(take_used(f, RXQ(0)), 5);
	assert_guest_has(f, gpa, "kept!", 5);
}

/* CON-18: with real buffers too: 64 chains, then a later wake */
static void rx_call_cap(void **state)
{
	struct fixture *f = *state;
	uint8_t bytes[200];

	fill_pattern(bytes, sizeof(bytes));
	for (unsigned i = 0; i < 250; i++)
		post_rx(f, RXQ(0), 1);
	driver_irqs(&f->d);
	assert_int_equal(console_send(f->c, 0, bytes, sizeof(bytes)), 0);
	assert_int_equal(driver_used_count(&f->d, RXQ(0)), 64);
	assert_int_equal(driver_irqs(&f->d), 1);
	settle(f);
	assert_int_equal(driver_used_count(&f->d, RXQ(0)), 200);
	assert_int_equal(driver_irqs(&f->d), 3);
}

/* CON-20: 10 MiB without a buffer are kept, and arrive whole */
static void rx_unbounded(void **state)
{
	struct fixture *f = *state;
	size_t total = 10u << 20, got = 0;
	uint8_t *all = malloc(total), *back = malloc(total);
	uint64_t gpa[64];

	assert_true(all && back);
	fill_pattern(all, total);
	open_ports(f);
	for (size_t at = 0; at < total; at += 999999)
		assert_int_equal(console_send(f->c, 1, all + at, at + 999999 > total ? total - at : 999999), 0);
	assert_int_equal(console_backlog(f->c, 1), total);
	assert_int_equal(console_counters(f->c)->port[1].backlog_max, total);
	for (unsigned i = 0; i < 64; i++)
		gpa[i] = driver_alloc(&f->d, 40000, 1);
	while (got < total) {
		for (unsigned i = 0; i < 64; i++)
			driver_add(&f->d, RXQ(1), &(struct driver_seg){ gpa[i], 40000, true }, 1);
		driver_kick(&f->d, RXQ(1));
		settle(f);
		for (unsigned i = 0; i < 64 && got < total; i++) {
			uint32_t len = take_used(f, RXQ(1));

			memcpy(back + got, driver_ptr(&f->d, gpa[i], len), len);
			got += len;
		}
	}
	assert_memory_equal(all, back, total);
	assert_int_equal(console_backlog(f->c, 1), 0);
	assert_int_equal(f->c->port[1].rx.n_spare, FIFO_SPARE_MAX); /* CON-55: 256 KiB stay */
	free(all);
	free(back);
}

/* CON-49: bytes sent before DRIVER_OK arrive with it, without a kick */
static void rx_before_driver_ok(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa;

	assert_int_equal(console_send(f->c, 0, "early", 5), 0);
	assert_true(driver_reset(&f->d));
	assert_int_equal(console_backlog(f->c, 0), 0); /* a reset drops it: CON-51 */
	assert_int_equal(console_send(f->c, 0, "early", 5), 0);
	assert_true(driver_negotiate(&f->d, F_V1 | F_MULTIPORT));
	for (unsigned q = 0; q < CONSOLE_QUEUES; q++)
		driver_setup_queue(&f->d, q, 256);
	gpa = post_rx(f, RXQ(0), 64);
	assert_true(driver_ok(&f->d));
	assert_int_equal(take_used(f, RXQ(0)), 5);
	assert_guest_has(f, gpa, "early", 5);
}

/* The driver is asked for kicks of RX buffers only while bytes wait for them, and once it seems not to read. */
static void rx_kick_suppression(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 64, 1);

	driver_add(&f->d, RXQ(0), &(struct driver_seg){ gpa, 2, true }, 1);
	assert_false(driver_kick_wanted(&f->d, RXQ(0)));
	console_send(f->c, 0, "abcd", 4);
	assert_int_equal(driver_used_count(&f->d, RXQ(0)), 1);
	while (!driver_kick_wanted(&f->d, RXQ(0)))
		assert_true(reactor_step(f->r, true) >= 0);
	driver_add(&f->d, RXQ(0), &(struct driver_seg){ gpa, 2, true }, 1);
	driver_kick(&f->d, RXQ(0));
	assert_int_equal(console_backlog(f->c, 0), 0);
	driver_add(&f->d, RXQ(0), &(struct driver_seg){ gpa, 2, true }, 1);
	assert_false(driver_kick_wanted(&f->d, RXQ(0)));
}

/* A reader that is behind gets an interrupt for an eighth of its buffers, or in time; one that waits, at once. */
static void rx_refill(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 64, 1);
	struct driver_seg seg = { gpa, 1, true };
	uint8_t bytes[200];

	fill_pattern(bytes, sizeof(bytes));
	for (unsigned i = 0; i < 64; i++)
		driver_add(&f->d, RXQ(0), &seg, 1);
	driver_irqs(&f->d);
	f->c->port[0].rx_wait_ns = 3600000000000ull;
	console_send(f->c, 0, bytes, sizeof(bytes));
	settle(f);
	assert_int_equal(driver_used_count(&f->d, RXQ(0)), 64);
	assert_int_equal(driver_irqs(&f->d), 1);
	assert_false(driver_kick_wanted(&f->d, RXQ(0)));
	for (unsigned i = 0; i < 7; i++) {
		assert_int_equal(take_used(f, RXQ(0)), 1);
		driver_add(&f->d, RXQ(0), &seg, 1);
		driver_kick(&f->d, RXQ(0));
		assert_int_equal(driver_irqs(&f->d), 0);
	}
	assert_int_equal(take_used(f, RXQ(0)), 1);
	driver_add(&f->d, RXQ(0), &seg, 1);
	driver_kick(&f->d, RXQ(0));
	assert_int_equal(driver_irqs(&f->d), 1);
	assert_int_equal(driver_used_count(&f->d, RXQ(0)), 64);
	take_used(f, RXQ(0));
	driver_add(&f->d, RXQ(0), &seg, 1);
	f->c->port[0].rx_due_ns = 1;
	driver_kick(&f->d, RXQ(0));
	assert_int_equal(driver_irqs(&f->d), 1);
	assert_int_equal(console_backlog(f->c, 0), 200 - 64 - 8 - 1);
}

struct backlog {
	struct fixture *f;
	unsigned calls, sends;
};

static void backlog_low(void *ctx, unsigned port)
{
	struct backlog *b = ctx;

	b->calls++;
	assert_true(console_backlog(b->f->c, port) <= 10);
	if (b->sends && b->sends--)
		console_send(b->f->c, port, "abcdefghijklmno", 15);
}

/* The backlog callback: once each time it falls to the mark; it may send; a
 * reset that drops the backlog counts */
static void rx_backlog_callback(void **state)
{
	struct fixture *f = *state;
	struct backlog b = { .f = f };
	uint64_t gpa = driver_alloc(&f->d, 64, 1);
	struct driver_seg seg = { gpa, 5, true };

	console_on_backlog(f->c, 0, 10, backlog_low, &b);
	console_send(f->c, 0, "abcdefghij", 10);
	settle(f);
	assert_int_equal(b.calls, 0);
	console_send(f->c, 0, "klmno", 5);
	assert_int_equal(b.calls, 0);
	for (unsigned i = 0; i < 3; i++) {
		driver_add(&f->d, RXQ(0), &seg, 1);
		driver_kick(&f->d, RXQ(0));
		assert_int_equal(b.calls, 1);
	}
	console_send(f->c, 0, "abcdefghijklmno", 15);
	b.sends = 3;
	for (unsigned i = 0; i < 100; i++)
		driver_add(&f->d, RXQ(0), &seg, 1);
	driver_kick(&f->d, RXQ(0));
	settle(f);
	assert_int_equal(b.calls, 5);
	assert_int_equal(console_backlog(f->c, 0), 0);
	assert_int_equal(driver_used_count(&f->d, RXQ(0)), 3 + 3 * 4);
	for (unsigned i = 0; i < 15; i++)
		take_used(f, RXQ(0));
	assert_true(driver_reset(&f->d));
	console_send(f->c, 0, "abcdefghijklmno", 15);
	assert_true(driver_reset(&f->d));
	settle(f);
	assert_int_equal(b.calls, 6);
}

/* A feeder that sends from the callback is not called from within its own
 * console_send(): it would send the same bytes twice */
static void rx_backlog_callback_comes_after_the_send(void **state)
{
	struct fixture *f = *state;
	struct backlog b = { .f = f };
	uint64_t gpa = driver_alloc(&f->d, 64, 1);

	console_on_backlog(f->c, 0, 10, backlog_low, &b);
	for (unsigned i = 0; i < 3; i++)
		driver_add(&f->d, RXQ(0), &(struct driver_seg){ gpa, 5, true }, 1);
	driver_kick(&f->d, RXQ(0));
	settle(f);
	console_send(f->c, 0, "abcdefghijklmno", 15);
	assert_int_equal(console_backlog(f->c, 0), 0);
	assert_int_equal(b.calls, 0);
	settle(f);
	assert_int_equal(b.calls, 1);
}

static void echo(void *ctx, unsigned port, const uint8_t *data, size_t len)
{
	struct fixture *f = ctx;

	record(ctx, port, data, len);
	assert_int_equal(console_send(f->c, port, data, len), 0);
}

/* A consumer may answer: what it sends goes out in a later wake */
static void consumer_answers(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa;

	open_ports(f);
	console_consume(f->c, 1, echo, f);
	gpa = post_rx(f, RXQ(1), 64);
	post_tx(f, TXQ(1), "ping", 4);
	driver_kick(&f->d, TXQ(1));
	settle(f);
	assert_int_equal(take_used(f, RXQ(1)), 4);
	assert_guest_has(f, gpa, "ping", 4);
}

/* CON-55: nothing is allocated in steady state */
static void steady_state_allocates_nothing(void **state)
{
	struct fixture *f = *state;
	uint64_t in = driver_alloc(&f->d, 4096, 1), out = driver_alloc(&f->d, 4096, 1);
	uint64_t allocations;

	open_ports(f);
	for (unsigned round = 0; round < 2000; round++) {
		for (unsigned i = 0; i < 64; i++) {
			driver_add(&f->d, TXQ(1), &(struct driver_seg){ out, 4096, false }, 1);
			driver_add(&f->d, RXQ(1), &(struct driver_seg){ in, 4096, true }, 1);
		}
		driver_kick(&f->d, TXQ(1));
		for (unsigned i = 0; i < 64; i++)
			console_send(f->c, 1, driver_ptr(&f->d, out, 4096), 4096);
		settle(f);
		for (unsigned i = 0; i < 64; i++) {
			take_used(f, TXQ(1));
			assert_int_equal(take_used(f, RXQ(1)), 4096);
		}
		f->got[1].len = 0;
		if (round == 0)
			allocations = f->c->port[1].tx.allocations + f->c->port[1].rx.allocations;
	}
	assert_int_equal(f->c->port[1].tx.allocations + f->c->port[1].rx.allocations, allocations);
	assert_int_equal(allocations, 1 + FIFO_SPARE_MAX);
	assert_true(f->c->port[1].rx.n_spare <= FIFO_SPARE_MAX);
}

/* --- poison, reset, the end ---------------------------------------------- */

/* MM-23 on a port's queue: what came before is delivered and signalled first */
static void tx_poison(void **state)
{
	struct fixture *f = *state;

	driver_irqs(&f->d);
	post_tx(f, TXQ(0), "last words", 10);
	driver_raw_avail(&f->d, TXQ(0), 256); /* no such head */
	driver_kick(&f->d, TXQ(0));
	assert_got(f, 0, "last words", 10);
	assert_int_equal(take_used(f, TXQ(0)), 0);
	assert_int_equal(driver_irqs(&f->d), 2); /* used buffer, then configuration */
	assert_int_equal(driver_ack(&f->d), VIRTIO_INT_VRING | VIRTIO_INT_CONFIG);
	assert_int_equal(console_counters(f->c)->ring_errors, 1);
	assert_int_equal(console_counters(f->c)->invalid_avail_idx_count, 0);
	driver_init(&f->d, F_V1 | F_MULTIPORT, CONSOLE_QUEUES, 256);
	driver_raw_avail_idx(&f->d, RXQ(0), 257);
	console_send(f->c, 0, "x", 1);
	assert_int_equal(console_counters(f->c)->invalid_avail_idx_count, 1);
	assert_int_equal(console_counters(f->c)->ring_errors, 1); /* counters survive a reset */
}

/* A used ring outside of memory: the bytes still count, nothing is poisoned */
static void used_ring_unmapped(void **state)
{
	struct fixture *f = *state;
	unsigned q = TXQ(0);

	assert_true(driver_reset(&f->d));
	assert_true(driver_negotiate(&f->d, F_V1 | F_MULTIPORT));
	driver_setup_queue(&f->d, q, 256);
	driver_raw_rings(&f->d, q, f->d.q[q].desc_gpa, f->d.q[q].avail_gpa, 1ull << 40);
	assert_true(driver_ok(&f->d));
	post_tx(f, q, "heard", 5);
	driver_irqs(&f->d);
	driver_kick(&f->d, q);
	assert_got(f, 0, "heard", 5);
	assert_int_equal(console_counters(f->c)->ring_errors, 1);
	assert_int_equal(driver_irqs(&f->d), 0);
	assert_true(f->c->dev.active);
}

/* CON-50 CON-51: a reset salvages what the guest had sent, silently, and forgets the rest */
static void reset_salvages(void **state)
{
	struct fixture *f = *state;

	open_ports(f);
	say(f, 0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	say(f, 1, VIRTIO_CONSOLE_PORT_READY, 1);
	console_send(f->c, 1, "dropped", 7);
	driver_irqs(&f->d);
	for (unsigned port = 0; port < 3; port++)
		post_tx(f, TXQ(port), "salvaged", 8); /* no kick */
	assert_true(driver_reset(&f->d));
	for (unsigned port = 0; port < 3; port++) {
		assert_int_equal(f->got[port].calls, 0);
		assert_int_equal(f->c->port[port].tx.len, 8);
		assert_int_equal(driver_used_count(&f->d, TXQ(port)), 0);
		assert_int_equal(console_backlog(f->c, port), 0);
		assert_false(f->c->port[port].opened);
		assert_false(f->c->port[port].readied);
	}
	assert_int_equal(driver_irqs(&f->d), 0);
	assert_int_equal(f->c->control_n, 0);
	assert_false(f->c->device_ready);
	settle(f);
	for (unsigned port = 0; port < 3; port++)
		assert_got(f, port, "salvaged", 8);
}

/* CON-50: at most 256 KiB a port, held or not */
static void salvage_is_bounded(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 32 * KIB, 1);

	console_hold(f->c, 1, true);
	for (unsigned i = 0; i < 100; i++)
		driver_add(&f->d, TXQ(1), &(struct driver_seg){ gpa, 32 * KIB, false }, 1);
	driver_kick(&f->d, TXQ(1));
	assert_true(driver_reset(&f->d));
	settle(f);
	assert_int_equal(f->got[1].len, 0); /* still held */
	assert_int_equal(f->c->port[1].tx.len, 256 * KIB);
	console_hold(f->c, 1, false);
	settle(f);
	assert_int_equal(f->got[1].len, 256 * KIB);
	/* a storm of resets adds nothing */
	for (unsigned i = 0; i < 100; i++)
		assert_true(driver_reset(&f->d));
	settle(f);
	assert_int_equal(f->got[1].len, 256 * KIB);
}

/* CON-52: at the end all that is left is taken, above the cap of a call */
static void final_drain(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 32 * KIB, 1);

	console_hold(f->c, 1, true);
	for (unsigned i = 0; i < 256; i++)
		driver_add(&f->d, TXQ(1), &(struct driver_seg){ gpa, 32 * KIB, false }, 1);
	post_tx(f, TXQ(0), "bye", 3);
	driver_irqs(&f->d);
	console_final_drain(f->c);
	assert_got(f, 0, "bye", 3);
	assert_int_equal(f->got[1].len, 8192 * KIB);
	assert_int_equal(driver_irqs(&f->d), 0);
	console_final_drain(f->c);
	assert_int_equal(f->got[1].len, 8192 * KIB);
}

/* The device goes away with work left */
static void destroy_with_work_left(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 200; i++)
		post_rx(f, RXQ(0), 0);
	console_send(f->c, 0, "x", 1);
	assert_true(f->c->todo);
	console_destroy(f->c);
	for (unsigned i = 0; i < 10; i++)
		assert_true(reactor_step(f->r, false) >= 0);
	assert_int_equal(console_create(&f->c, f->r), 0); /* for teardown */
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(tx_delivers),
		T(tx_wakes_one_consumer),
		T(tx_descriptor_cap),
		T(tx_call_cap),
		T(tx_cap_overshoot),
		T(tx_empty_chain),
		T(tx_bad_descriptors),
		T(tx_hold),
		T(tx_hold_from_consumer),
		T(tx_without_consumer),
		T(tx_push_back),
		T(tx_push_back_bound),
		T(txbuf_moves),
		T(rx_gate),
		T(rx_scatter),
		T(rx_torn),
		T(rx_zero_progress),
		T(rx_call_cap),
		T(rx_unbounded),
		T(rx_before_driver_ok),
		T(rx_kick_suppression),
		T(rx_refill),
		T(rx_backlog_callback),
		T(rx_backlog_callback_comes_after_the_send),
		T(consumer_answers),
		T(steady_state_allocates_nothing),
		T(tx_poison),
		T(used_ring_unmapped),
		T(reset_salvages),
		T(salvage_is_bounded),
		T(final_drain),
		T(destroy_with_work_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
