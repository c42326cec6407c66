/* SPDX-License-Identifier: GPL-2.0-only */
/* What the libraries that write the formats of kernels and modules wrote comes back whole, and nothing of it when cut.
 */
#include <errno.h>
#include <lz4.h>
#include <lzma.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "bench/base/decompress.h"

#define SIZE ((20u << 20) + 12345) /* three blocks of an lz4 kernel */
#define ROOM (SIZE + (1u << 20))

struct pair {
	uint8_t *plain, *packed;
	size_t len;
};

static int setup(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));
	uint32_t x = 1;

	p->plain = malloc(SIZE);
	p->packed = malloc(ROOM);
	/* Compressible, and of no period. */
	for (size_t i = 0; i < SIZE; i++) {
		x = x * 1664525 + 1013904223;
		p->plain[i] = (uint8_t)(x >> 30);
	}
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct pair *p = *state;

	free(p->plain);
	free(p->packed);
	free(p);
	return 0;
}

static void comes_back(struct pair *p)
{
	uint8_t *out = NULL;
	size_t len = 0;

	assert_int_equal(decompress(p->packed, p->len, &out, &len), 0);
	assert_int_equal(len, SIZE);
	assert_memory_equal(out, p->plain, SIZE);
	free(out);
	out = NULL;
	assert_int_equal(decompress(p->packed, p->len - 1, &out, &len), -EBADMSG);
	assert_null(out);
	assert_int_equal(decompress(p->packed, p->len / 2, &out, &len), -EBADMSG);
	assert_null(out);
}

static void put32(uint8_t *at, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static size_t pack_lz4_legacy(const uint8_t *plain, size_t size, uint8_t *packed, size_t room)
{
	size_t len = 4;

	put32(packed, 0x184c2102);
	for (size_t at = 0; at < size; at += 8 << 20) {
		int n = (int)(size - at < 8 << 20 ? size - at : 8 << 20);
		int block =
			LZ4_compress_default((char *)plain + at, (char *)packed + len + 4, n, (int)(room - len - 4));

		assert_true(block > 0);
		put32(packed + len, (uint32_t)block);
		len += 4 + (size_t)block;
	}
	return len;
}

static size_t pack_gzip(const uint8_t *plain, size_t size, uint8_t *packed, size_t room)
{
	z_stream s = {
		.next_in = (uint8_t *)plain, .avail_in = (uInt)size, .next_out = packed, .avail_out = (uInt)room
	};

	assert_int_equal(deflateInit2(&s, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&s, Z_FINISH), Z_STREAM_END);
	deflateEnd(&s);
	return s.total_out;
}

static size_t pack_zstd(const uint8_t *plain, size_t size, uint8_t *packed, size_t room)
{
	size_t len = ZSTD_compress(packed, room, plain, size, 1);

	assert_false(ZSTD_isError(len));
	return len;
}

static size_t pack_xz(const uint8_t *plain, size_t size, uint8_t *packed, size_t room)
{
	size_t len = 0;

	assert_int_equal(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, plain, size, packed, &len, room), LZMA_OK);
	return len;
}

/* As lzma(1) writes it: the size is not known, an end marker follows. */
static size_t pack_lzma(const uint8_t *plain, size_t size, uint8_t *packed, size_t room)
{
	lzma_stream s = LZMA_STREAM_INIT;
	lzma_options_lzma options;

	assert_false(lzma_lzma_preset(&options, 0));
	assert_int_equal(lzma_alone_encoder(&s, &options), LZMA_OK);
	s.next_in = plain;
	s.avail_in = size;
	s.next_out = packed;
	s.avail_out = room;
	assert_int_equal(lzma_code(&s, LZMA_FINISH), LZMA_STREAM_END);
	lzma_end(&s);
	return s.total_out;
}

static const struct format {
	const char *name;
	size_t magic; /* bytes without which it is no format */
	size_t (*pack)(const uint8_t *plain, size_t size, uint8_t *packed, size_t room);
} formats[] = {
	{ "lz4", 11, pack_lz4_legacy }, { "gzip", 10, pack_gzip }, { "zstd", 4, pack_zstd },
	{ "xz", 6, pack_xz },		{ "lzma", 14, pack_lzma },
};

static void each_format_comes_back_whole(void **state)
{
	struct pair *p = *state;

	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		print_message("%s\n", formats[i].name);
		p->len = formats[i].pack(p->plain, SIZE, p->packed, ROOM);
		comes_back(p);
	}
}

/* Every prefix of a packed file fails; a byte that is wrong fails or gives data, without a crash. */
static void packed_data_is_not_trusted(void **state)
{
	struct pair *p = *state;
	uint8_t *out = NULL;
	size_t len;

	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		print_message("%s\n", formats[i].name);
		p->len = formats[i].pack(p->plain, 3000, p->packed, ROOM);
		for (size_t cut = 0; cut < p->len; cut++) {
			int error = decompress(p->packed, cut, &out, &len);

			if (error != -EBADMSG && (error != -EPROTONOSUPPORT || cut >= formats[i].magic))
				fail_msg("cut at %zu of %zu: %d", cut, p->len, error);
			assert_null(out);
		}
		for (size_t at = 0; at < p->len; at++) {
			p->packed[at] ^= 0x10;
			if (!decompress(p->packed, p->len, &out, &len))
				free(out);
			out = NULL;
			p->packed[at] ^= 0x10;
		}
	}
}

static void unknown(void **state)
{
	uint8_t *out = NULL;
	size_t len = 0;

	assert_int_equal(decompress("BZh9 and so on", 14, &out, &len), -EPROTONOSUPPORT);
	assert_int_equal(decompress("", 0, &out, &len), -EPROTONOSUPPORT);
	assert_null(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_format_comes_back_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(packed_data_is_not_trusted, setup, teardown),
		cmocka_unit_test(unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
