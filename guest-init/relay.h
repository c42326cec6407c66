/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Moves bytes between the bulk port and the pipes of one child, unchanged, until the child has ended and the host has
 * its output. Flow is controlled both ways: the child waits while the port is full, the host while the child does not
 * read.
 */
#ifndef KTSTR_GUEST_INIT_RELAY_H
#define KTSTR_GUEST_INIT_RELAY_H

#include <stdbool.h>
#include <sys/types.h>

#include "guest-init/bulk.h"
#include "guest-init/hub.h"

/* Our ends of the child's pipes, non-blocking, -1: none; relay_run() closes them. */
struct relay_ends {
	int in, out, err, metrics;
	int ended; /* signalfd of SIGCHLD */
	/*
	 * They are a terminal's. The end of its input can only be typed as a character, which a line-editing shell
	 * heeds only while it edits, and which a reading program may consume: so at the end of input it is typed
	 * repeatedly until the child has ended.
	 */
	bool tty;
};

/*
 * Reaps @child, and orphans on the way. *@status is as wait() gives it.
 * Descendants that keep a pipe open do not hold this up: what was in the pipes
 * at the child's end is relayed, and then what comes until half a second's
 * quiet. @hub, which may be NULL, is served along; its shutdown ends the
 * child's process group by SIGTERM and, in the end, SIGKILL. 0 or -errno of the
 * port.
 */
int relay_run(struct bulk *bulk, struct hub *hub, const struct relay_ends *ends, pid_t child, int *status);

#endif
