/* SPDX-License-Identifier: GPL-2.0-only */
/* Whole buffers of what kernels and their modules are compressed with. */
#ifndef KTSTR_BENCH_BASE_DECOMPRESS_H
#define KTSTR_BENCH_BASE_DECOMPRESS_H

#include <stddef.h>
#include <stdint.h>

#define DECOMPRESS_MAX (1ull << 30) /* bytes that come out; more is -EFBIG */

/* *@out: from malloc(). 0; -EBADMSG: not the format, cut short or damaged;
 * -EFBIG or -ENOMEM. */
int decompress_xz(const void *in, size_t in_len, uint8_t **out, size_t *out_len);
int decompress_zstd(const void *in, size_t in_len, uint8_t **out, size_t *out_len);
int decompress_gzip(const void *in, size_t in_len, uint8_t **out, size_t *out_len);
/* Its legacy frame, the one that kernels are in. */
int decompress_lz4(const void *in, size_t in_len, uint8_t **out, size_t *out_len);
/* Whichever it is, by its first bytes; -EPROTONOSUPPORT: none of these. */
int decompress(const void *in, size_t in_len, uint8_t **out, size_t *out_len);

#endif
