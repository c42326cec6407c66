/* SPDX-License-Identifier: GPL-2.0-only */
#include "virtio/console/txbuf.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int txbuf_resize(struct txbuf *b, size_t cap)
{
	uint8_t *buf = realloc(b->buf, cap);

	if (!buf)
		return -ENOMEM;
	b->allocations++;
	b->buf = buf;
	b->cap = cap;
	return 0;
}

int txbuf_init(struct txbuf *b)
{
	memset(b, 0, sizeof(*b));
	return txbuf_resize(b, TXBUF_SIZE);
}

void txbuf_free(struct txbuf *b)
{
	free(b->buf);
	memset(b, 0, sizeof(*b));
}

uint8_t *txbuf_room(struct txbuf *b, size_t n)
{
	assert(!b->lent);
	if (b->cap - b->len < n && txbuf_resize(b, 2 * (b->len + n)))
		return NULL;
	return b->buf + b->len;
}

void txbuf_add(struct txbuf *b, size_t n)
{
	assert(b->cap - b->len >= n);
	b->len += n;
}

const uint8_t *txbuf_lend(struct txbuf *b, size_t *n)
{
	assert(!b->lent);
	b->lent = true;
	*n = b->len;
	return b->buf;
}

void txbuf_end(struct txbuf *b)
{
	b->lent = false;
	b->len = 0;
	/* If shrinking fails, only memory is lost. */
	if (b->cap > TXBUF_SIZE)
		(void)txbuf_resize(b, TXBUF_SIZE);
}
