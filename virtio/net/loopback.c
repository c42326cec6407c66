/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loopback: every frame comes back as it was sent, addresses included. It exercises real interrupts and NET_RX softirqs
 * in the guest; it is no network.
 */
#include <errno.h>
#include <stdlib.h>

#include "virtio/net/backend.h"

static int loopback_send(struct net_backend *b, const struct net_frame *f)
{
	struct net_counters *c = net_counters_mutable(b->net);

	switch (net_receive(b->net, f->iov, f->n, f->len)) {
	case -ENOBUFS:
		c->tx_dropped_no_rx_buffer++;
		break;
	case -ENXIO:
		c->tx_dropped_rx_poisoned++;
		break;
	}
	return 0;
}

static int loopback_destroy(struct net_backend *b)
{
	free(b);
	return 0;
}

static const struct net_backend_ops loopback_ops = {
	.name = "loopback",
	.send = loopback_send,
	.destroy = loopback_destroy,
};

int net_loopback_open(struct net_backend **out)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	(*out)->ops = &loopback_ops;
	return 0;
}
