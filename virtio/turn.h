/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The turn of a device: what it may do before the reactor's other sources have their turn. A turn lasts for one wake of
 * the reactor (reactor_wake()). It is over once the device has
 *   begun bytes_max bytes, whatever the clock says; or
 *   worked for TURN_NS, or the wake as a whole has lasted TURN_WAKE_NS: in nested virtualization, or when it is touched
 *   for the first time, guest memory can be a hundred times slower than usual.
 * Then the self-kick continues what is left (selfkick.h). Every turn does something: the clock is read only after
 * min(room, TURN_CHECK_BYTES), where each request counts as TURN_REQUEST_BYTES plus its data.
 *
 * turn_room() is the length of the next part of a transfer. It is learnt from the traffic, and begins at 256 KiB:
 *   sample                                        room becomes
 *   the device has moved bytes itself, half of    the bytes that take TURN_PART_NS at that pace, but at most twice the
 *   what the clock is read after, or more         old room, and within 16..256 KiB
 *   a part of room / 2 or more was handed to      twice the old room, up to 4 MiB: that takes no time here, and the
 *   the kernel (turn_handed_over())               parts of a request wait for each other
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
#define TURN_ROOM_LEAST (16u << 10)
#define TURN_ROOM_HERE (256u << 10)
#define TURN_ROOM_MOST (4u << 20)

struct turn {
	struct reactor *r;
	uint64_t bytes_max;
	bool untimed;	      /* only bytes_max counts */
	uint64_t wake;	      /* the wake of this turn */
	uint64_t bytes;	      /* begun in it */
	uint64_t ns;	      /* spent in it, as far as measured */
	uint64_t unmeasured;  /* since the clock was read: bytes, and TURN_REQUEST_BYTES per request */
	uint64_t moved;	      /* of these, bytes that the device moved itself */
	uint64_t measured_ns; /* when the clock was read last, by this device or by others */
	uint32_t room;
};

void turn_init(struct turn *t, struct reactor *r, uint64_t bytes_max);
/* Called where the reactor enters the device. Begins a turn unless this wake has one; outside of handlers always. */
void turn_begin(struct turn *t);
/* A request, or a part of one, is begun, and moves @bytes. */
void turn_charge(struct turn *t, uint64_t bytes);
/* The part charged last, of @bytes, is moved by the kernel, outside of this turn. */
void turn_handed_over(struct turn *t, uint64_t bytes);
bool turn_is_over(struct turn *t);
/* The same without the bound in bytes. */
bool turn_time_is_over(struct turn *t);
/* How many bytes the next part may have, TURN_ROOM_LEAST at least. */
uint32_t turn_room(const struct turn *t);

#endif
