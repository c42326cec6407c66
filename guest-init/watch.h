/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Descriptors that share one epoll, which is itself a descriptor to poll: so a
 * loop with a fixed set of its own takes any number of others along.
 */
#ifndef KTSTR_GUEST_INIT_WATCH_H
#define KTSTR_GUEST_INIT_WATCH_H

#include <stdint.h>
#include <sys/epoll.h>

struct watch {
	int fd; /* -1: none */
	uint32_t events;
	void (*ready)(struct watch *w, uint32_t events);
};

/* @w->ready is set. 0 or -errno, then @fd is the caller's still. */
int watch_add(int epoll, struct watch *w, int fd, uint32_t events);
void watch_events(int epoll, struct watch *w, uint32_t events);
/* Closes the descriptor. */
void watch_remove(int epoll, struct watch *w);
/* Run ready() of those that are, some at most; never waits. */
void watch_serve(int epoll);

#endif
