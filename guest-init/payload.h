/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's one command: starts it, relays its stdio, returns its exit code. */
#ifndef KTSTR_GUEST_INIT_PAYLOAD_H
#define KTSTR_GUEST_INIT_PAYLOAD_H

#include "guest-init/bulk.h"
#include "guest-init/config.h"
#include "guest-init/hub.h"

#define PAYLOAD_METRIC_FD 3
#define PAYLOAD_NOT_EXECUTABLE 126
#define PAYLOAD_NOT_FOUND 127

/* argv, env and cwd of @config; stdio over @bulk, with option tty by a terminal.
 * @hub is served meanwhile; it may be NULL. The exit code, 0 to 255 (128 +
 * signal when killed by one); -errno when init itself failed. */
int payload_run(struct bulk *bulk, struct hub *hub, const struct config *config);
/* The same, or a shell when @config has no argv, on the console as controlling
 * terminal; @bulk may have no port. */
int payload_run_on_console(struct bulk *bulk, struct hub *hub, const struct config *config);

/* The environment of the command: @env and what every program expects.
 * free(). NULL: out of memory. */
char **payload_environment(char *const *env);
int payload_exit_code(int status);
/* In the child: no signal blocked, SIGPIPE as ever. */
void payload_child_signals(void);
/* SIGCHLD comes by the descriptor returned, and a child or port that hangs up
 * is an errno; or -errno. */
int payload_signals(void);

#endif
