/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device's own kick. Work that reached its bound goes on in a later wake of the reactor, after every other source
 * that is ready had its turn. It is an eventfd and not reactor_defer(), since it can be taken back when the device goes
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
	uint32_t queues; /* it was rung for, a bit each */
	void (*fn)(struct selfkick *s, uint32_t queues);
};

/* 0 or a negative errno (-EMFILE, -ENOSPC when the reactor has no slot). */
int selfkick_open(struct reactor *r, struct selfkick *s, void (*fn)(struct selfkick *s, uint32_t queues));
/* Run @fn once in a later wake; rings before that only add their queues. */
void selfkick_ring(struct selfkick *s, uint32_t queues);
void selfkick_close(struct selfkick *s);

#endif
