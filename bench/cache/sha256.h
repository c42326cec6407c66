/* SPDX-License-Identifier: GPL-2.0-only */
/* SHA-256 in hexadecimal, of memory and of files, by libmd. */
#ifndef KTSTR_BENCH_CACHE_SHA256_H
#define KTSTR_BENCH_CACHE_SHA256_H

#include <stddef.h>
#include <sys/types.h>

#include <sha2.h>

#define SHA256_HEX SHA256_DIGEST_STRING_LENGTH /* 64 digits and the NUL */

struct sha256 {
	SHA2_CTX ctx;
};

void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t len);
/* Finishes the digest. Initialise @s again before its next use. */
void sha256_hex(struct sha256 *s, char hex[SHA256_HEX]);
/* Of the whole file, whatever its position. 0 or -errno. */
int sha256_file(int fd, char hex[SHA256_HEX]);

#endif
