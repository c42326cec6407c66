/* SPDX-License-Identifier: GPL-2.0-only */
/* virtio-net (virtio 1.2, 5.1): RX queue 0, TX queue 1, loopback backend. */
#ifndef KTSTR_VIRTIO_NET_H
#define KTSTR_VIRTIO_NET_H

#include <stdint.h>

#include "reactor/reactor.h"
#include "virtio/mmio.h"

struct net_config {
	uint8_t mac[6]; /* all zero: 02:00:00:00:00:01 */
};

struct net_counters {
	uint64_t tx_packets, tx_bytes, rx_packets, rx_bytes;
	uint64_t tx_dropped_no_rx_buffer, tx_dropped_rx_poisoned;
	uint64_t tx_chain_invalid, tx_oversize_dropped;
	uint64_t rx_chain_invalid, rx_write_failed;
	uint64_t tx_add_used_failures, rx_add_used_failures;
	uint64_t invalid_avail_idx_count;
};

struct net;
int net_create(struct net **out, struct reactor *r, const struct net_config *cfg, char *why, size_t why_size);
struct virtio_device *net_device(struct net *n);
const struct net_counters *net_counters(const struct net *n);
void net_destroy(struct net *n);

#endif
