/* SPDX-License-Identifier: GPL-2.0-only */
/* The seam of virtio-net: a backend that refuses, delays and delivers, a real
 * TAP device, and random drivers over loopback. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/virtio/net_fixture.h"
#include "tests/virtio/chains.h"

/* --- a backend of tricks ------------------------------------------------- */

static struct fake {
	struct net_backend b;
	unsigned room; /* frames it takes before it says -EAGAIN */
	bool later;
	struct driver *refill; /* give the ring the frame before this one again */
	uint16_t last;
	uint16_t head[16];
	size_t len[16];
	unsigned n_held, sent, refills, starts, stops, destroyed;
} fake;

static int fake_send(struct net_backend *b, const struct net_frame *f)
{
	if (!fake.room)
		return -EAGAIN;
	fake.room--;
	fake.sent++;
	if (fake.refill && fake.sent > 1)
		driver_raw_avail(fake.refill, NET_TXQ, fake.last);
	fake.last = f->head;
	if (!fake.later)
		return 0;
	fake.head[fake.n_held] = f->head;
	fake.len[fake.n_held++] = f->len;
	return NET_SENT_LATER;
}

static void fake_start(struct net_backend *b)
{
	fake.starts++;
}

static bool fake_stop(struct net_backend *b)
{
	fake.stops++;
	return fake.n_held == 0;
}

static void fake_refill(struct net_backend *b)
{
	fake.refills++;
}

static int fake_destroy(struct net_backend *b)
{
	fake.destroyed++;
	return 0;
}

static const struct net_backend_ops fake_ops = { .name = "fake",
						 .send = fake_send,
						 .start = fake_start,
						 .stop = fake_stop,
						 .rx_refill = fake_refill,
						 .destroy = fake_destroy };

static int setup_fake(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct net *n;
	char why[200];

	fake = (struct fake){ .b.ops = &fake_ops, .room = 1000 };
	assert_int_equal(reactor_create(&f->r, 32, 64), 0);
	assert_int_equal(net_create_over(&n, f->r, &(struct net_config){ 0 }, &fake.b, why, sizeof(why)), 0);
	open_fixture(f, n);
	driver_init(&f->d, F_V1 | F_MAC, NET_QUEUES, 256);
	*state = f;
	return 0;
}

/* NET-48: the device runs over any backend, and gives it back */
static void backend_is_replaceable(void **state)
{
	struct fixture *f = *state;
	char why[200];
	struct net *n;

	assert_string_equal(net_backend_name(f->n), "fake");
	assert_int_equal(fake.starts, 1);
	post_frame(f, 100);
	driver_kick(&f->d, TXQ);
	assert_int_equal(fake.sent, 1);
	assert_int_equal(take_used(f, TXQ), 0);
	assert_int_equal(net_create_over(&n, f->r, &(struct net_config){ .mac = { 1 } }, &fake.b, why, sizeof(why)),
			 -EINVAL);
	assert_int_equal(fake.destroyed, 1);
}

/* A refused frame stays first in the ring, the driver is not asked to kick, and
 * the backend's word resumes */
static void refused_frames_wait(void **state)
{
	struct fixture *f = *state;

	fake.room = 2;
	for (unsigned i = 0; i < 5; i++)
		post_frame(f, 100 + i);
	driver_kick(&f->d, TXQ);
	assert_int_equal(driver_used_count(&f->d, TXQ), 2);
	assert_false(driver_kick_wanted(&f->d, TXQ));
	settle(f); /* no spinning meanwhile */
	assert_int_equal(fake.sent, 2);
	fake.room = 10;
	net_tx_resume(f->n);
	settle(f);
	assert_int_equal(driver_used_count(&f->d, TXQ), 5);
	assert_int_equal(f->count->tx_bytes, 100 + 101 + 102 + 103 + 104);
	assert_true(driver_kick_wanted(&f->d, TXQ));
}

/* NET-47: a driver that refills its ring during the drain gets a ring's worth of
 * frames a turn, and not the reactor */
static void refilled_ring(void **state)
{
	struct fixture *f = *state;

	fake.refill = &f->d;
	post_frame(f, 100);
	post_frame(f, 100);
	driver_irqs(&f->d);
	driver_kick(&f->d, TXQ);
	assert_int_equal(fake.sent, 256);
	assert_int_equal(driver_irqs(&f->d), 1);
	assert_true(f->n->again.rung);
	for (unsigned i = 0; fake.sent < 512 && i < 1000; i++)
		assert_true(reactor_step(f->r, false) >= 0);
	assert_int_equal(fake.sent, 512);
	fake.refill = NULL;
	settle(f);
	assert_int_equal(f->count->tx_packets, fake.sent);
}

/* A frame sent later completes later, in any order */
static void late_completion(void **state)
{
	struct fixture *f = *state;

	fake.later = true;
	for (unsigned i = 0; i < 3; i++)
		post_frame(f, 100);
	driver_irqs(&f->d);
	driver_kick(&f->d, TXQ);
	assert_int_equal(driver_used_count(&f->d, TXQ), 0);
	assert_int_equal(driver_irqs(&f->d), 0); /* NET-29 */
	for (unsigned i = 3; i--;)
		net_sent(f->n, fake.head[i], fake.len[i]);
	fake.n_held = 0;
	net_flush(f->n);
	assert_int_equal(driver_used_count(&f->d, TXQ), 3);
	assert_int_equal(driver_irqs(&f->d), 1);
	assert_int_equal(f->count->tx_packets, 3);
}

/* What completes in one wake is told together, both ways, by one interrupt */
static void together(void **state)
{
	struct fixture *f = *state;
	const uint8_t frame[60] = { 0xff };

	fake.later = true;
	for (unsigned i = 0; i < 3; i++) {
		post_frame(f, 100);
		post_buffer(f, 200);
	}
	driver_kick(&f->d, TXQ);
	driver_irqs(&f->d);
	for (unsigned i = 0; i < 3; i++) {
		net_sent(f->n, fake.head[i], fake.len[i]);
		net_flush_later(f->n);
		assert_int_equal(net_receive(f->n, &(struct iovec){ (void *)frame, 60 }, 1, 60), 0);
		net_flush_later(f->n);
	}
	fake.n_held = 0;
	assert_int_equal(driver_used_count(&f->d, TXQ) + driver_used_count(&f->d, RXQ), 0);
	settle(f);
	assert_int_equal(driver_used_count(&f->d, TXQ), 3);
	assert_int_equal(driver_used_count(&f->d, RXQ), 3);
	assert_int_equal(driver_irqs(&f->d), 1);
}

/* A reset waits for frames in guest memory, and what comes late is not published */
static void reset_waits_for_frames(void **state)
{
	struct fixture *f = *state;

	fake.later = true;
	post_frame(f, 100);
	driver_kick(&f->d, TXQ);
	assert_false(driver_reset(&f->d));
	assert_true(driver_read(&f->d, VIRTIO_MMIO_STATUS) != 0);
	net_sent(f->n, fake.head[0], fake.len[0]);
	fake.n_held = 0;
	assert_int_equal(driver_used_count(&f->d, TXQ), 0);
	net_stopped(f->n);
	assert_int_equal(driver_read(&f->d, VIRTIO_MMIO_STATUS), 0);
	assert_int_equal(f->count->tx_packets, 0);
}

static unsigned stuck_calls, settled_calls;

static void on_stuck(struct virtio_device *d, void *ctx, const char *why)
{
	assert_ptr_equal(ctx, &stuck_calls);
	assert_non_null(strstr(why, "stuck"));
	stuck_calls++;
}

static void on_settled(struct virtio_device *d, void *ctx)
{
	settled_calls++;
}

/* Frames that the host does not let go of: the reset never settles, and whoever runs the guest is told. */
static void stuck_reset_ends_the_machine(void **state)
{
	struct fixture *f = *state;

	f->n->reset_patience_ns = 1000000;
	f->n->dev.stuck = on_stuck;
	f->n->dev.stuck_ctx = &stuck_calls;
	f->n->dev.settled = on_settled;
	stuck_calls = settled_calls = 0;
	fake.later = true;
	post_frame(f, 100);
	driver_kick(&f->d, TXQ);
	assert_false(driver_reset(&f->d));
	while (!stuck_calls)
		assert_true(reactor_step(f->r, true) >= 0);
	assert_int_equal(settled_calls, 0);
	assert_int_not_equal(driver_read(&f->d, VIRTIO_MMIO_STATUS), 0);
	/* One that comes in time takes the bound away. */
	net_sent(f->n, fake.head[0], fake.len[0]);
	fake.n_held = 0;
	net_stopped(f->n);
	assert_int_equal(settled_calls, 1);
	assert_int_equal(f->n->reset_bound.deadline_ns, 0);
	assert_int_equal(stuck_calls, 1);
}

/* Frames from outside: delivered, or -ENOBUFS and a kick wanted when buffers come */
static void frames_from_outside(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[300];
	struct iovec iov[2] = { { frame, 100 }, { frame + 100, 200 } };
	uint64_t rx;

	for (unsigned i = 0; i < 300; i++)
		frame[i] = pattern(i);
	assert_false(driver_kick_wanted(&f->d, RXQ));
	assert_int_equal(net_receive(f->n, iov, 2, 300), -ENOBUFS);
	assert_true(net_want_rx(f->n));
	assert_true(driver_kick_wanted(&f->d, RXQ));
	rx = post_buffer(f, 1000);
	driver_kick(&f->d, RXQ);
	assert_int_equal(fake.refills, 1);
	driver_irqs(&f->d);
	assert_int_equal(net_receive(f->n, iov, 2, 300), 0);
	net_flush(f->n);
	assert_int_equal(driver_irqs(&f->d), 1);
	assert_int_equal(take_used(f, RXQ), HDR + 300);
	assert_frame(f, rx, 300);
	post_buffer(f, 1000);
	assert_false(net_want_rx(f->n)); /* there already */
	driver_raw_avail_idx(&f->d, RXQ, 900);
	assert_int_equal(net_receive(f->n, iov, 2, 300), -ENXIO);
	net_flush(f->n);
	assert_int_equal(f->count->invalid_avail_idx_count, 1);
	assert_int_equal(net_receive(f->n, iov, 2, 300), -ENXIO);
}

/* --- TAP ----------------------------------------------------------------- */

#define TAP "ktstrtest0"

static int packet_socket(void)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(0x88b5) };
	struct ifreq ifr = { 0 };
	int s = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(0x88b5));

	if (s < 0)
		return -1;
	strcpy(ifr.ifr_name, TAP);
	assert_int_equal(ioctl(s, SIOCGIFFLAGS, &ifr), 0);
	ifr.ifr_flags |= IFF_UP;
	assert_int_equal(ioctl(s, SIOCSIFFLAGS, &ifr), 0);
	to.sll_ifindex = (int)if_nametoindex(TAP);
	assert_int_equal(bind(s, (struct sockaddr *)&to, sizeof(to)), 0);
	return s;
}

static void make_ethernet(uint8_t *p, uint32_t len, uint8_t tag)
{
	memset(p, 0xff, 6);
	memcpy(p + 6, "\x02\0\0\0\0\x01\x88\xb5", 8);
	for (uint32_t i = 14; i < len; i++)
		p[i] = (uint8_t)(tag + i);
}

static ssize_t receive(struct fixture *f, int s, uint8_t *buf, size_t size)
{
	for (int i = 0; i < 20000; i++) {
		struct sockaddr_ll from;
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(s, buf, size, 0, (struct sockaddr *)&from, &from_len);

		if (n >= 0 && from.sll_pkttype != PACKET_OUTGOING)
			return n;
		assert_true(reactor_step(f->r, false) >= 0);
		if (n < 0)
			usleep(100);
	}
	return -1;
}

/* NET-48: the same device over a TAP device, both ways, more frames than slots */
static void tap_both_ways(void **state)
{
	struct fixture f = { 0 };
	struct net_config cfg = { .tap = TAP };
	char why[200];
	uint8_t want[1514], got[2048];
	struct net *n;
	int s, ret;

	/* A network of our own, for root and for users. */
	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		printf("skipped: no network namespace: %s\n", strerror(errno));
		skip();
	}
	assert_int_equal(reactor_create(&f.r, 64, 64), 0);
	ret = net_create(&n, f.r, &cfg, why, sizeof(why));
	if (ret < 0) {
		printf("skipped: %s\n", why);
		assert_int_equal(reactor_destroy(f.r, 1000000000), 0);
		skip();
	}
	s = packet_socket();
	assert_true(s >= 0);
	open_fixture(&f, n);
	driver_init(&f.d, F_V1 | F_MAC, NET_QUEUES, 256);
	assert_string_equal(net_backend_name(n), "tap");

	for (unsigned i = 0; i < 60; i++) { /* guest to host */
		uint64_t tx = driver_alloc(&f.d, HDR + 1514, 1);

		make_ethernet(driver_ptr(&f.d, tx + HDR, 1514), 60 + i * 20, (uint8_t)i);
		driver_add(&f.d, TXQ,
			   (struct driver_seg[]){ { tx, HDR + 7, false }, { tx + HDR + 7, 53 + i * 20, false } }, 2);
	}
	driver_kick(&f.d, TXQ);
	for (unsigned i = 0; i < 60; i++) {
		make_ethernet(want, 60 + i * 20, (uint8_t)i);
		assert_int_equal(receive(&f, s, got, sizeof(got)), 60 + i * 20);
		assert_memory_equal(got, want, 60 + i * 20);
	}
	assert_true(driver_wait(&f.d, f.r, TXQ, 60));
	assert_int_equal(f.count->tx_packets, 60);
	assert_int_equal(f.count->tx_backend_errors, 0);

	for (unsigned i = 0; i < 20; i++) { /* host to guest; the buffers come late */
		make_ethernet(want, 100 + i, (uint8_t)i);
		assert_int_equal(send(s, want, 100 + i, 0), 100 + i);
	}
	for (unsigned i = 0; i < 100; i++)
		reactor_step(f.r, false);
	for (unsigned taken = 0, i = 0; i < 20;) {
		uint64_t rx = post_buffer(&f, 2048);
		uint32_t len;

		if (driver_kick_wanted(&f.d, RXQ))
			driver_kick(&f.d, RXQ);
		assert_true(driver_wait(&f.d, f.r, RXQ, 1));
		len = take_used(&f, RXQ) - HDR;
		assert_true(++taken < 100);
		if (memcmp(driver_ptr(&f.d, rx + HDR + 12, 2), "\x88\xb5", 2))
			continue; /* the host's own chatter on a new interface */
		make_ethernet(want, 100 + i, (uint8_t)i);
		assert_int_equal(len, 100 + i);
		assert_memory_equal(driver_ptr(&f.d, rx + HDR, len), want, len);
		i++;
	}

	/* a reset in mid-traffic settles, and the device goes on */
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < 30; i++)
			post_frame(&f, 200);
		driver_kick(&f.d, TXQ);
		if (!driver_reset(&f.d)) {
			for (unsigned i = 0; f.n->dev.resetting && i < 10000; i++)
				reactor_step(f.r, false);
		}
		assert_int_equal(driver_read(&f.d, VIRTIO_MMIO_STATUS), 0);
		f.d.heap = DRIVER_RAM_GPA;
		driver_init(&f.d, F_V1 | F_MAC, NET_QUEUES, 256);
	}
	for (unsigned i = 0; i < 30; i++)
		post_frame(&f, 200);
	driver_kick(&f.d, TXQ); /* and away with frames in flight */
	close(s);
	net_destroy(n);
	driver_close(&f.d);
	assert_int_equal(reactor_destroy(f.r, 1000000000), 0);
}

/* What can't be opened is said by name, with a remedy */
static void tap_errors(void **state)
{
	struct net_config cfg = { .tap = "a-name-that-is-too-long" };
	struct reactor *r;
	struct net *n;
	char why[200] = "";

	assert_int_equal(reactor_create(&r, 32, 64), 0);
	assert_int_equal(net_create(&n, r, &cfg, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "a-name-that-is-too-long"));
	cfg.tap = "";
	assert_int_equal(net_create(&n, r, &cfg, why, sizeof(why)), -EINVAL);
	cfg.tap = "lo"; /* not a TAP device */
	why[0] = 0;
	assert_true(net_create(&n, r, &cfg, why, sizeof(why)) < 0);
	assert_true(why[0]);
	assert_int_equal(reactor_destroy(r, 1000000000), 0);
}

/* --- random drivers ------------------------------------------------------ */

/* NET-49: random chains: each TX head comes back exactly once, each RX head at
 * most once; packets and drops account for every TX chain */
static void random_chains(void **state)
{
	struct fixture *f = *state;
	struct chains c = { .gpa = f->d.heap_end - (4u << 20), .size = 4u << 20 };
	const struct net_counters *n = f->count;

	for (uint64_t seed = 1; seed <= 300; seed++) {
		uint64_t tx_before = n->tx_packets + n->tx_chain_invalid + n->tx_oversize_dropped, tx = 0;
		uint64_t end_before = n->rx_packets + n->rx_chain_invalid + n->rx_write_failed +
				      n->tx_dropped_no_rx_buffer;
		uint64_t packets_before = n->tx_packets;

		c.state = seed;
		memset(c.busy, 0, sizeof(c.busy));
		f->d.heap = DRIVER_RAM_GPA;
		driver_init(&f->d, F_V1, NET_QUEUES, 64);
		for (unsigned i = 0; i < 1000; i++) {
			unsigned q = chains_below(&c, 3) ? TXQ : RXQ;
			uint64_t posted = c.posted;

			chains_post(&c, &f->d, q, q == RXQ);
			tx += q == TXQ && c.posted != posted;
			if (chains_below(&c, 4) == 0)
				driver_kick(&f->d, (unsigned)chains_below(&c, 2));
			if (i % 16 == 0) {
				chains_collect(&c, &f->d, TXQ);
				chains_collect(&c, &f->d, RXQ);
			}
		}
		driver_kick(&f->d, TXQ);
		settle(f);
		chains_collect(&c, &f->d, TXQ);
		chains_collect(&c, &f->d, RXQ);
		assert_int_equal(chains_outstanding(&c, TXQ), 0);
		assert_int_equal(n->tx_packets + n->tx_chain_invalid + n->tx_oversize_dropped - tx_before, tx);
		assert_int_equal(n->rx_packets + n->rx_chain_invalid + n->rx_write_failed + n->tx_dropped_no_rx_buffer -
					 end_before,
				 n->tx_packets - packets_before);
	}
	/* the run met every kind */
	assert_true(n->rx_packets > 1000 && n->tx_chain_invalid > 1000 && n->tx_oversize_dropped > 1000);
	assert_true(n->rx_chain_invalid > 10 && n->rx_write_failed > 10 && n->tx_dropped_no_rx_buffer > 10);
}

/* NET-49 MM-23 MM-24: rings of noise: the device poisons or goes on, and lives after a reset */
static void random_rings(void **state)
{
	struct fixture *f = *state;
	struct chains c = { .gpa = f->d.heap_end - (4u << 20), .size = 4u << 20 };
	unsigned poisoned = 0;

	for (uint64_t seed = 1; seed <= 1000; seed++) {
		c.state = seed << 32;
		f->d.heap = DRIVER_RAM_GPA;
		driver_init(&f->d, F_V1, NET_QUEUES, 64);
		for (unsigned i = 0; i < 100; i++) {
			unsigned q = (unsigned)chains_below(&c, 2);
			struct driver_seg s = chains_segment(&c, q == RXQ);
			uint16_t r = (uint16_t)chains_random(&c);

			driver_raw_desc(&f->d, q, r % 64, s.gpa, s.len, (s.writable ? VRING_DESC_F_WRITE : 0) | (r & 5),
					(uint16_t)chains_below(&c, 66));
			driver_raw_avail(&f->d, q, (uint16_t)chains_below(&c, seed % 2 ? 64 : 67));
			if (chains_below(&c, 128) == 0)
				driver_raw_avail_idx(&f->d, q, r);
			driver_kick(&f->d, (unsigned)chains_below(&c, 2));
		}
		poisoned += !f->n->dev.active;
	}
	assert_true(poisoned > 100 && poisoned < 1000);
	f->d.heap = DRIVER_RAM_GPA;
	driver_init(&f->d, F_V1, NET_QUEUES, 256);
	uint64_t rx = post_buffer(f, 2000);
	post_frame(f, 1500);
	driver_kick(&f->d, TXQ);
	assert_int_equal(take_used(f, RXQ), HDR + 1500);
	assert_frame(f, rx, 1500);
}

#define F(fn) cmocka_unit_test_setup_teardown(fn, setup_fake, teardown)
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		F(backend_is_replaceable),
		F(refused_frames_wait),
		F(refilled_ring),
		F(late_completion),
		F(together),
		F(reset_waits_for_frames),
		F(stuck_reset_ends_the_machine),
		F(frames_from_outside),
		cmocka_unit_test(tap_both_ways),
		cmocka_unit_test(tap_errors),
		T(random_chains),
		T(random_rings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
