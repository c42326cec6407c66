/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The turn of a device: what it may do before the other sources of the reactor have theirs. A turn lasts for one wake
 * of the reactor, that is for the handlers between two entries of the kernel, and is over when bytes_max bytes are
 * begun. What is left then goes on by the self-kick (selfkick.h).
 */
#ifndef KTSTR_VIRTIO_TURN_H
#define KTSTR_VIRTIO_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "reactor/reactor.h"

struct turn {
	struct reactor *r;
	uint64_t bytes_max;
	uint64_t wake;	/* the one that this turn is of */
	uint64_t bytes; /* begun in it */
};

void turn_init(struct turn *t, struct reactor *r, uint64_t bytes_max);
/* Where the reactor enters the device: a new turn, unless this wake's is under way. Outside of handlers always. */
void turn_begin(struct turn *t);
/* A request is begun, or a part of one, that moves @bytes. */
void turn_charge(struct turn *t, uint64_t bytes);
bool turn_is_over(const struct turn *t);

#endif
