/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this room share. */
#ifndef KTSTR_REACTOR_INTERNAL_H
#define KTSTR_REACTOR_INTERNAL_H

#include "reactor/reactor.h"

/* Stop the loop and make reactor_run() return @error (negative). */
void reactor_fatal(struct reactor *r, int error);
void reactor_count_rearm(struct reactor *r);
int reactor_poll_multishot(struct reactor *r, struct completion *c, int fd, unsigned events);

#define CLOSE_PATIENCE_NS 2000000000ull

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#endif
