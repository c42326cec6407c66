/* SPDX-License-Identifier: GPL-2.0-only */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_ether.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>

#include "reactor/container.h"
#include "virtio/net/internal.h"

static const uint8_t default_mac[6] = { 0x02, 0, 0, 0, 0, 0x01 };

static struct net *net_of(struct virtio_device *d)
{
	return container_of(d, struct net, dev);
}

/* --- RX ------------------------------------------------------------------ */

int net_receive(struct net *n, const struct iovec *iov, unsigned count, size_t len)
{
	struct virtqueue *rx = &n->dev.vq[NET_RXQ];
	struct net_counters *c = &n->counters;
	int ret, filled;

	if (n->rx_error || !n->dev.active)
		return -ENXIO;
	if (len > n->frame_max) {
		c->rx_oversize_dropped++;
		return -EMSGSIZE;
	}
	ret = virtq_pop(rx, &n->rx_chain);
	if (ret < 0) {
		n->rx_error = ret;
		return -ENXIO;
	}
	if (ret == 0)
		return -ENOBUFS;
	filled = net_fill_rx(n, iov, count, len);
	if (filled == -EMSGSIZE) {
		virtq_unpop(rx, n->rx_chain.head);
		c->rx_oversize_dropped++;
		return -EMSGSIZE;
	}
	if (filled == -EINVAL)
		c->rx_chain_invalid++;
	else if (filled < 0)
		c->rx_write_failed++;
	if (filled < 0)
		virtio_guest_error(&n->dev, "RX chain can't take a frame: %s", strerror(-filled));
	if (virtq_push(rx, n->rx_chain.head, filled < 0 ? 0 : (uint32_t)filled)) {
		c->rx_add_used_failures++;
		return -EIO;
	}
	if (filled < 0)
		return -EIO;
	c->rx_packets++;
	c->rx_bytes += (unsigned)filled - NET_HEADER_SIZE;
	return 0;
}

bool net_want_rx(struct net *n)
{
	struct virtqueue *rx = &n->dev.vq[NET_RXQ];

	if (virtq_enable_kicks(rx)) {
		virtq_disable_kicks(rx);
		return false;
	}
	n->rx_wanted = true;
	return true;
}

/* --- TX ------------------------------------------------------------------ */

static bool complete_tx(struct net *n, uint16_t head)
{
	if (virtq_push(&n->dev.vq[NET_TXQ], head, 0) == 0)
		return true;
	n->counters.tx_add_used_failures++;
	return false;
}

void net_sent(struct net *n, uint16_t head, size_t len)
{
	/* After a reset or a poisoning the ring must not be written to. */
	if (!n->dev.active || !complete_tx(n, head))
		return;
	n->counters.tx_packets++;
	n->counters.tx_bytes += len;
}

/* Send n->tx_chain, or put it back to the ring. */
static void send_chain(struct net *n)
{
	struct net_frame f;
	int ret = net_decode_tx(n, &f);

	if (ret < 0) {
		if (ret == -EMSGSIZE)
			n->counters.tx_oversize_dropped++;
		else
			n->counters.tx_chain_invalid++;
		virtio_guest_error(&n->dev, "TX chain dropped: %s", ret == -EMSGSIZE ? "oversize" : "invalid");
		complete_tx(n, n->tx_chain.head);
		return;
	}
	turn_charge(&n->tx_turn, f.len);
	ret = n->backend->ops->send(n->backend, &f);
	if (ret == -EAGAIN) {
		drain_defer(&n->tx, &n->tx_chain);
		return;
	}
	assert(ret == 0 || ret == NET_SENT_LATER);
	if (ret == 0)
		net_sent(n, f.head, f.len);
}

void net_flush(struct net *n)
{
	/* TX first: a driver that sees its frame come back also sees that it was sent. */
	int tx = virtq_publish(&n->dev.vq[NET_TXQ]), rx = virtq_publish(&n->dev.vq[NET_RXQ]);
	int rx_error = n->rx_error;

	if (tx > 0 || rx > 0)
		virtio_raise(&n->dev, VIRTIO_INT_VRING);
	n->rx_error = 0;
	if (rx_error)
		virtio_poison(&n->dev, NET_RXQ, rx_error);
}

static void net_flush_deferred(struct deferred *d)
{
	net_flush(container_of(d, struct net, flush));
}

void net_flush_later(struct net *n)
{
	reactor_defer(n->r, &n->flush);
}

static void drain_tx(struct net *n)
{
	struct drain *d = &n->tx;
	int error;

	drain_begin(d);
	do {
		while (drain_next(d, &n->tx_chain))
			send_chain(n);
		net_flush(n);
	} while (n->dev.active && drain_again(d));
	error = drain_error(d);
	if (error)
		virtio_poison(&n->dev, NET_TXQ, error);
}

static bool net_poller_look(struct poller *p)
{
	struct net *n = container_of(p, struct net, poller);

	if (!n->dev.active || !drain_is_due(&n->tx))
		return false;
	drain_tx(n);
	return true;
}

static bool net_poller_rest(struct poller *p)
{
	struct net *n = container_of(p, struct net, poller);

	if (!n->dev.active || !drain_rest(&n->tx))
		return false;
	drain_tx(n);
	return true;
}

void net_tx_resume(struct net *n)
{
	if (!drain_is_open(&n->tx))
		selfkick_ring(&n->again, n->tx.queue);
}

static void net_selfkick_fired(struct selfkick *s, uint32_t queues)
{
	struct net *n = container_of(s, struct net, again);

	if (n->dev.active && n->dev.vq[NET_TXQ].ready)
		drain_tx(n);
}

/* --- the device ---------------------------------------------------------- */

static void net_config_read(struct virtio_device *d, uint32_t offset, void *buf, unsigned len)
{
	virtio_config_copy(net_of(d)->config, NET_CONFIG_SIZE, offset, buf, len, 0);
}

static void net_config_write(struct virtio_device *d, uint32_t offset, const void *buf, unsigned len)
{
}

static void net_activate(struct virtio_device *d)
{
	struct net *n = net_of(d);
	bool mtu = d->driver_features >> VIRTIO_NET_F_MTU & 1;

	n->frame_max = mtu ? ETH_HLEN + NET_TAGS_MAX + n->mtu : NET_FRAME_MAX;
	n->whole_frames = mtu || n->backend->ops->whole_frames;
	if (n->backend->ops->start)
		n->backend->ops->start(n->backend);
}

static void net_kick(struct virtio_device *d, unsigned q)
{
	struct net *n = net_of(d);

	if (q == NET_TXQ) {
		drain_tx(n);
		return;
	}
	/* New buffers matter only if the backend waits for them. */
	virtq_disable_kicks(&d->vq[NET_RXQ]);
	if (!n->rx_wanted)
		return;
	n->rx_wanted = false;
	n->backend->ops->rx_refill(n->backend);
}

static bool net_reset(struct virtio_device *d)
{
	struct net *n = net_of(d);

	drain_reset(&n->tx);
	n->rx_wanted = false;
	n->rx_error = 0;
	if (!n->backend->ops->stop || n->backend->ops->stop(n->backend))
		return true;
	timer_set(&n->reset_bound, monotonic_ns() + n->reset_patience_ns);
	return false;
}

void net_stopped(struct net *n)
{
	if (!n->dev.resetting)
		return;
	timer_clear(&n->reset_bound);
	virtio_reset_done(&n->dev);
}

static void net_reset_bound_fired(struct timer *t)
{
	struct net *n = container_of(t, struct net, reset_bound);

	if (n->dev.resetting)
		virtio_reset_failed(&n->dev,
				    "the guest reset the network device, and its frames are still stuck in the host");
}

static void net_poisoned(struct virtio_device *d, unsigned q, bool avail_idx)
{
	if (avail_idx)
		net_of(d)->counters.invalid_avail_idx_count++;
}

static const struct virtio_device_ops net_ops = {
	.name = "net",
	.device_id = VIRTIO_ID_NET,
	.n_queues = NET_QUEUES,
	.config_read = net_config_read,
	.config_write = net_config_write,
	.activate = net_activate,
	.kick = net_kick,
	.reset = net_reset,
	.poisoned = net_poisoned,
};

/* --- what the host calls ------------------------------------------------- */

static int set_mac(struct net *n, const uint8_t mac[6], char *why, size_t why_size)
{
	static const uint8_t none[6];

	if (mac[0] & 1) {
		snprintf(why, why_size,
			 "mac %02x:%02x:%02x:%02x:%02x:%02x is a multicast address; clear bit 0 of its first byte",
			 mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
		return -EINVAL;
	}
	/* Of struct virtio_net_config only mac and perhaps mtu are offered; the rest reads as zero (5.1.4). */
	memcpy(n->config, memcmp(mac, none, 6) ? mac : default_mac, 6);
	return 0;
}

static int set_mtu(struct net *n, uint16_t mtu, char *why, size_t why_size)
{
	if (mtu && mtu < NET_MTU_MIN) {
		snprintf(why, why_size, "mtu %u: the minimum is %u", mtu, NET_MTU_MIN);
		return -EINVAL;
	}
	n->mtu = mtu;
	memcpy(n->config + offsetof(struct virtio_net_config, mtu), &mtu, sizeof(mtu));
	return 0;
}

int net_create_over(struct net **out, struct reactor *r, const struct net_config *cfg, struct net_backend *b, char *why,
		    size_t why_size)
{
	struct net *n = calloc(1, sizeof(*n));
	int ret = -ENOMEM;

	if (!n)
		goto no_memory;
	virtio_device_init(&n->dev, &net_ops,
			   1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_NET_F_MAC |
				   (cfg->mtu ? 1ull << VIRTIO_NET_F_MTU : 0),
			   NET_QUEUE_SIZE);
	ret = set_mac(n, cfg->mac, why, why_size);
	if (!ret)
		ret = set_mtu(n, cfg->mtu, why, why_size);
	if (ret < 0)
		goto no_mac;
	ret = selfkick_open(r, &n->again, net_selfkick_fired);
	if (ret < 0) {
		snprintf(why, why_size, "net: no eventfd: %s", strerror(-ret));
		goto no_mac;
	}
	ret = timer_open(r, &n->reset_bound, net_reset_bound_fired);
	if (ret < 0) {
		snprintf(why, why_size, "net: no timer: %s", strerror(-ret));
		goto no_timer;
	}
	n->r = r;
	turn_init(&n->tx_turn, r, NET_TURN_BYTES);
	n->tx = (struct drain){
		.vq = &n->dev.vq[NET_TXQ], .turn = &n->tx_turn, .again = &n->again, .queue = 1u << NET_TXQ
	};
	n->reset_patience_ns = NET_RESET_PATIENCE_NS;
	n->flush.fn = net_flush_deferred;
	n->poller = (struct poller){ .look = net_poller_look, .rest = net_poller_rest };
	poller_add(r, &n->poller);
	n->backend = b;
	b->net = n;
	*out = n;
	return 0;

no_timer:
	selfkick_close(&n->again);
no_mac:
	free(n);
no_memory:
	if (ret == -ENOMEM)
		snprintf(why, why_size, "net: out of memory");
	b->ops->destroy(b);
	return ret;
}

int net_create(struct net **out, struct reactor *r, const struct net_config *cfg, char *why, size_t why_size)
{
	struct net_backend *b;
	int ret = cfg->tap ? net_tap_open(&b, r, cfg->tap, why, why_size) : net_loopback_open(&b);

	if (ret == -ENOMEM)
		snprintf(why, why_size, "net: out of memory");
	return ret < 0 ? ret : net_create_over(out, r, cfg, b, why, why_size);
}

int net_destroy(struct net *n)
{
	int ret;

	if (!n)
		return 0;
	poller_remove(n->r, &n->poller);
	selfkick_close(&n->again);
	timer_close(&n->reset_bound);
	n->dev.active = false;
	ret = n->backend->ops->destroy(n->backend);
	assert(!n->flush.queued);
	free(n);
	return ret;
}

struct virtio_device *net_device(struct net *n)
{
	return &n->dev;
}

const struct net_counters *net_counters(const struct net *n)
{
	return &n->counters;
}

struct net_counters *net_counters_mutable(struct net *n)
{
	return &n->counters;
}

const char *net_backend_name(const struct net *n)
{
	return n->backend->ops->name;
}
