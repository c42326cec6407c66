/* SPDX-License-Identifier: GPL-2.0-only */
/* SHA-256 in hexadecimal, of pieces and of files: libmd's, as the cache wants it. */
#ifndef KTSTR_BENCH_CACHE_SHA256_H
#define KTSTR_BENCH_CACHE_SHA256_H

#include <stddef.h>
#include <sys/types.h>

#include <sha2.h>

#define SHA256_HEX SHA256_DIGEST_STRING_LENGTH /* 64 digits and the end */

struct sha256 {
	SHA2_CTX ctx;
};

void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t len);
/* Ends it; @s is to be initialised again before it is used again. */
void sha256_hex(struct sha256 *s, char hex[SHA256_HEX]);
/* All of a file from its beginning. 0 or -errno. */
int sha256_file(int fd, char hex[SHA256_HEX]);

#endif
