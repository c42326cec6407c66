/* SPDX-License-Identifier: GPL-2.0-only */
/* virtio-console: what the guest sends by a port, its bounds, hold, what is put back. */
#include "tests/virtio/console_fixture.h"

/* CON-41 CON-46: bytes arrive raw, chains come back with 0, and one interrupt in time */
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
	while (f->c->owed.descriptors)
		assert_true(reactor_step(f->r, true) >= 0);
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
	assert_int_equal(f->d.dev->guest_errors.count, 2);
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

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(tx_delivers),		  T(tx_wakes_one_consumer), T(tx_descriptor_cap),  T(tx_call_cap),
		T(tx_cap_overshoot),	  T(tx_empty_chain),	    T(tx_bad_descriptors), T(tx_hold),
		T(tx_hold_from_consumer), T(tx_without_consumer),   T(tx_push_back),	   T(tx_push_back_bound),
		T(txbuf_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
