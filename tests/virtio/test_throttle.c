/* SPDX-License-Identifier: GPL-2.0-only */
/* Token buckets by themselves, with a clock of the test's, and the stall on the device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "tests/virtio/blk_fixture.h"

#define S 1000000000ull
#define DISK (64u << 20)

static struct bucket bucket_of(uint64_t rate, uint64_t burst)
{
	const struct throttle_limit l = { rate, burst };
	struct bucket b;

	bucket_init(&b, &l, 1000 * S);
	return b;
}

static bool consume(struct bucket *b, uint64_t n, uint64_t now)
{
	if (!bucket_can_consume(b, n, now))
		return false;
	bucket_consume(b, n);
	return true;
}

/* BLK-48 */
static void test_unlimited(void **state)
{
	struct bucket b = bucket_of(0, 0);

	assert_true(consume(&b, UINT64_MAX, 0));
	assert_true(consume(&b, 1, 0));
	assert_true(bucket_nanos_until(&b, UINT64_MAX, 0) == 0);
}

/* BLK-48 */
static void test_starts_full_and_zero_is_free(void **state)
{
	struct bucket b = bucket_of(10, 0);

	for (unsigned i = 0; i < 10; i++)
		assert_true(consume(&b, 1, 1000 * S));
	assert_false(consume(&b, 1, 1000 * S));
	assert_true(consume(&b, 0, 1000 * S));
	assert_true(bucket_nanos_until(&b, 0, 1000 * S) == 0);
}

/* BLK-48: what exceeds the capacity passes when nothing is owed and is paid later. */
static void test_oversize_goes_into_debt(void **state)
{
	struct bucket b = bucket_of(100, 0);

	assert_true(consume(&b, 1000, 1000 * S));
	assert_int_equal(b.available, -900);
	assert_false(bucket_can_consume(&b, 1000, 1000 * S));
	assert_true(bucket_nanos_until(&b, 1000, 1000 * S) == 9 * S);
	assert_true(bucket_nanos_until(&b, 1, 1000 * S) == 9 * S + S / 100);
	assert_false(bucket_can_consume(&b, 1000, 1009 * S - 1));
	assert_true(bucket_can_consume(&b, 1000, 1009 * S));
}

/* BLK-48 */
static void test_beyond_int64_is_refused(void **state)
{
	struct bucket b = bucket_of(100, 0);

	assert_false(bucket_can_consume(&b, (uint64_t)INT64_MAX + 1, 1000 * S));
	assert_true(bucket_nanos_until(&b, (uint64_t)INT64_MAX + 1, 1000 * S) == UINT64_MAX);
	assert_true(consume(&b, INT64_MAX, 1000 * S));
	assert_true(bucket_nanos_until(&b, 1, 1000 * S) > 1000 * S);
	b = bucket_of(UINT64_MAX, UINT64_MAX); /* clamped, no overflow */
	assert_true(consume(&b, INT64_MAX, 1000 * S));
	assert_true(consume(&b, INT64_MAX, 1010 * S));
	b = bucket_of(1, 0);
	assert_true(consume(&b, INT64_MAX, 1000 * S));
	assert_true(bucket_nanos_until(&b, INT64_MAX, 1000 * S) == UINT64_MAX); /* saturates */
	b.available = INT64_MIN;
	assert_true(bucket_can_consume(&b, 0, UINT64_MAX));
	assert_false(bucket_can_consume(&b, 1, UINT64_MAX));
}

/* BLK-48: refill by whole tokens; the time of a part is not lost. */
static void test_refill_keeps_fractions(void **state)
{
	struct bucket b = bucket_of(3, 0);
	uint64_t t = 1000 * S;

	assert_true(consume(&b, 3, t));
	assert_false(bucket_can_consume(&b, 1, t + S / 3 - 1));
	assert_true(b.refilled_ns == t);
	assert_true(bucket_can_consume(&b, 1, t + S / 3 + 1));
	assert_true(b.refilled_ns == t + S / 3 + 1);
	assert_true(consume(&b, 1, t + S / 3 + 1));
	/* the nanosecond above a third stayed as a part of a token */
	assert_true(bucket_can_consume(&b, 1, t + 2 * S / 3 + 1));
}

static void test_refill_is_clamped_to_capacity(void **state)
{
	struct bucket b = bucket_of(10, 30);

	assert_true(consume(&b, 30, 1000 * S));
	assert_true(bucket_can_consume(&b, 30, UINT64_MAX / 2));
	assert_int_equal(b.available, 30);
	bucket_consume(&b, 30);
	assert_false(bucket_can_consume(&b, 1, UINT64_MAX / 2));
}

static void test_clock_that_stands_still_or_goes_back(void **state)
{
	struct bucket b = bucket_of(10, 0);

	assert_true(consume(&b, 10, 1000 * S));
	assert_false(bucket_can_consume(&b, 1, 999 * S));
	assert_true(b.refilled_ns == 1000 * S);
	assert_true(bucket_nanos_until(&b, 1, 999 * S) >= S / 10);
}

/* nanos_until is the exact ceiling: one less is too early, it itself is enough.
 * Rates from one a second to far above one a nanosecond. */
static void test_nanos_until_is_exact(void **state)
{
	const uint64_t rates[] = { 1, 2, 3, 7, 200, 3000, 4 << 20, 999999937, 3000000000ull, 1ull << 40 };
	uint64_t x = 88172645463325252ull;

	for (unsigned i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct bucket b = bucket_of(rates[i], 0);
		uint64_t now = 1000 * S;

		for (unsigned k = 0; k < 2000; k++) {
			uint64_t n, wait;

			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			n = 1 + x % (rates[i] * 2);
			wait = bucket_nanos_until(&b, n, now);
			if (wait) {
				struct bucket copy = b;

				assert_false(bucket_can_consume(&copy, n, now + wait - 1));
				copy = b;
				assert_true(bucket_can_consume(&copy, n, now + wait));
			}
			now += wait;
			assert_true(consume(&b, n, now));
			if (x >> 62 == 0)
				now += x % 1000;
		}
	}
}

/* The rate over a long time is the rate set, however oddly it is asked. */
static void test_no_drift(void **state)
{
	const uint64_t rates[] = { 1, 3, 200, 3000, 7919 };

	for (unsigned i = 0; i < 5; i++) {
		struct bucket b = bucket_of(rates[i], 10 * rates[i]);
		uint64_t now = 1000 * S, granted = 0, x = 1;

		assert_true(consume(&b, 10 * rates[i], now)); /* empty it */
		while (now < 1100 * S) {
			x = x * 6364136223846793005ull + 1442695040888963407ull;
			now += 1 + (x >> 33) % (2 * S / rates[i]);
			while (now < 1100 * S && consume(&b, 1, now))
				granted++;
		}
		/* the last ones may not have been asked for */
		assert_in_range(granted, 100 * rates[i] - 3, 100 * rates[i]);
	}
}

/* BLK-46: both or neither; the longer wait counts. */
static void test_both_buckets_or_neither(void **state)
{
	const struct throttle_limit ops = { 10, 0 }, bytes = { 1000, 0 };
	struct throttle t;
	uint64_t wait;

	throttle_init(&t, &ops, &bytes, 1000 * S);
	assert_true(throttle_limited(&t));
	assert_true(throttle_take(&t, 900, 1000 * S, &wait));
	assert_false(throttle_take(&t, 200, 1000 * S, &wait));
	assert_true(wait == S / 10);
	assert_int_equal(t.ops.available, 9);
	assert_int_equal(t.bytes.available, 100);
	for (unsigned i = 0; i < 9; i++)
		assert_true(throttle_take(&t, 0, 1000 * S, &wait));
	assert_false(throttle_take(&t, 100, 1000 * S, &wait)); /* bytes would do, operations not */
	assert_true(wait == S / 10);
	assert_int_equal(t.bytes.available, 100);
	assert_false(throttle_take(&t, 1000, 1000 * S, &wait));
	assert_true(wait == 9 * S / 10);
	/* BLK-42: never longer than a second */
	assert_true(throttle_take(&t, 1000000, 1002 * S, &wait));
	assert_false(throttle_take(&t, 1, 1002 * S, &wait));
	assert_true(wait == THROTTLE_RETRY_NS_MAX);
}

/* BLK-49 */
static void test_limits_are_checked(void **state)
{
	struct throttle_limit l = { 100, 50 };
	char why[128];

	assert_int_equal(throttle_limit_check(&l, "iops", why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "iops-burst"));
	l = (struct throttle_limit){ 0, 50 };
	assert_int_equal(throttle_limit_check(&l, "bps", why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "bps"));
	l = (struct throttle_limit){ 100, 100 };
	assert_int_equal(throttle_limit_check(&l, "iops", why, sizeof(why)), 0);
	assert_int_equal(bucket_of(100, 0).capacity, 100); /* one second's worth */
	assert_int_equal(bucket_of(100, 250).available, 250);
}

static void test_bad_limits_fail_the_device(void **state)
{
	struct reactor *r;
	struct blk *b;
	char why[256];

	assert_int_equal(reactor_create(&r, 64, BLK_REACTOR_SLOTS), 0);
	assert_int_equal(blk_create(&b, r, &(struct blk_config){ .iops = 10, .iops_burst = 5 }, why, sizeof(why)),
			 -EINVAL);
	assert_non_null(strstr(why, "iops-burst"));
	assert_int_equal(blk_create(&b, r, &(struct blk_config){ .bps_burst = 5 }, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "bps-burst"));
	assert_int_equal(reactor_destroy(r, S), 0);
}

/* --- on the device -------------------------------------------------------- */

static struct blk_fixture f;

static void start(struct blk_config cfg)
{
	blk_fixture_open(&f, &cfg, DISK);
	blk_fixture_start(&f, BLK_F_ALL, 256);
}

static const struct blk_counters *counters(void)
{
	return blk_counters(f.blk);
}

static struct blk_io post(uint32_t type, uint32_t len)
{
	struct blk_io io = blk_io_new(&f, len);

	blk_io_add(&f, &io, type, 0);
	driver_kick(&f.d, 0);
	blk_settle(&f);
	return io;
}

/* Time does not pass for the buckets: whatever the machine's load, nothing is
 * granted before the test says so. */
static void freeze_clock(void)
{
	f.blk->throttle.ops.refilled_ns = f.blk->throttle.bytes.refilled_ns = UINT64_MAX / 4;
}

static void give_tokens(int64_t ops, int64_t bytes)
{
	f.blk->throttle.ops.available = ops;
	f.blk->throttle.bytes.available = bytes;
}

/* BLK-37 BLK-38 BLK-39 BLK-40 BLK-43 */
static void test_stall_is_invisible(void **state)
{
	struct blk_io a, b, c;
	uint16_t next;

	start((struct blk_config){ .iops = 1 });
	freeze_clock();
	a = post(VIRTIO_BLK_T_IN, 512);
	assert_int_equal(blk_take_used(&f, a.head), 513);
	driver_irqs(&f.d);
	driver_ack(&f.d);
	next = f.blk->dev.vq[0].next_avail;
	b = post(VIRTIO_BLK_T_IN, 512);
	assert_int_equal(f.blk->dev.vq[0].next_avail, next); /* rewound */
	assert_int_equal(f.blk->dev.vq[0].n_outstanding, 0);
	assert_int_equal(driver_used_count(&f.d, 0), 0);
	assert_int_equal(blk_io_status(&f, &b), STATUS_UNSET);
	assert_int_equal(driver_irqs(&f.d), 0);
	assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	assert_int_equal(counters()->throttled_count, 1);
	assert_int_equal(counters()->currently_throttled_gauge, 1);
	c = post(VIRTIO_BLK_T_IN, 512); /* a kick before the timer: looks again, stalls again */
	assert_int_equal(counters()->throttled_count, 2);
	assert_int_equal(counters()->currently_throttled_gauge, 1);
	assert_int_equal(f.fault.calls, 1);
	give_tokens(1, 0);
	driver_kick(&f.d, 0);
	blk_settle(&f);
	assert_int_equal(blk_take_used(&f, b.head), 513); /* the same head, and only it */
	assert_int_equal(driver_used_count(&f.d, 0), 0);
	assert_int_equal(counters()->currently_throttled_gauge, 1); /* c stalls now */
	give_tokens(1, 0);
	driver_kick(&f.d, 0);
	blk_settle(&f);
	assert_int_equal(blk_take_used(&f, c.head), 513);
	assert_int_equal(counters()->currently_throttled_gauge, 0);
	/* the timer that these kicks came before finds nothing to do */
	driver_irqs(&f.d);
	f.blk->retry.fn(&f.blk->retry);
	blk_settle(&f);
	assert_int_equal(driver_used_count(&f.d, 0), 0);
	assert_int_equal(driver_irqs(&f.d), 0);
	assert_int_equal(f.fault.calls, 3);
	assert_int_equal(counters()->throttled_count, 3);
	assert_int_equal(counters()->currently_throttled_gauge, 0);
	blk_fixture_close(&f);
}

/* BLK-41 BLK-42 BLK-47: an absolute one-shot timer, at most a second away. */
static void test_retry_timer(void **state)
{
	struct blk_io a;
	uint64_t before, after;

	start((struct blk_config){ .bps = 512 });
	a = post(VIRTIO_BLK_T_IN, 512 * 100); /* a debt of 99 seconds */
	blk_take_used(&f, a.head);
	before = monotonic_ns();
	post(VIRTIO_BLK_T_IN, 512);
	after = monotonic_ns();
	assert_in_range(f.blk->retry.deadline_ns, before + S, after + S);
	blk_fixture_close(&f);
}

/* The timer alone, no kick, brings the grant. */
static void test_timer_grants(void **state)
{
	struct blk_io io;

	start((struct blk_config){ .iops = 50, .iops_burst = 50 });
	for (unsigned i = 0; i < 51; i++) {
		io = blk_io_new(&f, 512);
		blk_io_add(&f, &io, VIRTIO_BLK_T_IN, 0);
	}
	driver_kick(&f.d, 0);
	assert_true(driver_wait(&f.d, f.r, 0, 51));
	assert_int_equal(counters()->currently_throttled_gauge, 0);
	assert_int_equal(counters()->reads_completed, 51);
	blk_fixture_close(&f);
}

static unsigned grants, completions;
static uint64_t late_max_ns;

static void saw_grant(void *ctx, uint64_t late_ns)
{
	grants++;
	late_max_ns = late_ns > late_max_ns ? late_ns : late_max_ns;
}

static void saw_completion(void *ctx, uint32_t type, uint64_t ns)
{
	assert_ptr_equal(ctx, &f);
	assert_int_equal(type, VIRTIO_BLK_T_IN);
	completions++;
}

/* Each stall ends in one grant that the observer sees, and never early. */
static void test_observer(void **state)
{
	grants = completions = 0;
	start((struct blk_config){ .iops = 500 });
	blk_observe(f.blk, &(struct blk_observer){ saw_completion, saw_grant, &f });
	give_tokens(0, 0);
	for (unsigned i = 0; i < 80; i++) {
		struct blk_io io = blk_io_new(&f, 512);

		blk_io_add(&f, &io, VIRTIO_BLK_T_IN, 0);
	}
	driver_kick(&f.d, 0);
	assert_true(driver_wait(&f.d, f.r, 0, 80));
	assert_int_equal(completions, 80);
	/* one kick and then timers only: a stall for each grant, unless the
	 * machine slept through several */
	assert_in_range(grants, 1, 80);
	assert_int_equal(counters()->throttled_count, grants);
	print_message("worst grant %llu us late\n", (unsigned long long)late_max_ns / 1000);
	blk_fixture_close(&f);
}

bool __real_throttle_take(struct throttle *t, uint64_t bytes, uint64_t now_ns, uint64_t *wait_ns);
bool __wrap_throttle_take(struct throttle *t, uint64_t bytes, uint64_t now_ns, uint64_t *wait_ns);

static unsigned refusals, takes; /* so many are refused, with a wait of nothing */
static uint64_t last_take_ns;

bool __wrap_throttle_take(struct throttle *t, uint64_t bytes, uint64_t now_ns, uint64_t *wait_ns)
{
	takes++;
	last_take_ns = now_ns;
	if (!refusals)
		return __real_throttle_take(t, bytes, now_ns, wait_ns);
	refusals--;
	*wait_ns = 0;
	return false;
}

/* BLK-44: a wait of nothing is looked at once more, at once; then a timer of 1 ns. */
static void test_wait_of_nothing(void **state)
{
	struct blk_io io;

	start((struct blk_config){ .iops = 1000 });
	takes = 0;
	refusals = 1;
	io = post(VIRTIO_BLK_T_IN, 512);
	assert_int_equal(takes, 2);
	assert_int_equal(blk_take_used(&f, io.head), 513);
	assert_int_equal(counters()->throttled_count, 0);
	takes = 0;
	refusals = 2;
	blk_io_add(&f, &io, VIRTIO_BLK_T_IN, 0);
	driver_kick(&f.d, 0);
	assert_int_equal(takes, 2);
	assert_int_equal(counters()->throttled_count, 1);
	assert_int_equal(f.blk->due_ns, last_take_ns + 1);
	assert_true(driver_wait(&f.d, f.r, 0, 1)); /* nobody kicks again */
	assert_int_equal(blk_take_used(&f, io.head), 513);
	assert_int_equal(takes, 3);
	blk_fixture_close(&f);
}

/* A rate whose waits are shorter than a timer can be set. */
static void test_rates_beyond_the_timers_grain(void **state)
{
	uint16_t head;
	uint32_t len;

	start((struct blk_config){ .bps = 1ull << 32 });
	for (unsigned i = 0; i < 64; i++) {
		struct blk_io io = blk_io_new(&f, 256 << 10);

		f.d.heap = DRIVER_RAM_GPA + (1 << 20);
		give_tokens(0, 1000);
		blk_io_add(&f, &io, VIRTIO_BLK_T_IN, 0);
		driver_kick(&f.d, 0);
		assert_true(driver_wait(&f.d, f.r, 0, 1));
		assert_true(driver_used(&f.d, 0, &head, &len));
	}
	blk_fixture_close(&f);
}

/* BLK-09 BLK-10 BLK-11 BLK-12 BLK-13 BLK-67: what is refused costs nothing and
 * is answered while the buckets are empty. */
static void test_refused_requests_cost_nothing(void **state)
{
	struct blk_io io;

	start((struct blk_config){ .read_only = true, .iops = 1000, .bps = 1000000 });
	freeze_clock();
	give_tokens(0, 0);
	io = post(VIRTIO_BLK_T_OUT, 1 << 20);
	assert_int_equal(blk_take_used(&f, io.head), 1);
	assert_int_equal(blk_io_status(&f, &io), VIRTIO_BLK_S_IOERR);
	io = post(VIRTIO_BLK_T_FLUSH, 0);
	assert_int_equal(blk_take_used(&f, io.head), 1);
	assert_int_equal(blk_io_status(&f, &io), VIRTIO_BLK_S_OK);
	io = post(1234, 512);
	assert_int_equal(blk_take_used(&f, io.head), 1);
	assert_int_equal(blk_io_status(&f, &io), VIRTIO_BLK_S_UNSUPP);
	io = post(VIRTIO_BLK_T_IN, 100); /* malformed */
	assert_int_equal(blk_take_used(&f, io.head), 1);
	assert_int_equal(counters()->throttled_count, 0);
	assert_int_equal(f.blk->throttle.ops.available, 0);
	assert_int_equal(f.blk->throttle.bytes.available, 0);
	assert_int_equal(f.fault.calls, 0);
	blk_fixture_close(&f);
}

/* BLK-30: a flush costs one operation and no byte. BLK-46: one operation and
 * its bytes for a transfer. */
static void test_costs(void **state)
{
	start((struct blk_config){ .iops = 100, .bps = 1000000 });
	freeze_clock();
	post(VIRTIO_BLK_T_FLUSH, 0);
	assert_int_equal(f.blk->throttle.ops.available, 99);
	assert_int_equal(f.blk->throttle.bytes.available, 1000000);
	post(VIRTIO_BLK_T_OUT, 4096);
	assert_int_equal(f.blk->throttle.ops.available, 98);
	assert_int_equal(f.blk->throttle.bytes.available, 1000000 - 4096);
	post(VIRTIO_BLK_T_GET_ID, 20);
	assert_int_equal(f.blk->throttle.ops.available, 97);
	assert_int_equal(f.blk->throttle.bytes.available, 1000000 - 4096);
	blk_fixture_close(&f);
}

/* BLK-40 BLK-50: the reset forgets the stall, and neither gives nor takes tokens. */
static void test_reset_while_stalled(void **state)
{
	struct blk_io io;

	start((struct blk_config){ .iops = 1 });
	post(VIRTIO_BLK_T_IN, 512);
	freeze_clock();
	post(VIRTIO_BLK_T_IN, 512);
	assert_int_equal(counters()->currently_throttled_gauge, 1);
	assert_true(driver_reset(&f.d));
	assert_int_equal(counters()->currently_throttled_gauge, 0);
	assert_int_equal(f.blk->retry.deadline_ns, 0);
	assert_int_equal(f.blk->throttle.ops.available, 0);
	blk_fixture_start(&f, BLK_F_ALL, 256);
	give_tokens(1, 0);
	io = post(VIRTIO_BLK_T_IN, 512);
	blk_take_used(&f, io.head);
	assert_int_equal(counters()->throttled_count, 1);
	blk_fixture_close(&f);
}

/* BLK-50: a driver can't lift its limit, nor what it owes, by resets. */
static void test_resets_give_no_tokens(void **state)
{
	unsigned through = 0;

	start((struct blk_config){ .iops = 5, .bps = 1 << 18 });
	freeze_clock();
	for (unsigned i = 0; i < 100; i++) {
		f.d.heap = DRIVER_RAM_GPA + (1 << 20);
		blk_fixture_start(&f, BLK_F_ALL, 256);
		post(VIRTIO_BLK_T_IN, 512);
		through += driver_used_count(&f.d, 0);
	}
	assert_int_equal(through, 5);
	give_tokens(1, 1 << 18);
	blk_fixture_start(&f, BLK_F_ALL, 256);
	post(VIRTIO_BLK_T_IN, 1 << 20); /* more than the bucket holds: it goes into debt */
	assert_int_equal(driver_used_count(&f.d, 0), 1);
	assert_true(f.blk->throttle.bytes.available < 0);
	give_tokens(5, f.blk->throttle.bytes.available);
	blk_fixture_start(&f, BLK_F_ALL, 256);
	post(VIRTIO_BLK_T_IN, 512);
	assert_int_equal(driver_used_count(&f.d, 0), 0);
	blk_fixture_close(&f);
}

/* BLK-54: pause and teardown work while a head is stalled. */
static void test_pause_while_stalled(void **state)
{
	start((struct blk_config){ .iops = 1 });
	post(VIRTIO_BLK_T_IN, 512);
	freeze_clock();
	post(VIRTIO_BLK_T_IN, 512);
	assert_int_equal(blk_quiesce(f.blk), 0);
	give_tokens(1, 0);
	driver_kick(&f.d, 0);
	blk_settle(&f);
	assert_int_equal(counters()->reads_completed, 1);
	assert_int_equal(counters()->currently_throttled_gauge, 1);
	blk_fixture_close(&f);
}

/* Rewinding is safe with other heads in flight: they were popped before. */
static void test_stall_with_requests_in_flight(void **state)
{
	struct blk_io a, b;

	start((struct blk_config){ .iops = 1 });
	f.fault.hold[FAULT_READ] = true;
	a = post(VIRTIO_BLK_T_IN, 512);
	freeze_clock();
	b = post(VIRTIO_BLK_T_IN, 512);
	fault_finish_all(&f.fault);
	blk_settle(&f);
	assert_int_equal(blk_take_used(&f, a.head), 513);
	assert_int_equal(driver_used_count(&f.d, 0), 0);
	f.fault.hold[FAULT_READ] = false;
	give_tokens(1, 0);
	driver_kick(&f.d, 0);
	blk_settle(&f);
	assert_int_equal(blk_take_used(&f, b.head), 513);
	blk_fixture_close(&f);
}

/* A stalled chain that the guest rewrites meanwhile is decoded anew. */
static void test_stalled_chain_rewritten(void **state)
{
	struct blk_io b;

	start((struct blk_config){ .iops = 1 });
	post(VIRTIO_BLK_T_IN, 512);
	freeze_clock();
	b = post(VIRTIO_BLK_T_IN, 512);
	((struct virtio_blk_outhdr *)driver_ptr(&f.d, b.header, 16))->type = 4321;
	driver_kick(&f.d, 0);
	blk_settle(&f);
	assert_int_equal(blk_io_status(&f, &b), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(counters()->currently_throttled_gauge, 0);
	blk_fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unlimited),
		cmocka_unit_test(test_starts_full_and_zero_is_free),
		cmocka_unit_test(test_oversize_goes_into_debt),
		cmocka_unit_test(test_beyond_int64_is_refused),
		cmocka_unit_test(test_refill_keeps_fractions),
		cmocka_unit_test(test_refill_is_clamped_to_capacity),
		cmocka_unit_test(test_clock_that_stands_still_or_goes_back),
		cmocka_unit_test(test_nanos_until_is_exact),
		cmocka_unit_test(test_no_drift),
		cmocka_unit_test(test_both_buckets_or_neither),
		cmocka_unit_test(test_limits_are_checked),
		cmocka_unit_test(test_bad_limits_fail_the_device),
		cmocka_unit_test(test_stall_is_invisible),
		cmocka_unit_test(test_retry_timer),
		cmocka_unit_test(test_timer_grants),
		cmocka_unit_test(test_observer),
		cmocka_unit_test(test_wait_of_nothing),
		cmocka_unit_test(test_rates_beyond_the_timers_grain),
		cmocka_unit_test(test_refused_requests_cost_nothing),
		cmocka_unit_test(test_costs),
		cmocka_unit_test(test_reset_while_stalled),
		cmocka_unit_test(test_resets_give_no_tokens),
		cmocka_unit_test(test_pause_while_stalled),
		cmocka_unit_test(test_stall_with_requests_in_flight),
		cmocka_unit_test(test_stalled_chain_rewritten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
