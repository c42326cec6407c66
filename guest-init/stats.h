/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The statistics relay: requests from port 2, "ktstr-stats", to the UNIX socket
 * of the scheduler's statistics server, its responses back; both are lines of
 * JSON. The connection is made when a request comes and kept. Whatever happens
 * to the server, each request line is answered by one line: the server's, or
 *   {"ktstr_relay_error":"no scheduler available"}  there is none, or it died
 *   {"ktstr_relay_error":"response cap overflow"}   its line is above 2 * STATS_CAP
 * Never blocks; what can't be passed on is not read.
 */
#ifndef KTSTR_GUEST_INIT_STATS_H
#define KTSTR_GUEST_INIT_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "guest-init/bytes.h"
#include "guest-init/watch.h"

#define STATS_PORT_NAME "ktstr-stats"
#define STATS_SOCKET "/var/run/scx/root/stats"
#define STATS_CAP (256u << 10)
#define STATS_EOFS_MAX 3 /* in a row, on the port: the host is not there, the relay quits */

struct stats {
	struct watch port, server;
	int epoll;
	const char *path;
	struct bytes request;  /* for the server */
	struct bytes line;     /* of the server, without its end yet */
	struct bytes response; /* for the port */
	unsigned owed;	       /* request lines without an answer */
	unsigned eofs;
	bool mid_request;   /* what came last from the port was no end of line */
	bool skip_request;  /* its server is gone: drop it up to its end */
	bool skip_response; /* the rest of a line that overflowed */
};

void stats_init(struct stats *s);
/* Takes @port, non-blocking: a virtio port, or a socket in a test. 0 or -errno,
 * then @port is the caller's still. */
int stats_open(struct stats *s, int epoll, int port, const char *path);
void stats_close(struct stats *s);

#endif
