/* SPDX-License-Identifier: GPL-2.0-only */
/* Inside the net device: net.c is the device and its rings, frame.c converts between chains and frames. */
#ifndef KTSTR_VIRTIO_NET_INTERNAL_H
#define KTSTR_VIRTIO_NET_INTERNAL_H

#include "virtio/net/backend.h"
#include "virtio/drain.h"

#define NET_RXQ 0
#define NET_TXQ 1
#define NET_QUEUES 2
#define NET_QUEUE_SIZE 256
#define NET_CONFIG_SIZE 12

/* With VERSION_1 the header always has num_buffers (5.1.6.1). */
#define NET_HEADER_SIZE 12u

#define NET_TAGS_MAX 8u /* two VLAN tags, on top of the MTU */
#define NET_RESET_PATIENCE_NS 5000000000ull
/* Of frames, in one turn. */
#define NET_TURN_BYTES (4u << 20)

/* Every segment may span two regions of guest memory. */
#define NET_IOV_MAX (2 * VIRTQ_SIZE_MAX)

struct net {
	struct virtio_device dev;
	struct reactor *r;
	struct net_backend *backend;
	struct net_counters counters;
	uint8_t config[NET_CONFIG_SIZE];
	uint16_t mtu; /* offered; 0: not */

	struct timer reset_bound;
	uint64_t reset_patience_ns;
	size_t frame_max;    /* bytes; longer frames are dropped */
	bool whole_frames;   /* a frame that does not fit into an RX chain is dropped, not truncated */
	struct turn tx_turn; /* bytes of frames, those that the backend refused too */
	struct drain tx;     /* deferred: the backend said -EAGAIN */
	bool rx_wanted;	     /* the backend waits for buffers */
	int rx_error;	     /* poisons the RX queue at the end of this drain */
	struct selfkick again;
	struct deferred flush;
	struct poller poller;

	struct virtq_chain tx_chain, rx_chain;
	struct iovec tx_iov[NET_IOV_MAX], rx_iov[NET_IOV_MAX];
};

/*
 * net_decode_tx - the frame of n->tx_chain, without header, in n->tx_iov. 0; -EINVAL: there is none (shape, unmapped,
 * shorter than a header); -EMSGSIZE: it is longer than n->frame_max.
 */
int net_decode_tx(struct net *n, struct net_frame *f);

/*
 * net_fill_rx - copy header and frame into n->rx_chain, as much as fits. Returns the bytes written, header included.
 * Or, with nothing written: -EINVAL: not an RX chain (shape, address overflow, shorter than a header); -EFAULT:
 * unmapped; -EMSGSIZE: the frame does not fit, and must not be truncated.
 */
int net_fill_rx(struct net *n, const struct iovec *iov, unsigned count, size_t len);

#endif
