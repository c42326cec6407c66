/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All traffic besides the command's stdio, for init's one event loop: wake bytes, the statistics relay, the guest's
 * programs, the terminal's size, the files of output directories. What never writes to the bulk port is in the epoll
 * @aside, which is served even while the port is full; the rest is served only by the loop itself.
 */
#ifndef KTSTR_GUEST_INIT_HUB_H
#define KTSTR_GUEST_INIT_HUB_H

#include <stdbool.h>
#include <sys/ioctl.h>

#include "guest-init/bulk.h"
#include "guest-init/config.h"
#include "guest-init/guests.h"
#include "guest-init/output_dirs.h"
#include "guest-init/stats.h"
#include "guest-init/wake.h"

struct hub {
	struct bulk *bulk;
	int aside; /* epoll */
	struct wake wake;
	struct stats stats;
	struct guests guests;
	struct output_dirs output_dirs;
	int window_fd;	       /* the command's terminal, or -1 */
	struct winsize window; /* the last one received; 0 columns: none */
};

/* Open what @config asks for. A part that fails is reported as a line on the command's stderr. 0; -errno: the hub
 * itself failed. */
int hub_open(struct hub *h, struct bulk *bulk, const struct config *config);
/* Report to the host what wake bytes did, and answer programs. 0 or the port's -errno. */
int hub_settle(struct hub *h);
/* Set the terminal that follows the host's window size; -1: none. */
void hub_window(struct hub *h, int fd);
void hub_close(struct hub *h);

#endif
