/* SPDX-License-Identifier: GPL-2.0-only */
#include "virtio/turn.h"

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void turn_init(struct turn *t, struct reactor *r, uint64_t bytes_max)
{
	*t = (struct turn){ .r = r, .bytes_max = bytes_max, .room = TURN_ROOM_HERE };
}

void turn_begin(struct turn *t)
{
	uint64_t wake = reactor_wake(t->r);

	t->measured_ns = reactor_clock_ns(t->r);
	if (wake == t->wake)
		return;
	t->wake = wake;
	t->bytes = t->ns = t->unmeasured = t->moved = 0;
}

void turn_charge(struct turn *t, uint64_t bytes)
{
	t->bytes += bytes;
	t->unmeasured += bytes + TURN_REQUEST_BYTES;
	t->moved += bytes;
}

void turn_handed_over(struct turn *t, uint64_t bytes)
{
	t->unmeasured -= min_u64(t->unmeasured, bytes);
	t->moved -= min_u64(t->moved, bytes);
	if (bytes >= t->room / 2)
		t->room = (uint32_t)min_u64(2ull * t->room, TURN_ROOM_MOST);
}

/* @bytes took @ns. */
static void turn_learn_room(struct turn *t, uint64_t bytes, uint64_t ns)
{
	uint64_t room = ns ? bytes * TURN_PART_NS / ns : TURN_ROOM_HERE;

	room = min_u64(min_u64(room, 2ull * t->room), TURN_ROOM_HERE);
	/* Whole multiples, so that a part ends where the blocks of a disk do. */
	room -= room % TURN_ROOM_LEAST;
	t->room = room ? (uint32_t)room : TURN_ROOM_LEAST;
}

/* The clock is read after this many. */
static uint64_t check_bytes(const struct turn *t)
{
	return min_u64(t->room, TURN_CHECK_BYTES);
}

static void turn_measure(struct turn *t)
{
	uint64_t now_ns = reactor_read_clock(t->r), ns = now_ns - t->measured_ns;

	if (t->moved >= check_bytes(t) / 2)
		turn_learn_room(t, t->moved, ns);
	t->ns += ns;
	t->unmeasured = t->moved = 0;
	t->measured_ns = now_ns;
}

bool turn_time_is_over(struct turn *t)
{
	bool begun = t->unmeasured || t->ns;

	if (t->unmeasured >= check_bytes(t))
		turn_measure(t);
	return begun && !t->untimed && (t->ns >= TURN_NS || t->measured_ns - reactor_wake_ns(t->r) >= TURN_WAKE_NS);
}

bool turn_is_over(struct turn *t)
{
	return t->bytes >= t->bytes_max || turn_time_is_over(t);
}

uint32_t turn_room(const struct turn *t)
{
	uint64_t left = t->bytes < t->bytes_max ? t->bytes_max - t->bytes : 0;

	return left > TURN_ROOM_LEAST ? (uint32_t)min_u64(left, t->room) : TURN_ROOM_LEAST;
}
