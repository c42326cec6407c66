/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes that a port's driver sent and the host has not taken: one piece of memory, so that a consumer gets all there
 * is at once. TXBUF_SIZE is there from the start. Only a chain that goes far beyond the cap of a turn makes it grow; it
 * shrinks again once that is taken.
 */
#ifndef KTSTR_VIRTIO_CONSOLE_TXBUF_H
#define KTSTR_VIRTIO_CONSOLE_TXBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TXBUF_SIZE ((256u + 32u) << 10) /* what one call takes, and one descriptor over */

struct txbuf {
	uint8_t *buf;
	size_t len, cap;
	bool lent; /* from txbuf_lend() to txbuf_end() */
	uint64_t allocations;
};

int txbuf_init(struct txbuf *b); /* 0 or -ENOMEM */
void txbuf_free(struct txbuf *b);
/* Room for @n bytes after the last one; NULL when there is no memory. Valid until the next call. Not while lent. */
uint8_t *txbuf_room(struct txbuf *b, size_t n);
void txbuf_add(struct txbuf *b, size_t n);
/* Lend out all there is, *@n bytes, until txbuf_end(), which drops them. */
const uint8_t *txbuf_lend(struct txbuf *b, size_t *n);
void txbuf_end(struct txbuf *b);

#endif
