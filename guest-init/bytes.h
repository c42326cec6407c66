/* SPDX-License-Identifier: GPL-2.0-only */
/* A byte queue. */
#ifndef KTSTR_GUEST_INIT_BYTES_H
#define KTSTR_GUEST_INIT_BYTES_H

#include <stddef.h>
#include <stdint.h>

struct bytes {
	uint8_t *data; /* @len bytes from data + head wait */
	size_t head, len, cap;
};

/* 0 or -ENOMEM. */
int bytes_put(struct bytes *b, const void *data, size_t len);
/* Remove the first @len bytes. */
void bytes_take(struct bytes *b, size_t len);
void bytes_free(struct bytes *b);

#endif
