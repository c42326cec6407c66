/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device's own kick. Work that reached its cap goes on in a later wake of
 * the reactor, after every other source that is ready had its turn. It is an
 * eventfd and not reactor_defer(), since it can be taken back when the device
 * goes away; it costs one write per cap reached.
 */
#ifndef KTSTR_VIRTIO_SELFKICK_H
#define KTSTR_VIRTIO_SELFKICK_H

#include <stdbool.h>

#include "reactor/reactor.h"

struct selfkick {
	struct kick kick;
	int fd;
	bool rung;
	void (*fn)(struct selfkick *s);
};

/* 0 or a negative errno (-EMFILE, -ENOSPC when the reactor has no slot). */
int selfkick_open(struct reactor *r, struct selfkick *s, void (*fn)(struct selfkick *s));
/* Run @fn once in a later wake; more rings before that change nothing. */
void selfkick_ring(struct selfkick *s);
void selfkick_close(struct selfkick *s);

#endif
