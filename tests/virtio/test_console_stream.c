/* SPDX-License-Identifier: GPL-2.0-only */
/* virtio-console: long streams with a slow other end, and random drivers. */
#include "tests/virtio/console_fixture.h"
#include "tests/virtio/chains.h"

#define STREAM (64ull << 20)

/* The stream: 8-byte words that tell their position. */
static uint64_t word_at(uint64_t i)
{
	i = (i + 1) * 0x9e3779b97f4a7c15ull;
	return i ^ i >> 29;
}

static void make_stream(uint8_t *to, uint64_t pos, size_t len)
{
	while (len) {
		uint64_t w = word_at(pos / 8);
		size_t off = pos % 8, n = 8 - off < len ? 8 - off : len;

		memcpy(to, (uint8_t *)&w + off, n);
		to += n;
		pos += n;
		len -= n;
	}
}

static void check_stream(const uint8_t *from, uint64_t pos, size_t len)
{
	while (len) {
		uint64_t w = word_at(pos / 8);
		size_t off = pos % 8, n = 8 - off < len ? 8 - off : len;

		if (memcmp(from, (uint8_t *)&w + off, n))
			fail_msg("the stream is wrong near byte %llu", (unsigned long long)pos);
		from += n;
		pos += n;
		len -= n;
	}
}

/* A slow host: a 1 MiB queue that is emptied bit by bit. */
struct slow {
	struct fixture *f;
	uint64_t taken, queued, queued_max, holds;
};

#define SLOW_FULL (1u << 20)

static void slow_consumer(void *ctx, unsigned port, const uint8_t *data, size_t len)
{
	struct slow *s = ctx;

	assert_int_equal(port, CONSOLE_PORT_BULK);
	check_stream(data, s->taken, len);
	s->taken += len;
	s->queued += len;
	if (s->queued > s->queued_max)
		s->queued_max = s->queued;
	if (s->queued >= SLOW_FULL) {
		console_hold(s->f->c, port, true);
		s->holds++;
	}
}

static void slow_drain(struct slow *s, uint64_t n)
{
	s->queued -= n < s->queued ? n : s->queued;
	if (s->queued < SLOW_FULL / 2)
		console_hold(s->f->c, CONSOLE_PORT_BULK, false);
}

/* CON-57 CON-21: 64 MiB to a slow host: every byte once and in order, the
 * guest blocked rather than dropped, the host's memory bounded */
static void stream_to_host(void **state)
{
	struct fixture *f = *state;
	struct slow slow = { .f = f };
	struct chains rnd = { .state = 57 };
	uint64_t base = driver_alloc(&f->d, 256 * 8 * KIB, 4096), sent = 0, blocked = 0;
	bool wanted = true;

	console_consume(f->c, 1, slow_consumer, &slow);
	while (slow.taken < STREAM) {
		uint16_t head;
		uint32_t len;

		while (driver_used(&f->d, TXQ(1), &head, &len))
			assert_int_equal(len, 0);
		while (sent < STREAM) {
			uint16_t slot = f->d.q[TXQ(1)].free_head;
			struct driver_seg seg = { base + slot * 8ull * KIB, 1 + (uint32_t)chains_below(&rnd, 8 * KIB),
						  false };

			if (!f->d.q[TXQ(1)].n_free) {
				blocked++;
				break;
			}
			if (seg.len > STREAM - sent)
				seg.len = (uint32_t)(STREAM - sent);
			make_stream(driver_ptr(&f->d, seg.gpa, seg.len), sent, seg.len);
			assert_int_equal(driver_add(&f->d, TXQ(1), &seg, 1), slot);
			sent += seg.len;
		}
		/* an honest driver: kicks only when asked to */
		wanted = driver_kick_wanted(&f->d, TXQ(1));
		if (wanted)
			driver_kick(&f->d, TXQ(1));
		slow_drain(&slow, 100000);
		assert_true(reactor_step(f->r, false) >= 0);
	}
	settle(f);
	assert_int_equal(slow.taken, STREAM);
	assert_int_equal(console_counters(f->c)->port[1].tx_bytes, STREAM);
	assert_true(slow.holds > 10 && blocked > 10);
	assert_true(slow.queued_max <= SLOW_FULL + TXBUF_SIZE);
	assert_int_equal(f->c->port[1].tx.allocations, 1);
}

/* --- and the other way --------------------------------------------------- */

struct feeder {
	struct fixture *f;
	uint64_t sent;
};

/* Fill up to 1 MiB each time the backlog is low. */
static void feed(void *ctx, unsigned port)
{
	struct feeder *s = ctx;
	uint8_t buf[48 * KIB + 13];

	while (s->sent < STREAM && console_backlog(s->f->c, port) < SLOW_FULL) {
		size_t n = STREAM - s->sent < sizeof(buf) ? STREAM - s->sent : sizeof(buf);

		make_stream(buf, s->sent, n);
		assert_int_equal(console_send(s->f->c, port, buf, n), 0);
		s->sent += n;
	}
}

/* CON-20 CON-57: 64 MiB to the guest, fed by the backlog callback alone */
static void stream_to_guest(void **state)
{
	struct fixture *f = *state;
	struct feeder feeder = { .f = f };
	struct chains rnd = { .state = 20 };
	uint64_t base = driver_alloc(&f->d, 256 * 8 * KIB, 4096), got = 0;

	say(f, 1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	console_on_backlog(f->c, 1, 256 * KIB, feed, &feeder);
	feed(&feeder, 1);
	while (got < STREAM) {
		uint16_t head;
		uint32_t len;

		for (unsigned n = (unsigned)chains_below(&rnd, 40); n && f->d.q[RXQ(1)].n_free; n--) {
			uint16_t slot = f->d.q[RXQ(1)].free_head;
			struct driver_seg seg = { base + slot * 8ull * KIB, 1 + (uint32_t)chains_below(&rnd, 8 * KIB),
						  true };

			driver_add(&f->d, RXQ(1), &seg, 1);
		}
		if (driver_kick_wanted(&f->d, RXQ(1)))
			driver_kick(&f->d, RXQ(1));
		assert_true(reactor_step(f->r, false) >= 0);
		while (driver_used(&f->d, RXQ(1), &head, &len)) {
			check_stream(driver_ptr(&f->d, base + head * 8ull * KIB, len), got, len);
			got += len;
		}
	}
	assert_int_equal(console_counters(f->c)->port[1].rx_bytes, STREAM);
	assert_true(console_counters(f->c)->port[1].backlog_max <= SLOW_FULL + 64 * KIB);
}

/* --- random drivers ------------------------------------------------------ */

static bool is_rx(unsigned q)
{
	return q == IVQ || (q != OVQ && !(q & 1));
}

static void random_message(struct chains *c, struct fixture *f)
{
	post_control(f, (uint32_t)chains_below(c, 4), (uint16_t)chains_below(c, 9), (uint16_t)chains_below(c, 3));
	c->busy[OVQ][f->d.q[OVQ].avail->ring[(f->d.q[OVQ].avail_idx - 1) % 64]] = true;
	c->posted++;
}

static void random_act(struct chains *c, struct fixture *f)
{
	static uint8_t bytes[200000];
	unsigned q = (unsigned)chains_below(c, CONSOLE_QUEUES), port = (unsigned)chains_below(c, 3);

	switch (chains_below(c, 12)) {
	case 0:
		console_send(f->c, port, bytes, chains_below(c, chains_below(c, 8) ? 64 : sizeof(bytes)));
		break;
	case 1:
		console_hold(f->c, port, chains_below(c, 2));
		break;
	case 2:
		if (f->d.q[OVQ].n_free)
			random_message(c, f);
		break;
	case 3:
		assert_true(reactor_step(f->r, false) >= 0);
		break;
	case 4:
	case 5:
		driver_kick(&f->d, q);
		break;
	default:
		chains_post(c, &f->d, q, is_rx(q));
		break;
	}
}

static void start_random_driver(struct chains *c, struct fixture *f)
{
	f->d.heap = DRIVER_RAM_GPA; /* ring memory again and again */
	driver_init(&f->d, F_V1 | F_MULTIPORT, CONSOLE_QUEUES, 64);
	memset(c->busy, 0, sizeof(c->busy));
	c->posted = c->used = 0;
}

/* Chains on TX rings and c_ovq all come back, each once; the device rests. */
static void finish_random_driver(struct chains *c, struct fixture *f)
{
	for (unsigned port = 0; port < CONSOLE_PORTS; port++)
		console_hold(f->c, port, false);
	for (unsigned q = 0; q < CONSOLE_QUEUES; q++)
		driver_kick(&f->d, q);
	settle(f);
	for (unsigned q = 0; q < CONSOLE_QUEUES; q++) {
		chains_collect(c, &f->d, q);
		if (!is_rx(q))
			assert_int_equal(chains_outstanding(c, q), 0);
	}
	assert_true(f->c->dev.active);
}

/* CON-57, for drivers of every kind: no head is lost or used twice */
static void random_chains(void **state)
{
	struct fixture *f = *state;
	struct chains c = { .gpa = f->d.heap_end - (4u << 20), .size = 4u << 20 };

	for (uint64_t seed = 1; seed <= 200; seed++) {
		c.state = seed;
		start_random_driver(&c, f);
		for (unsigned i = 0; i < 1500; i++) {
			random_act(&c, f);
			if (i % 16 == 0) {
				for (unsigned q = 0; q < CONSOLE_QUEUES; q++)
					chains_collect(&c, &f->d, q);
			}
			f->d.heap = DRIVER_RAM_GPA + (1u << 20); /* messages */
			for (unsigned port = 0; port < CONSOLE_PORTS; port++)
				f->got[port].len = 0;
		}
		if (seed % 4)
			finish_random_driver(&c, f);
	}
	assert_int_equal(console_counters(f->c)->invalid_avail_idx_count, 0);
	assert_int_equal(console_counters(f->c)->ring_errors, 0);
}

/* Rings and descriptors overwritten with noise, resets in between: the device
 * poisons or goes on, and works again after a reset */
static void random_rings(void **state)
{
	struct fixture *f = *state;
	struct chains c = { .gpa = f->d.heap_end - (4u << 20), .size = 4u << 20 };

	for (uint64_t seed = 1; seed <= 400; seed++) {
		c.state = seed << 32;
		start_random_driver(&c, f);
		for (unsigned i = 0; i < 200; i++) {
			unsigned q = (unsigned)chains_below(&c, CONSOLE_QUEUES);
			struct driver_queue *vq = &f->d.q[q];
			struct driver_seg s = chains_segment(&c, chains_below(&c, 2));
			uint16_t r = (uint16_t)chains_random(&c);

			if (chains_below(&c, 8))
				driver_raw_desc(&f->d, q, r % 64, s.gpa, s.len, r >> 8 & 7,
						(uint16_t)chains_below(&c, 70));
			else
				memset((uint8_t *)vq->desc + r % 1000, (int)r, 16);
			driver_raw_avail(&f->d, q, (uint16_t)chains_below(&c, seed % 3 ? 64 : 70));
			if (chains_below(&c, 64) == 0)
				driver_raw_avail_idx(&f->d, q, r);
			if (chains_below(&c, 3) == 0)
				driver_kick(&f->d, q);
			console_send(f->c, i % 3, &c, 40);
			assert_true(reactor_step(f->r, false) >= 0);
		}
		driver_reset(&f->d);
		for (unsigned port = 0; port < CONSOLE_PORTS; port++)
			f->got[port].len = 0;
	}
	start_random_driver(&c, f);
	settle(f);
	f->got[1].len = 0;
	post_tx(f, TXQ(1), "alive", 5);
	driver_kick(&f->d, TXQ(1));
	assert_got(f, 1, "alive", 5);
}

/* Ports opened and closed in a storm, resets in mid-stream */
static void storm(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 3000; i++) {
		f->d.heap = f->d.heap_end - (4u << 20);
		if (i % 50 == 0)
			driver_init(&f->d, F_V1 | F_MULTIPORT, CONSOLE_QUEUES, 256);
		f->d.heap = f->d.heap_end - (2u << 20);
		post_rx(f, RXQ(1), 16);
		say(f, 1 + i % 2, VIRTIO_CONSOLE_PORT_OPEN, i / 2 % 2);
		console_send(f->c, 1 + i % 2, "0123456789", 10);
		post_tx(f, TXQ(i % 3), "data", 4);
		if (i % 5 == 0)
			driver_kick(&f->d, TXQ(i % 3));
		assert_true(reactor_step(f->r, false) >= 0);
	}
	console_final_drain(f->c);
	for (unsigned port = 0; port < CONSOLE_PORTS; port++)
		assert_int_equal(f->got[port].len, 4000);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(stream_to_host), T(stream_to_guest), T(random_chains), T(random_rings), T(storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
