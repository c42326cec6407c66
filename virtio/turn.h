/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The turn of a device: what it may do before the other sources of the reactor have theirs. A turn lasts for one wake
 * of the reactor, that is for the handlers between two entries of the kernel. It is over when the device has
 *   begun bytes_max bytes: the hard bound, whatever the clock says; or
 *   worked for TURN_NS, or the wake as a whole has lasted TURN_WAKE_NS: in nested virtualization, or when it is touched
 *   for the first time, guest memory can be a hundred times slower than usual.
 * What is left then goes on by the self-kick (selfkick.h). Something is always done in a turn: the clock is read only
 * after TURN_CHECK_BYTES, with TURN_REQUEST_BYTES counted for each request beside its data.
 *
 * turn_room() says how long a part of a request may be. It is learnt from the traffic:
 *   sample                                      room becomes
 *   the device moved bytes itself       what takes TURN_PART_NS at that pace; at most twice the old room; 64..256 KiB
 *   a part was handed to the kernel,    twice the old room, up to 4 MiB: it takes no time here, and the parts of a
 *   of half of the room at least        request wait for each other
 */
#ifndef KTSTR_VIRTIO_TURN_H
#define KTSTR_VIRTIO_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "reactor/reactor.h"

#define TURN_NS 2000000ull
#define TURN_WAKE_NS 6000000ull
#define TURN_PART_NS 1000000ull
#define TURN_CHECK_BYTES (64u << 10)
#define TURN_REQUEST_BYTES 4096u
#define TURN_ROOM_LEAST (64u << 10)
#define TURN_ROOM_HERE (256u << 10)
#define TURN_ROOM_MOST (4u << 20)

struct turn {
	struct reactor *r;
	uint64_t bytes_max;
	bool untimed;	      /* only bytes_max counts */
	uint64_t wake;	      /* the one that this turn is of */
	uint64_t bytes;	      /* begun in it */
	uint64_t ns;	      /* worked in it, as far as measured */
	uint64_t unmeasured;  /* since the clock was read: bytes, and what stands for requests */
	uint64_t moved;	      /* of these, bytes that the device moved itself */
	uint64_t measured_ns; /* when it was read, or others ended their work */
	uint32_t room;
};

void turn_init(struct turn *t, struct reactor *r, uint64_t bytes_max);
/* Where the reactor enters the device: a new turn, unless this wake's is under way. Outside of handlers always. */
void turn_begin(struct turn *t);
/* A request is begun, or a part of one, that moves @bytes. */
void turn_charge(struct turn *t, uint64_t bytes);
/* The part charged last, of @bytes, is moved by the kernel and not in this turn. */
void turn_handed_over(struct turn *t, uint64_t bytes);
bool turn_is_over(struct turn *t);
/* The same, but for the bound in bytes. */
bool turn_time_is_over(struct turn *t);
/* How many bytes the next part may have, TURN_ROOM_LEAST at least. */
uint32_t turn_room(const struct turn *t);

#endif
