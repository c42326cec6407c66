/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/base/decompress.h"

#include <errno.h>
#include <lz4.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define LZ4_LEGACY_MAGIC 0x184c2102u
#define LZ4_LEGACY_BLOCK (8u << 20) /* what a block decompresses to, but the last */

/* Room for more. *@cap grows to twice itself, from @first. */
static int grow(uint8_t **out, size_t *cap, size_t first)
{
	size_t wanted = *cap ? *cap * 2 : first;
	uint8_t *grown;

	if (*cap >= DECOMPRESS_MAX)
		return -EFBIG;
	grown = realloc(*out, wanted);
	if (!grown)
		return -ENOMEM;
	*out = grown;
	*cap = wanted;
	return 0;
}

static int done(int ret, uint8_t *data, size_t len, uint8_t **out, size_t *out_len)
{
	if (ret) {
		free(data);
		return ret;
	}
	*out = data;
	*out_len = len;
	return 0;
}

/* Also the older format, .lzma. */
int decompress_xz(const void *in, size_t in_len, uint8_t **out, size_t *out_len)
{
	lzma_stream s = LZMA_STREAM_INIT;
	lzma_ret r = LZMA_OK;
	uint8_t *data = NULL;
	size_t cap = 0;
	int ret = 0;

	if (lzma_auto_decoder(&s, UINT64_MAX, 0) != LZMA_OK)
		return -ENOMEM;
	s.next_in = in;
	s.avail_in = in_len;
	while (!ret && r == LZMA_OK) {
		if (s.total_out == cap)
			ret = grow(&data, &cap, in_len * 4 + 4096);
		s.next_out = data + s.total_out;
		s.avail_out = cap - s.total_out;
		if (!ret)
			r = lzma_code(&s, LZMA_FINISH);
	}
	if (!ret && r != LZMA_STREAM_END)
		ret = r == LZMA_MEM_ERROR ? -ENOMEM : -EBADMSG;
	ret = done(ret, data, s.total_out, out, out_len);
	lzma_end(&s);
	return ret;
}

int decompress_zstd(const void *in, size_t in_len, uint8_t **out, size_t *out_len)
{
	ZSTD_DCtx *ctx = ZSTD_createDCtx();
	ZSTD_inBuffer from = { in, in_len, 0 };
	ZSTD_outBuffer to = { 0 };
	uint8_t *data = NULL;
	size_t cap = 0, left = 1;
	int ret = ctx ? 0 : -ENOMEM;

	/* @left is 0 when a frame has ended and all of it is out. */
	while (!ret && (left || from.pos < from.size)) {
		size_t before_in = from.pos, before_out = to.pos;

		if (to.pos == cap)
			ret = grow(&data, &cap, in_len * 4 + 4096);
		to.dst = data;
		to.size = cap;
		if (ret)
			break;
		left = ZSTD_decompressStream(ctx, &to, &from);
		if (ZSTD_isError(left) || (left && from.pos == before_in && to.pos == before_out))
			ret = -EBADMSG;
	}
	ZSTD_freeDCtx(ctx);
	return done(ret, data, to.pos, out, out_len);
}

int decompress_gzip(const void *in, size_t in_len, uint8_t **out, size_t *out_len)
{
	z_stream s = { .next_in = (void *)in, .avail_in = (uInt)in_len };
	uint8_t *data = NULL;
	size_t cap = 0;
	int ret = 0, r = Z_OK;

	/* 16: a gzip header is there. */
	if (in_len > UINT32_MAX || inflateInit2(&s, 16 + MAX_WBITS) != Z_OK)
		return -ENOMEM;
	while (!ret && r == Z_OK) {
		if (s.total_out == cap)
			ret = grow(&data, &cap, in_len * 4 + 4096);
		s.next_out = data + s.total_out;
		s.avail_out = (uInt)(cap - s.total_out);
		if (!ret)
			r = inflate(&s, Z_NO_FLUSH);
	}
	if (!ret && r != Z_STREAM_END)
		ret = r == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
	ret = done(ret, data, s.total_out, out, out_len);
	inflateEnd(&s);
	return ret;
}

static uint32_t little_endian(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* A magic number, then blocks behind their lengths (lz4_Frame_format.md, Legacy frame). */
int decompress_lz4(const void *in, size_t in_len, uint8_t **out, size_t *out_len)
{
	const uint8_t *from = in;
	uint8_t *data = NULL;
	size_t cap = 0, at = 4, total = 0;
	int ret = in_len >= 4 && little_endian(from) == LZ4_LEGACY_MAGIC ? 0 : -EBADMSG;

	while (!ret && at < in_len) {
		size_t len = in_len - at < 4 ? SIZE_MAX : little_endian(from + at);
		int n = -1;

		at += 4;
		if (len > LZ4_COMPRESSBOUND(LZ4_LEGACY_BLOCK) || len > in_len - at) {
			ret = -EBADMSG;
			break;
		}
		while (!ret && cap - total < LZ4_LEGACY_BLOCK)
			ret = grow(&data, &cap, 2 * LZ4_LEGACY_BLOCK);
		if (!ret)
			n = LZ4_decompress_safe((const char *)from + at, (char *)data + total, (int)len,
						LZ4_LEGACY_BLOCK);
		if (!ret && n < 0)
			ret = -EBADMSG;
		total += n > 0 ? (size_t)n : 0;
		at += len;
	}
	return done(ret, data, total, out, out_len);
}

int decompress(const void *in, size_t in_len, uint8_t **out, size_t *out_len)
{
	static const struct {
		const char *magic;
		size_t len;
		int (*fn)(const void *in, size_t in_len, uint8_t **out, size_t *out_len);
	} formats[] = {
		{ "\x28\xb5\x2f\xfd", 4, decompress_zstd },
		{ "\xfd"
		  "7zXZ",
		  6, decompress_xz },
		{ "\x5d\0\0", 3, decompress_xz },
		{ "\x1f\x8b", 2, decompress_gzip },
		{ "\x02\x21\x4c\x18", 4, decompress_lz4 },
	};

	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (in_len > formats[i].len && !memcmp(in, formats[i].magic, formats[i].len))
			return formats[i].fn(in, in_len, out, out_len);
	return -EPROTONOSUPPORT;
}
