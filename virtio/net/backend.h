/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interface between the net device and its backend, which carries the frames. The device owns both rings, the
 * counters and the header; a backend sees bare Ethernet frames. All calls are made on the reactor thread.
 */
#ifndef KTSTR_VIRTIO_NET_BACKEND_H
#define KTSTR_VIRTIO_NET_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "virtio/net.h"

struct net_backend;

/* A frame from the driver, in guest memory. */
struct net_frame {
	const struct iovec *iov; /* valid during send() */
	unsigned n;
	size_t len;    /* 0..NET_FRAME_MAX bytes */
	uint16_t head; /* for net_sent() */
};

#define NET_SENT_LATER 1

struct net_backend_ops {
	const char *name;
	/* Send @f. 0: it was sent or counted as dropped, and its memory is not used any more. NET_SENT_LATER: the
	 * memory is used until net_sent(). -EAGAIN: not now; it stays in the ring until net_tx_resume(). */
	int (*send)(struct net_backend *b, const struct net_frame *f);
	/* The driver is ready. Optional. */
	void (*start)(struct net_backend *b);
	/* The driver has added RX buffers since net_want_rx(). Optional. */
	void (*rx_refill)(struct net_backend *b);
	/* Reset: stop using guest memory, drop frames that wait. True: done; false: net_stopped() is called later.
	 * Optional. */
	bool (*stop)(struct net_backend *b);
	/* After stop(). Free @b; -ETIMEDOUT: what is in flight does not end, and @b is leaked. */
	int (*destroy)(struct net_backend *b);
	/* A frame longer than the driver's buffer is dropped rather than truncated. */
	bool whole_frames;
};

struct net_backend {
	const struct net_backend_ops *ops;
	struct net *net;
};

/* As net_create(), over @b, which the device then owns, on failure too. */
int net_create_over(struct net **out, struct reactor *r, const struct net_config *cfg, struct net_backend *b, char *why,
		    size_t why_size);

/*
 * net_receive - copy a header and a frame into the next RX chain. 0: delivered, perhaps truncated; -ENOBUFS: there is
 * no chain; -EIO: the chain was bad, and it and the frame are lost (counted); -EMSGSIZE: the frame is too long and lost
 * (counted), the chain is not; -ENXIO: the queue is poisoned. The driver sees it after net_flush(), which send() need
 * not call.
 */
int net_receive(struct net *n, const struct iovec *iov, unsigned count, size_t len);
/* Ask for rx_refill(). False: there are chains already; try again. */
bool net_want_rx(struct net *n);
/* The frame of @head, of @len bytes, was sent or dropped. */
void net_sent(struct net *n, uint16_t head, size_t len);
void net_tx_resume(struct net *n);
void net_stopped(struct net *n);
/* Publish the used entries of both rings, then interrupt once. */
void net_flush(struct net *n);
/* The same at the end of this wake: for handlers of completions, so that all of a wake are published together. */
void net_flush_later(struct net *n);
/* For frames that a backend drops. */
struct net_counters *net_counters_mutable(struct net *n);

int net_loopback_open(struct net_backend **out);
/* Over @fd, which reads and writes whole frames. The backend then owns it, on failure too. */
int net_tap_over(struct net_backend **out, struct reactor *r, int fd);
/* 0 or a negative errno with the reason in @why. */
int net_tap_open(struct net_backend **out, struct reactor *r, const char *name, char *why, size_t why_size);

#endif
