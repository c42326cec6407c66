/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "reactor/container.h"
#include "virtio/selfkick.h"

static void selfkick_fired(struct kick *k)
{
	struct selfkick *s = container_of(k, struct selfkick, kick);

	uint32_t queues = s->queues;

	/* A poll that the kernel has ended fires without a ring. */
	if (!s->rung)
		return;
	s->rung = false;
	s->queues = 0;
	s->fn(s, queues);
}

int selfkick_open(struct reactor *r, struct selfkick *s, void (*fn)(struct selfkick *s, uint32_t queues))
{
	int ret;

	*s = (struct selfkick){ .fn = fn };
	s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->fd < 0)
		return -errno;
	ret = kick_watch(r, &s->kick, s->fd, selfkick_fired);
	if (ret < 0) {
		close(s->fd);
		s->fd = -1;
	}
	return ret;
}

void selfkick_ring(struct selfkick *s, uint32_t queues)
{
	s->queues |= queues;
	if (s->rung)
		return;
	s->rung = true;
	/* Fails only after 2^64-2 rings. */
	(void)!eventfd_write(s->fd, 1);
}

void selfkick_close(struct selfkick *s)
{
	if (s->fd < 0)
		return;
	kick_unwatch(&s->kick);
	close(s->fd);
	s->fd = -1;
}
