/* SPDX-License-Identifier: GPL-2.0-only */
/* SHA-256 (FIPS 180-4), in pieces. */
#ifndef KTSTR_BENCH_SHA256_H
#define KTSTR_BENCH_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_HEX 65 /* 64 digits and the end */

struct sha256 {
	uint32_t h[8];
	uint64_t len; /* bytes so far */
	uint8_t block[64];
};

void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t len);
/* Ends it; @s is to be initialised again before it is used again. */
void sha256_hex(struct sha256 *s, char hex[SHA256_HEX]);
/* All of a file from its beginning. 0 or -errno. */
int sha256_file(int fd, char hex[SHA256_HEX]);

#endif
