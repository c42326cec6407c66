/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Descriptors in one epoll, which can itself be polled: so a loop with a fixed set of descriptors can serve any number
 * of others.
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
/* Run ready() of a bounded number of ready ones; never waits. */
void watch_serve(int epoll);

#endif
