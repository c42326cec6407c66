/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's end of port 1, "ktstr-bulk": frames out, frames in. One thread uses it. It waits while the port is full
 * and never drops a frame.
 */
#ifndef KTSTR_GUEST_INIT_BULK_H
#define KTSTR_GUEST_INIT_BULK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio/wire.h"

#define BULK_PORT_NAME "ktstr-bulk"

struct bulk {
	int fd; /* non-blocking; -1: there is no port */
	struct wire_parser parser;
	bool exit_acknowledged;
	/* Called with standard input from the host; @len 0: end of input. NULL: drop it. */
	void (*input)(void *ctx, const uint8_t *data, size_t len);
	void *input_ctx;
	/* Called with all other frames of the host; NULL: drop them. */
	void (*other)(void *ctx, uint32_t type, const uint8_t *payload, size_t len);
	void *other_ctx;
	int aside; /* an epoll whose watches are served while the port is full; -1: none */
};

/* Use @fd: a virtio port, or a stream socket in a test. */
void bulk_init(struct bulk *b, int fd);
/* Open a port by its name, non-blocking, waiting @timeout_ms for it to appear, since the kernel probes devices
 * asynchronously. The descriptor, or -errno; -ENODEV: it did not appear. */
int bulk_open_port(const char *name, int timeout_ms);
/* The port "ktstr-bulk", likewise. 0 or -errno. */
int bulk_open(struct bulk *b, int timeout_ms);
void bulk_close(struct bulk *b);

/* Each sends one whole frame, or fails with -errno. */
int bulk_send(struct bulk *b, enum wire_type type, const void *payload, size_t len);
/* The payload lies at @frame + WIRE_HEADER_SIZE; the header is put before it,
 * so that the kernel gets the frame in one piece. */
int bulk_send_frame(struct bulk *b, enum wire_type type, uint8_t *frame, size_t len);
__attribute__((format(printf, 2, 3))) int bulk_complain(struct bulk *b, const char *fmt, ...); /* a line of stderr */

/* Receive once what has arrived. 1: something came; 0: nothing; -EPIPE: the host is not connected now; -errno. */
int bulk_receive(struct bulk *b);
/* Wait for WIRE_EACK; @timeout_ms -1: without limit. 0, -ETIMEDOUT or -errno. */
int bulk_wait_ack(struct bulk *b, int timeout_ms);

#endif
