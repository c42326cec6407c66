/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/decompress.h"

#include <errno.h>
#include <lzma.h>
#include <stdlib.h>
#include <zstd.h>

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

int decompress_xz(const void *in, size_t in_len, uint8_t **out, size_t *out_len)
{
	lzma_stream s = LZMA_STREAM_INIT;
	lzma_ret r = LZMA_OK;
	uint8_t *data = NULL;
	size_t cap = 0;
	int ret = 0;

	if (lzma_stream_decoder(&s, UINT64_MAX, 0) != LZMA_OK)
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
