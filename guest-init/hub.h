/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All that travels besides the command's own stdio, for the one loop of init:
 * wake bytes, the statistics relay, the guest's programs, the terminal's size.
 * What never writes to the bulk port hangs on @aside and is served even while
 * the port is full; the programs' socket is served in the loop's turns only.
 */
#ifndef KTSTR_GUEST_INIT_HUB_H
#define KTSTR_GUEST_INIT_HUB_H

#include <stdbool.h>
#include <sys/ioctl.h>

#include "guest-init/bulk.h"
#include "guest-init/config.h"
#include "guest-init/guests.h"
#include "guest-init/stats.h"
#include "guest-init/wake.h"

struct hub {
	struct bulk *bulk;
	int aside; /* epoll */
	struct wake wake;
	struct stats stats;
	struct guests guests;
	int window_fd;	       /* the command's terminal, or -1 */
	struct winsize window; /* the last that came; 0 columns: none */
};

/* Open what @config asks for; a part that can't be is a line on stderr of the
 * command's. 0 or -errno: the hub can't be. */
int hub_open(struct hub *h, struct bulk *bulk, const struct config *config);
/* Tell the host what wake bytes did, and answer programs. 0 or the port's -errno. */
int hub_settle(struct hub *h);
/* The terminal whose size is the host's; -1: none any more. */
void hub_window(struct hub *h, int fd);
void hub_close(struct hub *h);

#endif
