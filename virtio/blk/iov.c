/* SPDX-License-Identifier: GPL-2.0-only */
#include <assert.h>
#include <string.h>

#include "virtio/blk/backing.h"

size_t iov_bytes(const struct iovec *iov, unsigned n)
{
	size_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return sum;
}

void iov_advance(struct iovec **iov, unsigned *n, size_t done)
{
	while (*n && done >= (*iov)->iov_len) {
		done -= (*iov)->iov_len;
		(*iov)++;
		(*n)--;
	}
	assert(*n); /* bytes are left */
	(*iov)->iov_base = (uint8_t *)(*iov)->iov_base + done;
	(*iov)->iov_len -= done;
}

/* The part of @v inside [at, at+len) of the whole list, in which @v begins at *@pos. Moves *@pos past @v. */
static struct iovec part_of(const struct iovec *v, size_t *pos, size_t at, size_t len)
{
	size_t from = at > *pos ? at - *pos : 0, to = at + len > *pos ? at + len - *pos : 0;

	*pos += v->iov_len;
	if (from > v->iov_len)
		from = v->iov_len;
	if (to > v->iov_len)
		to = v->iov_len;
	return (struct iovec){ .iov_base = (uint8_t *)v->iov_base + from, .iov_len = to - from };
}

void iov_zero_from(const struct iovec *iov, unsigned n, size_t done)
{
	size_t pos = 0, len = iov_bytes(iov, n) - done;

	for (unsigned i = 0; i < n; i++) {
		struct iovec part = part_of(&iov[i], &pos, done, len);

		if (part.iov_len)
			memset(part.iov_base, 0, part.iov_len);
	}
}

void iov_copy_in(const struct iovec *iov, unsigned n, size_t at, const void *buf, size_t len)
{
	const uint8_t *from = buf;
	size_t pos = 0;

	for (unsigned i = 0; i < n; i++) {
		struct iovec part = part_of(&iov[i], &pos, at, len);

		if (part.iov_len)
			memcpy(part.iov_base, from, part.iov_len);
		from += part.iov_len;
	}
}

void iov_copy_out(const struct iovec *iov, unsigned n, size_t at, void *buf, size_t len)
{
	uint8_t *to = buf;
	size_t pos = 0;

	for (unsigned i = 0; i < n; i++) {
		struct iovec part = part_of(&iov[i], &pos, at, len);

		if (part.iov_len)
			memcpy(to, part.iov_base, part.iov_len);
		to += part.iov_len;
	}
}
