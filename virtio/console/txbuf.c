/* SPDX-License-Identifier: GPL-2.0-only */
#include "virtio/console/txbuf.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Move what is there into memory of @cap bytes, @front bytes from its start. */
static int move(struct txbuf *b, size_t cap, size_t front)
{
	uint8_t *buf = malloc(cap);

	if (!buf)
		return -ENOMEM;
	b->allocations++;
	if (b->len)
		memcpy(buf + front, b->buf + b->start, b->len);
	free(b->buf);
	b->buf = buf;
	b->cap = cap;
	b->start = front;
	return 0;
}

int txbuf_init(struct txbuf *b)
{
	memset(b, 0, sizeof(*b));
	return move(b, TXBUF_SIZE, 0);
}

void txbuf_free(struct txbuf *b)
{
	free(b->buf);
	memset(b, 0, sizeof(*b));
}

uint8_t *txbuf_room(struct txbuf *b, size_t n)
{
	assert(!b->lent);
	if (b->len == 0)
		b->start = 0;
	if (b->cap - b->start - b->len >= n)
		return b->buf + b->start + b->len;
	if (b->cap - b->len >= n) {
		memmove(b->buf, b->buf + b->start, b->len);
		b->start = 0;
	} else if (move(b, 2 * (b->len + n), 0)) {
		return NULL;
	}
	return b->buf + b->start + b->len;
}

void txbuf_add(struct txbuf *b, size_t n)
{
	assert(b->cap - b->start - b->len >= n);
	b->len += n;
}

const uint8_t *txbuf_lend(struct txbuf *b, size_t *n)
{
	const uint8_t *data = b->buf + b->start;

	assert(!b->lent);
	*n = b->lent = b->len;
	b->start += b->len;
	b->len = 0;
	return data;
}

void txbuf_end(struct txbuf *b)
{
	b->lent = 0;
	/* Failing to shrink costs memory, no byte. */
	if (b->cap > TXBUF_SIZE && b->len <= TXBUF_SIZE)
		(void)move(b, TXBUF_SIZE, 0);
}

int txbuf_put_back(struct txbuf *b, const void *data, size_t n)
{
	if (b->lent && n > b->lent - b->len)
		return -E2BIG;
	if (n <= b->start) {
		b->start -= n;
	} else if (b->cap - b->len >= n) {
		memmove(b->buf + n, b->buf + b->start, b->len);
		b->start = 0;
	} else {
		if (move(b, 2 * (b->len + n), n))
			return -ENOMEM;
		b->start = 0;
	}
	if (n)
		memmove(b->buf + b->start, data, n);
	b->len += n;
	return 0;
}
