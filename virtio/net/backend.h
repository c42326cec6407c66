/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The seam between the net device and what carries its frames. The device owns
 * both rings, the counters and the header; a backend sees bare Ethernet frames.
 * All calls are made on the reactor thread.
 */
#ifndef KTSTR_VIRTIO_NET_BACKEND_H
#define KTSTR_VIRTIO_NET_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "virtio/net.h"

struct net_backend;

/* A frame that the driver sent, where it lies in guest memory. */
struct net_frame {
	const struct iovec *iov; /* valid during send() */
	unsigned n;
	size_t len;    /* 0..NET_FRAME_MAX bytes */
	uint16_t head; /* for net_sent() */
};

#define NET_SENT_LATER 1

struct net_backend_ops {
	const char *name;
	/* Take @f. 0: it needs guest memory no more, and was carried or counted as
	 * dropped. NET_SENT_LATER: the memory is in use until net_sent(). -EAGAIN:
	 * not now; it stays in the ring until net_tx_resume(). */
	int (*send)(struct net_backend *b, const struct net_frame *f);
	/* The driver is ready. Optional. */
	void (*start)(struct net_backend *b);
	/* RX buffers came after net_want_rx(). Optional. */
	void (*rx_refill)(struct net_backend *b);
	/* Reset: leave guest memory alone, forget frames that wait. True when that
	 * is done, false: net_stopped() comes later. Optional. */
	bool (*stop)(struct net_backend *b);
	/* After stop(). Frees @b, unless it returns -ETIMEDOUT: what is in flight can't be ended. */
	int (*destroy)(struct net_backend *b);
	/* A frame that is longer than the driver's buffer is of no use to it: it is dropped. */
	bool whole_frames;
};

struct net_backend {
	const struct net_backend_ops *ops;
	struct net *net;
};

/* As net_create(), over @b, which the device then owns (also on failure). */
int net_create_over(struct net **out, struct reactor *r, const struct net_config *cfg, struct net_backend *b, char *why,
		    size_t why_size);

/*
 * net_receive - copy a frame into the next RX chain, header before it.
 * 0: delivered, perhaps truncated to the chain; -ENOBUFS: no chain; -EIO: the
 * chain was bad, chain and frame are lost (counted); -EMSGSIZE: the frame is too
 * long and lost (counted), the chain is not; -ENXIO: the queue is poisoned.
 * The driver sees it at net_flush(), which send() need not call.
 */
int net_receive(struct net *n, const struct iovec *iov, unsigned count, size_t len);
/* Ask for rx_refill(). False: chains are there already, try again. */
bool net_want_rx(struct net *n);
/* The frame of @head, @len bytes, is sent or given up. */
void net_sent(struct net *n, uint16_t head, size_t len);
void net_tx_resume(struct net *n);
void net_stopped(struct net *n);
/* Publish what was used on both rings, then interrupt once. */
void net_flush(struct net *n);
/* The same once all that has completed is handled: for handlers, so that what comes together is told together. */
void net_flush_later(struct net *n);
/* For what a backend drops. */
struct net_counters *net_counters_mutable(struct net *n);

int net_loopback_open(struct net_backend **out);
/* Over a descriptor that reads and writes a frame at a time, which the backend then owns, on failure too. */
int net_tap_over(struct net_backend **out, struct reactor *r, int fd);
/* 0 or a negative errno with the reason in @why. */
int net_tap_open(struct net_backend **out, struct reactor *r, const char *name, char *why, size_t why_size);

#endif
