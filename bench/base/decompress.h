/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Decompresses whole buffers: kernels, their modules and configurations. libarchive detects the format by its first
 * bytes: gzip, xz, lzma, zstd, or lz4 (also the legacy frames that kernels use). bzip2 and lzo are left out, since each
 * needs one more library: a kernel compressed with one of them decompresses itself in the guest.
 */
#ifndef KTSTR_BENCH_BASE_DECOMPRESS_H
#define KTSTR_BENCH_BASE_DECOMPRESS_H

#include <stddef.h>
#include <stdint.h>

#define DECOMPRESS_MAX (1ull << 30) /* bytes of output, and no more than twice that */

/*
 * *@out: to free(). 0; -EPROTONOSUPPORT: in none of these formats; -EBADMSG: truncated or damaged; -EFBIG: more output
 * than DECOMPRESS_MAX; or -ENOMEM.
 */
int decompress(const void *in, size_t in_len, uint8_t **out, size_t *out_len);

#endif
