/* SPDX-License-Identifier: GPL-2.0-only */
/* The command `ktstr-guest`: the guest library for shell scripts. It is init's own executable under another name, so
 * that it costs the guest no memory. */
#ifndef KTSTR_GUEST_INIT_COMMAND_H
#define KTSTR_GUEST_INIT_COMMAND_H

#define GUEST_COMMAND "ktstr-guest"

/* The exit code: 0; 1 refused; 64 usage; 69 there is no init to talk to; 124 time-out. */
int guest_command(int argc, char **argv);

#endif
