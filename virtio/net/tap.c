/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A TAP device. Frames to the host are written from guest memory, up to TAP_TX_MAX at once. Frames from the host are
 * read one at a time into a buffer of the host, so that a reset waits for writes only. It takes 2 + TAP_TX_MAX reactor
 * slots.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/if_tun.h>

#include "reactor/container.h"
#include "virtio/net/internal.h"

#define TAP_TX_MAX 16
#define TAP_SETTLE_NS 5000000000ull
/* The delay after a read that failed: at first, and at most. */
#define TAP_RETRY_NS_MIN 10000000ull
#define TAP_RETRY_NS_MAX 5000000000ull

struct tap_write {
	struct completion c;
	struct tap *tap;
	struct tap_write *next_free;
	uint16_t head;
	size_t len;
	struct iovec iov[NET_IOV_MAX];
};

struct tap {
	struct net_backend b;
	struct reactor *r;
	int fd;
	bool started;
	struct completion rx;
	struct timer again; /* a read that failed is tried again */
	uint64_t retry_ns;  /* the delay; 0: the last read did not fail */
	size_t waiting;	    /* bytes of the frame that waits for an RX chain; 0: none */
	struct tap_write write[TAP_TX_MAX];
	struct tap_write *free;
	unsigned writing;
	uint8_t frame[NET_FRAME_MAX + 1]; /* a frame that fills it was truncated */
};

static struct tap *tap_of(struct net_backend *b)
{
	return container_of(b, struct tap, b);
}

/* --- driver to host ------------------------------------------------------ */

static void tap_write_done(struct completion *c, int32_t res, uint32_t flags)
{
	struct tap_write *w = container_of(c, struct tap_write, c);
	struct tap *t = w->tap;

	/* A frame that the host refuses (the interface is down, or it is no Ethernet frame) is lost, as on a wire. */
	if (res < 0 || (size_t)res != w->len)
		net_counters_mutable(t->b.net)->tx_backend_errors++;
	w->next_free = t->free;
	t->free = w;
	t->writing--;
	net_sent(t->b.net, w->head, w->len);
	if (!t->started) {
		if (!t->writing)
			net_stopped(t->b.net);
		return;
	}
	net_flush_later(t->b.net);
	net_tx_resume(t->b.net);
}

static int tap_send(struct net_backend *b, const struct net_frame *f)
{
	struct tap *t = tap_of(b);
	struct tap_write *w = t->free;

	if (!w)
		return -EAGAIN;
	/* There is a header, but no frame. */
	if (!f->n) {
		net_counters_mutable(b->net)->tx_backend_errors++;
		return 0;
	}
	w->head = f->head;
	w->len = f->len;
	memcpy(w->iov, f->iov, f->n * sizeof(*f->iov));
	if (reactor_writev(t->r, &w->c, t->fd, w->iov, f->n, -1) < 0) {
		net_counters_mutable(b->net)->tx_backend_errors++;
		return 0;
	}
	t->free = w->next_free;
	t->writing++;
	return NET_SENT_LATER;
}

/* --- host to driver ------------------------------------------------------ */

/* An error may pass, so reading is tried again; with a growing delay, so that an interface that is gone costs little.
 */
static void tap_read_later(struct tap *t)
{
	net_counters_mutable(t->b.net)->rx_backend_errors++;
	t->retry_ns = t->retry_ns ? t->retry_ns * 2 : TAP_RETRY_NS_MIN;
	if (t->retry_ns > TAP_RETRY_NS_MAX)
		t->retry_ns = TAP_RETRY_NS_MAX;
	timer_set(&t->again, monotonic_ns() + t->retry_ns);
}

static void tap_read_next(struct tap *t)
{
	if (!t->started || t->waiting || t->rx.in_flight || t->again.deadline_ns)
		return;
	if (reactor_read(t->r, &t->rx, t->fd, t->frame, sizeof(t->frame), -1) < 0)
		tap_read_later(t);
}

static void tap_retry_fired(struct timer *timer)
{
	tap_read_next(container_of(timer, struct tap, again));
}

/* Deliver the frame in t->frame; without an RX chain it waits. */
static void tap_deliver(struct tap *t)
{
	const struct iovec iov = { .iov_base = t->frame, .iov_len = t->waiting };
	int ret;

	do {
		ret = net_receive(t->b.net, &iov, 1, t->waiting);
	} while (ret == -ENOBUFS && !net_want_rx(t->b.net));
	if (ret != -ENOBUFS)
		t->waiting = 0;
	net_flush_later(t->b.net);
	tap_read_next(t);
}

static void tap_read_done(struct completion *c, int32_t res, uint32_t flags)
{
	struct tap *t = container_of(c, struct tap, rx);

	if (!t->started)
		return;
	if (res > 0) {
		t->retry_ns = 0;
		if ((size_t)res > NET_FRAME_MAX) {
			net_counters_mutable(t->b.net)->rx_oversize_dropped++;
			tap_read_next(t);
			return;
		}
		t->waiting = (size_t)res;
		tap_deliver(t);
	} else if (res == -EAGAIN || res == -EINTR || (res == -ECANCELED && !t->retry_ns)) {
		tap_read_next(t);
	} else {
		tap_read_later(t);
	}
}

static void tap_rx_refill(struct net_backend *b)
{
	if (tap_of(b)->waiting)
		tap_deliver(tap_of(b));
}

/* --- life ---------------------------------------------------------------- */

static void tap_start(struct net_backend *b)
{
	tap_of(b)->started = true;
	tap_read_next(tap_of(b));
}

static bool tap_stop(struct net_backend *b)
{
	struct tap *t = tap_of(b);

	t->started = false;
	t->waiting = 0;
	timer_clear(&t->again);
	for (unsigned i = 0; i < TAP_TX_MAX; i++) {
		if (t->write[i].c.in_flight)
			reactor_cancel(t->r, &t->write[i].c);
	}
	return t->writing == 0;
}

static void tap_detach(struct completion *c, struct tap *t)
{
	if (c->slot)
		reactor_detach(t->r, c);
}

static int tap_destroy(struct net_backend *b)
{
	struct tap *t = tap_of(b);
	uint64_t deadline_ns = monotonic_ns() + TAP_SETTLE_NS;
	int ret = 0;

	t->started = false;
	timer_close(&t->again);
	for (unsigned i = 0; i < TAP_TX_MAX; i++) {
		if (t->write[i].c.slot)
			ret |= reactor_settle(t->r, &t->write[i].c, deadline_ns);
	}
	if (t->rx.slot)
		ret |= reactor_settle(t->r, &t->rx, deadline_ns);
	/* Completions that come from now on must not reach the device, which goes away. */
	for (unsigned i = 0; i < TAP_TX_MAX; i++)
		tap_detach(&t->write[i].c, t);
	tap_detach(&t->rx, t);
	close(t->fd);
	/* The kernel still uses the buffers: leak them. */
	if (ret)
		return -ETIMEDOUT;
	free(t);
	return 0;
}

static const struct net_backend_ops tap_ops = {
	.name = "tap",
	.send = tap_send,
	.start = tap_start,
	.rx_refill = tap_rx_refill,
	.stop = tap_stop,
	.destroy = tap_destroy,
	.whole_frames = true,
};

/* A file descriptor of interface @name, or -errno with the reason in @why. */
static int open_interface(const char *name, char *why, size_t why_size)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd, err;

	if (!*name || strlen(name) >= sizeof(ifr.ifr_name)) {
		snprintf(why, why_size, "tap '%s': an interface name has 1 to %zu characters", name,
			 sizeof(ifr.ifr_name) - 1);
		return -EINVAL;
	}
	strcpy(ifr.ifr_name, name);
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		err = errno;
		snprintf(why, why_size, "/dev/net/tun: %s; load the module tun", strerror(err));
		return -err;
	}
	/* A persistent interface keeps the offloads (checksums, segmentation) of its last user. */
	if (ioctl(fd, TUNSETIFF, &ifr) == 0 && ioctl(fd, TUNSETOFFLOAD, 0) == 0)
		return fd;
	err = errno;
	close(fd);
	if (err == EBUSY)
		snprintf(why, why_size, "tap %s: in use by another process", name);
	else
		snprintf(why, why_size, "tap %s: %s; create it with: ip tuntap add dev %s mode tap user USER", name,
			 strerror(err), name);
	return -err;
}

int net_tap_over(struct net_backend **out, struct reactor *r, int fd)
{
	struct tap *t = calloc(1, sizeof(*t));
	int ret;

	if (!t) {
		close(fd);
		return -ENOMEM;
	}
	t->b.ops = &tap_ops;
	t->r = r;
	t->fd = fd;
	ret = timer_open(r, &t->again, tap_retry_fired);
	if (!ret)
		ret = reactor_attach(r, &t->rx, tap_read_done);
	for (unsigned i = 0; i < TAP_TX_MAX && !ret; i++) {
		struct tap_write *w = &t->write[i];

		ret = reactor_attach(r, &w->c, tap_write_done);
		w->tap = t;
		w->next_free = t->free;
		t->free = w;
	}
	if (ret < 0) {
		tap_destroy(&t->b);
		return ret;
	}
	*out = &t->b;
	return 0;
}

int net_tap_open(struct net_backend **out, struct reactor *r, const char *name, char *why, size_t why_size)
{
	int fd = open_interface(name, why, why_size), ret;

	if (fd < 0)
		return fd;
	ret = net_tap_over(out, r, fd);
	if (ret == -ENOSPC)
		snprintf(why, why_size, "tap %s: the reactor has no room for it: %s", name, strerror(-ret));
	else if (ret < 0)
		snprintf(why, why_size, "tap %s: %s", name, strerror(-ret));
	return ret;
}
