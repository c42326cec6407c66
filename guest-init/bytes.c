/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest-init/bytes.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int bytes_put(struct bytes *b, const void *data, size_t len)
{
	if (b->head && b->head + b->len + len > b->cap) {
		memmove(b->data, b->data + b->head, b->len);
		b->head = 0;
	}
	if (b->len + len > b->cap) {
		size_t cap = b->cap ? b->cap : 4096;
		uint8_t *grown;

		while (cap < b->len + len)
			cap *= 2;
		grown = realloc(b->data, cap);
		if (!grown)
			return -ENOMEM;
		b->data = grown;
		b->cap = cap;
	}
	memcpy(b->data + b->head + b->len, data, len);
	b->len += len;
	return 0;
}

void bytes_take(struct bytes *b, size_t len)
{
	assert(len <= b->len);
	b->len -= len;
	b->head = b->len ? b->head + len : 0;
}

void bytes_free(struct bytes *b)
{
	free(b->data);
	*b = (struct bytes){ 0 };
}
