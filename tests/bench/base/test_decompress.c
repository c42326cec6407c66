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

static void lz4_legacy(void **state)
{
	struct pair *p = *state;

	put32(p->packed, 0x184c2102);
	p->len = 4;
	for (size_t at = 0; at < SIZE; at += 8 << 20) {
		int n = (int)(SIZE - at < 8 << 20 ? SIZE - at : 8 << 20);
		int packed = LZ4_compress_default((char *)p->plain + at, (char *)p->packed + p->len + 4, n,
						  (int)(ROOM - p->len - 4));

		assert_true(packed > 0);
		put32(p->packed + p->len, (uint32_t)packed);
		p->len += 4 + (size_t)packed;
	}
	comes_back(p);
}

static void gzip(void **state)
{
	struct pair *p = *state;
	z_stream s = { .next_in = p->plain, .avail_in = SIZE, .next_out = p->packed, .avail_out = ROOM };

	assert_int_equal(deflateInit2(&s, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&s, Z_FINISH), Z_STREAM_END);
	p->len = s.total_out;
	deflateEnd(&s);
	comes_back(p);
}

static void zstd(void **state)
{
	struct pair *p = *state;

	p->len = ZSTD_compress(p->packed, ROOM, p->plain, SIZE, 1);
	assert_false(ZSTD_isError(p->len));
	comes_back(p);
}

static void xz(void **state)
{
	struct pair *p = *state;

	p->len = 0;
	assert_int_equal(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, p->plain, SIZE, p->packed, &p->len, ROOM),
			 LZMA_OK);
	comes_back(p);
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
		cmocka_unit_test_setup_teardown(lz4_legacy, setup, teardown),
		cmocka_unit_test_setup_teardown(gzip, setup, teardown),
		cmocka_unit_test_setup_teardown(zstd, setup, teardown),
		cmocka_unit_test_setup_teardown(xz, setup, teardown),
		cmocka_unit_test(unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
