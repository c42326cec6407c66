/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The socket that the guest's programs talk to (guest-init/ktstr-guest.h): wire frames in, each put whole on the bulk
 * port and then answered by GACK, so that a program's frame precedes whatever the program writes next. This process is
 * the port's only writer, so frames never interleave. While the port is full, it waits, and the programs wait too.
 */
#ifndef KTSTR_GUEST_INIT_GUESTS_H
#define KTSTR_GUEST_INIT_GUESTS_H

#include <stddef.h>
#include <stdint.h>

#include "guest-init/bulk.h"
#include "guest-init/wake.h"
#include "guest-init/watch.h"

struct guest_client;

struct guests {
	struct watch listener;
	int epoll; /* an epoll of its own, since serving it may write to the bulk port */
	struct bulk *bulk;
	const struct wake *wake;
	/* Called before a received frame is forwarded, to send first what must precede it. May be NULL. */
	void (*came)(void *ctx);
	void *came_ctx;
	struct guest_client *clients;
	struct guest_client *snapshot; /* the client of the request in flight */
	uint32_t snapshot_id;
	int64_t scenario_start_ms;
	int error; /* of the bulk port: negative errno */
};

void guests_init(struct guests *g);
/* 0 or -errno. */
int guests_open(struct guests *g, struct bulk *bulk, const struct wake *wake, const char *path);
/* Handle what has arrived; may wait for the bulk port. 0 or the port's -errno. */
int guests_serve(struct guests *g);
/* Answer the clients whose latch is set. */
void guests_latched(struct guests *g);
/* The host's SNRP. */
void guests_snapshot_reply(struct guests *g, const uint8_t *payload, size_t len);
void guests_close(struct guests *g);

#endif
