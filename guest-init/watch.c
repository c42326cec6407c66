/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest-init/watch.h"

#include <errno.h>
#include <unistd.h>

#define SERVE_MAX 64

int watch_add(int epoll, struct watch *w, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e))
		return -errno;
	w->fd = fd;
	w->events = events;
	return 0;
}

void watch_events(int epoll, struct watch *w, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };

	if (events != w->events)
		epoll_ctl(epoll, EPOLL_CTL_MOD, w->fd, &e);
	w->events = events;
}

void watch_remove(int epoll, struct watch *w)
{
	if (w->fd < 0)
		return;
	/* close() is not enough: a child that was just forked may hold the file too. */
	epoll_ctl(epoll, EPOLL_CTL_DEL, w->fd, NULL);
	close(w->fd);
	w->fd = -1;
}

void watch_serve(int epoll)
{
	struct epoll_event e;

	/* One at a time: a handler may remove, and free, any other. */
	for (unsigned i = 0; i < SERVE_MAX && epoll_wait(epoll, &e, 1, 0) == 1; i++) {
		struct watch *w = e.data.ptr;

		w->ready(w, e.events);
	}
}
