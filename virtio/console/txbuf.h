/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes a port's driver sent and the host has not taken: one piece of memory,
 * so that a consumer sees all there is at once, with a way to put bytes back in
 * front. TXBUF_SIZE is there from the start; only a chain that crosses the
 * per-call cap by far, or a long residual, makes it grow, and it shrinks again.
 */
#ifndef KTSTR_VIRTIO_CONSOLE_TXBUF_H
#define KTSTR_VIRTIO_CONSOLE_TXBUF_H

#include <stddef.h>
#include <stdint.h>

#define TXBUF_SIZE ((256u + 32u) << 10) /* what one call takes, and one descriptor over */

struct txbuf {
	uint8_t *buf;
	size_t start, len, cap; /* bytes buf[start..start+len) */
	size_t lent;		/* bytes of a txbuf_lend() that was not ended */
	uint64_t allocations;
};

int txbuf_init(struct txbuf *b); /* 0 or -ENOMEM */
void txbuf_free(struct txbuf *b);
/* Room for @n bytes behind the last; NULL when there is no memory. Valid until
 * the next call. Not while lent. */
uint8_t *txbuf_room(struct txbuf *b, size_t n);
void txbuf_add(struct txbuf *b, size_t n);
/* Hand out all there is: *@n bytes that stay in place until txbuf_end(), but
 * for what txbuf_put_back() puts over their end. */
const uint8_t *txbuf_lend(struct txbuf *b, size_t *n);
void txbuf_end(struct txbuf *b);
/* Put @n bytes in front of what is there; they may be part of what is lent.
 * 0, -ENOMEM, or -E2BIG: lent, and more is put back than was lent. */
int txbuf_put_back(struct txbuf *b, const void *data, size_t n);

#endif
