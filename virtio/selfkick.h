/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device's own kick: work that has reached a bound is continued in a later wake, after every other source that is
 * ready had its turn. It is an eventfd rather than reactor_defer(), because it can be withdrawn when the device goes
 * away. It costs one write each time a bound is reached.
 */
#ifndef KTSTR_VIRTIO_SELFKICK_H
#define KTSTR_VIRTIO_SELFKICK_H

#include <stdbool.h>
#include <stdint.h>

#include "reactor/reactor.h"

struct selfkick {
	struct kick kick;
	int fd;
	bool rung;
	uint32_t queues; /* that it was rung for, a bit each */
	void (*fn)(struct selfkick *s, uint32_t queues);
};

/* 0 or a negative errno (-EMFILE, -ENOSPC when the reactor has no slot). */
int selfkick_open(struct reactor *r, struct selfkick *s, void (*fn)(struct selfkick *s, uint32_t queues));
/* Run @fn once in a later wake. Further rings before that only add queues. */
void selfkick_ring(struct selfkick *s, uint32_t queues);
void selfkick_close(struct selfkick *s);

#endif
