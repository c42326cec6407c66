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

/* What does not fit makes it grow; it shrinks when that was taken. */
static void txbuf_grows(void **state)
{
	struct txbuf b;
	size_t n;

	assert_int_equal(txbuf_init(&b), 0);
	fill_pattern(txbuf_room(&b, 200 * KIB), 200 * KIB);
	txbuf_add(&b, 200 * KIB);
	assert_non_null(txbuf_room(&b, 88 * KIB)); /* just fits */
	assert_int_equal(b.allocations, 1);
	memset(txbuf_room(&b, 89 * KIB), 'x', 89 * KIB);
	txbuf_add(&b, 89 * KIB);
	assert_int_equal(b.allocations, 2);
	assert_pattern(txbuf_lend(&b, &n), 200 * KIB);
	assert_int_equal(n, 289 * KIB);
	txbuf_end(&b);
	assert_int_equal(b.len, 0);
	assert_int_equal(b.cap, TXBUF_SIZE);
	txbuf_free(&b);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(tx_delivers),		  T(tx_wakes_one_consumer), T(tx_descriptor_cap),  T(tx_call_cap),
		T(tx_cap_overshoot),	  T(tx_empty_chain),	    T(tx_bad_descriptors), T(tx_hold),
		T(tx_hold_from_consumer), T(tx_without_consumer),   T(txbuf_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
