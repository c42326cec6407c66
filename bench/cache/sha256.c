/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/cache/sha256.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_SIZE (1u << 18)

void sha256_init(struct sha256 *s)
{
	SHA256Init(&s->ctx);
}

void sha256_add(struct sha256 *s, const void *data, size_t len)
{
	SHA256Update(&s->ctx, data, len);
}

void sha256_hex(struct sha256 *s, char hex[SHA256_HEX])
{
	SHA256End(&s->ctx, hex);
}

int sha256_file(int fd, char hex[SHA256_HEX])
{
	uint8_t *buf = malloc(READ_SIZE);
	struct sha256 s;
	off_t at = 0;
	ssize_t n;

	if (!buf)
		return -ENOMEM;
	sha256_init(&s);
	while ((n = pread(fd, buf, READ_SIZE, at)) > 0) {
		sha256_add(&s, buf, (size_t)n);
		at += n;
	}
	n = n < 0 ? -errno : 0;
	free(buf);
	sha256_hex(&s, hex);
	return (int)n;
}
