/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtio-net (virtio 1.2, 5.1): RX queue 0, TX queue 1; a MAC address and, if configured, an MTU are offered. The
 * backend is a loopback, which echoes frames, or a TAP device.
 */
#ifndef KTSTR_VIRTIO_NET_H
#define KTSTR_VIRTIO_NET_H

#include <stddef.h>
#include <stdint.h>

#include "reactor/reactor.h"
#include "virtio/mmio.h"

/* Ethernet header, two VLAN tags, 65 535 bytes; longer frames are dropped. */
#define NET_FRAME_MAX (14u + 8u + 65535u)

struct net_config {
	uint8_t mac[6];	 /* all zero: 02:00:00:00:00:01 */
	const char *tap; /* name of a TAP device; NULL: loopback */
	/* Offered as VIRTIO_NET_F_MTU; if the driver accepts it, longer frames are dropped in both directions. 0: not
	 * offered. */
	uint16_t mtu;
};

/* Packets and bytes count frames whose used element was written, without the header. Counters survive a reset. */
struct net_counters {
	uint64_t tx_packets, tx_bytes, rx_packets, rx_bytes;
	uint64_t tx_dropped_no_rx_buffer, tx_dropped_rx_poisoned;
	uint64_t tx_chain_invalid, tx_oversize_dropped;
	uint64_t rx_chain_invalid, rx_write_failed;
	uint64_t tx_add_used_failures, rx_add_used_failures;
	uint64_t invalid_avail_idx_count;
	/* ours: frames that the host did not accept, reads from it that failed */
	uint64_t tx_backend_errors, rx_backend_errors;
	/* and frames longer than the driver's buffer: truncated (loopback), or dropped */
	uint64_t rx_truncated, rx_oversize_dropped;
};

#define NET_MTU_MIN 68u /* 5.1.4.1 */

struct net;
/* 0 or a negative errno with a one-line reason in @why. */
int net_create(struct net **out, struct reactor *r, const struct net_config *cfg, char *why, size_t why_size);
struct virtio_device *net_device(struct net *n);
const struct net_counters *net_counters(const struct net *n);
const char *net_backend_name(const struct net *n); /* "loopback" or "tap" */
/* 0; -ETIMEDOUT: the host still uses frames in guest memory. That memory must stay, and the backend is leaked; it calls
 * nobody any more. */
int net_destroy(struct net *n);

#endif
