/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The TAP backend over a pair of sockets that keep frames apart as a TAP does,
 * and reads that fail as the test says; and what is asked of a real interface.
 */
#include "tests/virtio/net_fixture.h"

#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "virtio/net/backend.h"

static unsigned failing; /* reads from now on that fail */
static bool cannot_settle;

int __wrap_reactor_read(struct reactor *r, struct completion *c, int fd, void *buf, unsigned len, int64_t offset);
int __real_reactor_read(struct reactor *r, struct completion *c, int fd, void *buf, unsigned len, int64_t offset);
int __wrap_reactor_settle(struct reactor *r, struct completion *c, uint64_t deadline_ns);
int __real_reactor_settle(struct reactor *r, struct completion *c, uint64_t deadline_ns);

int __wrap_reactor_read(struct reactor *r, struct completion *c, int fd, void *buf, unsigned len, int64_t offset)
{
	if (!failing)
		return __real_reactor_read(r, c, fd, buf, len, offset);
	failing--;
	if (failing % 2)
		return -EBUSY;
	return __real_reactor_read(r, c, -1, buf, len, offset);
}

int __wrap_reactor_settle(struct reactor *r, struct completion *c, uint64_t deadline_ns)
{
	return cannot_settle && c->in_flight ? -ETIMEDOUT : __real_reactor_settle(r, c, deadline_ns);
}

static int host; /* the other end of the cable */
/* The last one. A time-out leaves it with the kernel on purpose: no leak to the sanitizer while this points there. */
static struct net_backend *volatile backend;

static struct fixture *open_pair(const struct net_config *cfg)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct net_backend *b;
	struct net *n;
	char why[200];
	int pair[2], size = 1 << 20;

	assert_non_null(f);
	failing = 0;
	cannot_settle = false;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
	host = pair[1];
	for (unsigned i = 0; i < 2; i++)
		setsockopt(pair[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	assert_int_equal(reactor_create(&f->r, 32, 64), 0);
	assert_int_equal(net_tap_over(&b, f->r, pair[0]), 0);
	backend = b;
	assert_int_equal(net_create_over(&n, f->r, cfg, b, why, sizeof(why)), 0);
	open_fixture(f, n);
	driver_init(&f->d, F_V1 | F_MAC | (cfg->mtu ? 1ull << 3 : 0), NET_QUEUES, 256);
	return f;
}

static void close_pair(struct fixture *f)
{
	void *state = f;

	close(host);
	teardown(&state);
}

static void from_host(uint32_t len)
{
	uint8_t *frame = malloc(len);

	assert_non_null(frame);
	for (uint32_t i = 0; i < len; i++)
		frame[i] = pattern(i);
	assert_int_equal(write(host, frame, len), len);
	free(frame);
}

static void arrives(struct fixture *f, uint64_t rx, uint32_t len)
{
	assert_true(driver_wait(&f->d, f->r, RXQ, 1));
	assert_int_equal(take_used(f, RXQ), HDR + len);
	assert_frame(f, rx, len);
}

/* A read that failed, whether it was refused or came back with an error, is not the last. */
static void reads_go_on_after_errors(void **state)
{
	struct fixture *f = open_pair(&(struct net_config){ 0 });
	uint64_t rx;

	for (unsigned errors = 1; errors <= 4; errors++) {
		rx = post_buffer(f, 2048);
		from_host(100);
		arrives(f, rx, 100); /* the one that was armed before */
		failing = errors;
		rx = post_buffer(f, 2048);
		from_host(200);
		arrives(f, rx, 200); /* and after it they fail */
		rx = post_buffer(f, 2048);
		from_host(300);
		arrives(f, rx, 300);
		assert_int_equal(failing, 0);
	}
	assert_int_equal(f->count->rx_backend_errors, 1 + 2 + 3 + 4);
	assert_int_equal(f->count->rx_packets, 12);
	/* Nor does a reset while it waits for the next try. */
	failing = 1;
	rx = post_buffer(f, 2048);
	from_host(100);
	arrives(f, rx, 100);
	assert_true(driver_reset(&f->d));
	f->d.heap = DRIVER_RAM_GPA;
	driver_init(&f->d, F_V1 | F_MAC, NET_QUEUES, 256);
	rx = post_buffer(f, 2048);
	from_host(100);
	arrives(f, rx, 100);
	close_pair(f);
}

/* What is too long is an error that is counted, not the beginning of a frame; and it costs the driver no buffer. */
static void long_frames_are_not_cut(void **state)
{
	struct fixture *f = open_pair(&(struct net_config){ 0 });
	uint64_t rx = post_buffer(f, HDR + 1514);

	from_host(NET_FRAME_MAX + 1);
	from_host(NET_FRAME_MAX + 1000);
	from_host(1515);
	from_host(1514);
	arrives(f, rx, 1514);
	assert_int_equal(f->count->rx_oversize_dropped, 3);
	assert_int_equal(f->count->rx_truncated, 0);
	assert_int_equal(f->count->rx_packets, 1);
	close_pair(f);
}

/* VIRTIO_NET_F_MTU: what is longer is dropped, both ways. */
static void mtu_binds_both_ways(void **state)
{
	struct fixture *f = open_pair(&(struct net_config){ .mtu = 9000 });
	uint8_t got[16384];
	uint64_t rx;

	post_frame(f, 14 + 8 + 9001);
	post_frame(f, 14 + 9000);
	driver_kick(&f->d, TXQ);
	assert_true(driver_wait(&f->d, f->r, TXQ, 2));
	assert_int_equal(read(host, got, sizeof(got)), 14 + 9000);
	assert_int_equal(f->count->tx_oversize_dropped, 1);
	assert_int_equal(f->count->tx_packets, 1);
	rx = post_buffer(f, 16384);
	from_host(14 + 8 + 9001);
	from_host(14 + 8 + 9000);
	arrives(f, rx, 14 + 8 + 9000);
	assert_int_equal(f->count->rx_oversize_dropped, 1);
	close_pair(f);
}

/* A read that can't be cancelled is leaked, and its late completion reaches nobody. */
static void stuck_reads_are_disarmed(void **state)
{
	struct fixture *f = open_pair(&(struct net_config){ 0 });
	uint64_t stale;

	assert_true(reactor_step(f->r, false) >= 0); /* the read is with the kernel */
	cannot_settle = true;
	assert_int_equal(net_destroy(f->n), -ETIMEDOUT);
	assert_non_null(backend);
	for (unsigned i = 0; i < 10; i++)
		assert_true(reactor_step(f->r, false) >= 0); /* what else was watched */
	stale = reactor_counters(f->r)->stale;
	from_host(100);
	for (unsigned i = 0; i < 1000 && reactor_counters(f->r)->stale == stale; i++)
		assert_true(reactor_step(f->r, false) >= 0);
	assert_int_equal(reactor_counters(f->r)->stale, stale + 1);
	driver_close(&f->d);
	close(host);
	assert_int_equal(reactor_destroy(f->r, 1000000000), 0);
	free(f);
}

/* What an interface's last user offered for it is taken back: this device computes no checksums. */
static void offloads_are_off(void **state)
{
	struct ethtool_value tx_csum = { .cmd = ETHTOOL_GTXCSUM };
	struct ifreq ifr = { .ifr_name = "ktstrpersist", .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	struct net_config cfg = { .tap = "ktstrpersist" };
	struct reactor *r;
	struct net *n;
	char why[200] = "";
	int fd, s;

	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		printf("skipped: no network namespace: %s\n", strerror(errno));
		skip();
	}
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) || ioctl(fd, TUNSETPERSIST, 1)) {
		printf("skipped: no TAP: %s\n", strerror(errno));
		skip();
	}
	assert_int_equal(ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6), 0);
	close(fd);
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ifr.ifr_data = (void *)&tx_csum;
	assert_int_equal(ioctl(s, SIOCETHTOOL, &ifr), 0);
	assert_int_not_equal(tx_csum.data, 0);
	assert_int_equal(reactor_create(&r, 32, 64), 0);
	if (net_create(&n, r, &cfg, why, sizeof(why)))
		fail_msg("%s", why);
	tx_csum = (struct ethtool_value){ .cmd = ETHTOOL_GTXCSUM };
	assert_int_equal(ioctl(s, SIOCETHTOOL, &ifr), 0);
	assert_int_equal(tx_csum.data, 0);
	assert_int_equal(net_destroy(n), 0);
	assert_int_equal(reactor_destroy(r, 1000000000), 0);
	close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_go_on_after_errors), cmocka_unit_test(long_frames_are_not_cut),
		cmocka_unit_test(mtu_binds_both_ways),	    cmocka_unit_test(stuck_reads_are_disarmed),
		cmocka_unit_test(offloads_are_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
