/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The throttle on the device over minutes, under a clock that the test turns:
 * the linker puts it in the place of monotonic_ns() and of the timers. A driver
 * keeps the queue filled; whenever the device has stalled, time goes on to the
 * moment it asked for, or a bit later, as on a machine that has other things
 * to do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/virtio/blk_fixture.h"
#include "tests/virtio/clock.h"

#define S 1000000000ull
#define DISK (16u << 20)
#define DEPTH 16u

/* --- the clock ------------------------------------------------------------ */

static void fire(struct timer *t)
{
	t->deadline_ns = 0;
	t->fn(t);
}

/* --- the load ------------------------------------------------------------- */

static struct blk_fixture f;
static struct blk_io io[DEPTH];
static uint64_t x;

static uint64_t rnd(uint64_t n)
{
	x ^= x << 13, x ^= x >> 7, x ^= x << 17;
	return n ? (x >> 11) % n : 0;
}

static void start(const struct blk_config *cfg, uint32_t len)
{
	now_ns = 1000 * S;
	x = 88172645463325252ull;
	blk_fixture_open(&f, cfg, DISK);
	/* Without EVENT_IDX no interrupt is held back: it would wait for this clock. */
	blk_fixture_start(&f, BLK_F_ALL & ~(1ull << VIRTIO_RING_F_EVENT_IDX), 256);
	for (unsigned i = 0; i < DEPTH; i++) {
		io[i] = blk_io_new(&f, len);
		blk_io_add(&f, &io[i], VIRTIO_BLK_T_IN, i * 8);
	}
	driver_kick(&f.d, 0);
	blk_settle(&f);
}

/* Put every request that is through on the ring again; how many they were. */
static unsigned refill_queue(void)
{
	unsigned n = 0, k;
	uint16_t head;
	uint32_t len;

	do {
		k = 0;
		while (driver_used(&f.d, 0, &head, &len)) {
			unsigned i = 0;

			while (io[i].head != head)
				assert_true(++i < DEPTH);
			assert_int_equal(blk_io_status(&f, &io[i]), VIRTIO_BLK_S_OK);
			blk_io_add(&f, &io[i], VIRTIO_BLK_T_IN, i * 8);
			k++;
		}
		if (k) {
			driver_kick(&f.d, 0);
			blk_settle(&f);
		}
		n += k;
	} while (k);
	return n;
}

/* Whatever was asked for, the device knows when to go on, and that is soon. */
static void check_stalled(void)
{
	assert_int_equal(blk_counters(f.blk)->currently_throttled_gauge, 1);
	assert_true(f.blk->retry.deadline_ns > now_ns);
	assert_true(f.blk->retry.deadline_ns <= now_ns + THROTTLE_RETRY_NS_MAX);
}

/* Until @end_ns; timers come up to @late_ns late, and now and then the driver
 * kicks for nothing. How many requests went through. */
static uint64_t run_until(uint64_t end_ns, uint64_t late_ns)
{
	uint64_t n = refill_queue();

	while (f.blk->retry.deadline_ns + late_ns < end_ns) {
		if (rnd(8) == 0 && f.blk->retry.deadline_ns > now_ns) {
			now_ns += rnd(f.blk->retry.deadline_ns - now_ns);
			driver_kick(&f.d, 0);
			blk_settle(&f);
			n += refill_queue();
			check_stalled();
		}
		if (now_ns < f.blk->retry.deadline_ns)
			now_ns = f.blk->retry.deadline_ns + rnd(late_ns);
		fire(&f.blk->retry);
		blk_settle(&f);
		n += refill_queue();
		check_stalled();
	}
	now_ns = end_ns;
	return n;
}

/* --- rates ---------------------------------------------------------------- */

struct rate {
	const char *name;
	struct blk_config cfg;
	uint32_t len;	   /* of each request */
	double per_second; /* requests that should go through */
	uint64_t window_s;
};

#define MIB (1ull << 20)
static const struct rate rates[] = {
	{ "iops=200", { .iops = 200 }, 4096, 200, 10 },
	{ "iops=3000", { .iops = 3000 }, 4096, 3000, 10 },
	{ "bps=4M", { .bps = 4 * MIB }, 4096, 1024, 10 },
	{ "bps=4M, 64 KiB each", { .bps = 4 * MIB }, 65536, 64, 10 },
	{ "bps=4M and 1M of burst", { .bps = 4 * MIB, .bps_burst = 5 * MIB }, 4096, 1024, 10 },
	{ "iops=3000 and bps=4M", { .iops = 3000, .bps = 4 * MIB }, 4096, 1024, 10 },
	{ "iops=500 and bps=4M", { .iops = 500, .bps = 4 * MIB }, 4096, 500, 10 },
	{ "iops=20000: tokens come within a millisecond", { .iops = 20000 }, 512, 20000, 2 },
	{ "iops=1", { .iops = 1 }, 4096, 1, 100 },
	{ "bps=1", { .bps = 1 }, 512, 1.0 / 512, 51200 },
	{ "bps=1000: no request fits the burst", { .bps = 1000 }, 4096, 1000.0 / 4096, 1000 },
	{ "bps=64K, 128 KiB each", { .bps = 65536 }, 131072, 0.5, 200 },
};

/* BLK-45 BLK-46 BLK-47 BLK-48: within 2% of the rate in every window once the
 * burst is spent, never a request without its token, and never a stall without
 * an end. @late_ns: how late the machine may be. */
static void check_rate(const struct rate *r, uint64_t late_ns)
{
	uint64_t granted, opened_ns, burst;

	start(&r->cfg, r->len);
	granted = refill_queue();
	opened_ns = now_ns;
	/* what was there at the start: both buckets full */
	burst = granted + DEPTH;
	for (unsigned i = 0; i < 3; i++) {
		uint64_t n = run_until(now_ns + r->window_s * S, late_ns);
		double want = r->per_second * (double)r->window_s;

		if ((double)n < want * 0.98 - 1 || (double)n > want * 1.02 + 1)
			fail_msg("%s: %llu requests in %llu s", r->name, (unsigned long long)n,
				 (unsigned long long)r->window_s);
		granted += n;
	}
	/* and over all of the time exactly, but for the one that waits */
	assert_true((double)granted <= (double)burst + r->per_second * (double)(now_ns - opened_ns) / 1e9 + 1);
	blk_fixture_close(&f);
}

static void test_rates_on_time(void **state)
{
	for (unsigned i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		check_rate(&rates[i], 0);
}

/* A late timer delays a request, and takes nothing from the rate: what came
 * meanwhile is there. */
static void test_rates_on_a_busy_machine(void **state)
{
	for (unsigned i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		check_rate(&rates[i], 200000);
		check_rate(&rates[i], 20000000);
	}
}

/* The burst passes at once and is there again after as long as it takes to fill. */
static void test_burst(void **state)
{
	const struct blk_config cfg = { .bps = 4 * MIB, .bps_burst = 5 * MIB };

	start(&cfg, 4096);
	assert_int_equal(refill_queue(), 5 * MIB / 4096);
	now_ns += 10 * S; /* idle: the queue is full, but nobody looks */
	fire(&f.blk->retry);
	blk_settle(&f);
	assert_int_equal(refill_queue(), 5 * MIB / 4096);
	blk_fixture_close(&f);
}

/* BLK-45: nothing waits inside: with a clock that stands still a kick returns. */
static void test_nothing_sleeps(void **state)
{
	const struct blk_config cfg = { .iops = 1, .bps = 1 };

	start(&cfg, 4096);
	refill_queue();
	for (unsigned i = 0; i < 1000; i++) {
		driver_kick(&f.d, 0);
		blk_settle(&f);
		check_stalled();
	}
	blk_fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates_on_time),
		cmocka_unit_test(test_rates_on_a_busy_machine),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_nothing_sleeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
