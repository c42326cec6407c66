/* SPDX-License-Identifier: GPL-2.0-only */
#include "virtio/turn.h"

void turn_init(struct turn *t, struct reactor *r, uint64_t bytes_max)
{
	*t = (struct turn){ .r = r, .bytes_max = bytes_max };
}

void turn_begin(struct turn *t)
{
	uint64_t wake = reactor_wake(t->r);

	if (wake == t->wake)
		return;
	t->wake = wake;
	t->bytes = 0;
}

void turn_charge(struct turn *t, uint64_t bytes)
{
	t->bytes += bytes;
}

bool turn_is_over(const struct turn *t)
{
	return t->bytes >= t->bytes_max;
}
