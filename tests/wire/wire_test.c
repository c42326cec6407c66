/* SPDX-License-Identifier: GPL-2.0-only */
/* The frame format of port 1 and its incremental parser. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <cmocka.h>

#include "virtio/wire.h"

#define SEEN_MAX 64

struct seen {
	unsigned n;
	struct {
		uint32_t type, crc;
		size_t len;
		bool crc_ok;
	} frame[SEEN_MAX];
};

static void see(void *ctx, uint32_t type, const uint8_t *payload, size_t len, bool crc_ok)
{
	struct seen *s = ctx;

	assert_in_range(s->n, 0, SEEN_MAX - 1);
	s->frame[s->n].type = type;
	s->frame[s->n].crc = (uint32_t)crc32(0, payload, (uInt)len);
	s->frame[s->n].len = len;
	s->frame[s->n].crc_ok = crc_ok;
	s->n++;
}

struct stream {
	uint8_t *data;
	size_t len;
};

static void put(struct stream *s, const void *data, size_t len)
{
	s->data = realloc(s->data, s->len + len + 1);
	assert_non_null(s->data);
	if (len)
		memcpy(s->data + s->len, data, len);
	s->len += len;
}

static void put_frame(struct stream *s, uint32_t type, const void *payload, size_t len)
{
	struct wire_header h;

	wire_header_init(&h, type, payload, len);
	put(s, &h, sizeof(h));
	put(s, payload, len);
}

static uint8_t *noise(size_t len)
{
	uint8_t *data = malloc(len);
	uint32_t x = 2463534242u;

	assert_non_null(data);
	for (size_t i = 0; i < len; i++) {
		x ^= x << 13, x ^= x >> 17, x ^= x << 5;
		data[i] = (uint8_t)x;
	}
	return data;
}

/* WIR-01 */
static void header_is_16_bytes_little_endian(void **state)
{
	static const uint8_t expected[WIRE_HEADER_SIZE] = {
		0x54, 0x49, 0x58, 0x45, 4, 0, 0, 0, 0x1c, 0xdf, 0x44, 0x21
	};
	struct wire_header h;

	memset(&h, 0xff, sizeof(h));
	wire_header_init(&h, WIRE_EXIT, "\0\0\0\0", 4);
	assert_int_equal(sizeof(h), 16);
	assert_memory_equal(&h, expected, sizeof(expected));
}

/* WIR-02: any length and alignment gives what zlib gives */
static void crc_is_ieee_and_zero_for_nothing(void **state)
{
	uint8_t *data = noise(5000);

	assert_int_equal(wire_crc32(NULL, 0), 0);
	assert_int_equal(wire_crc32("123456789", 9), 0xcbf43926);
	for (size_t at = 0; at < 9; at++)
		for (size_t len = 0; len < 300; len++)
			assert_int_equal(wire_crc32(data + at, len), crc32(0, data + at, (uInt)len));
	assert_int_equal(wire_crc32(data, 5000), crc32(0, data, 5000));
	free(data);
}

/* WIR-02 */
static void crc_covers_the_payload_only(void **state)
{
	struct wire_header a, b;

	wire_header_init(&a, WIRE_SOUT, "payload", 7);
	wire_header_init(&b, WIRE_SERR, "payload", 7);
	assert_int_equal(a.crc32, b.crc32);
	assert_int_equal(a.crc32, crc32(0, (const Bytef *)"payload", 7));
	wire_header_init(&a, WIRE_SRDY, NULL, 0);
	assert_int_equal(a.crc32, 0);
}

/* WIR-03 */
static void wrong_crc_is_delivered_as_such(void **state)
{
	struct stream s = { 0 };
	struct seen seen = { 0 };
	struct wire_parser p;

	put_frame(&s, WIRE_SOUT, "first", 5);
	s.data[WIRE_HEADER_SIZE] ^= 1;
	put_frame(&s, WIRE_SERR, "second", 6);
	wire_parser_init(&p, see, &seen);
	assert_int_equal(wire_parser_feed(&p, s.data, s.len), 0);
	assert_int_equal(seen.n, 2);
	assert_false(seen.frame[0].crc_ok);
	assert_int_equal(seen.frame[0].type, WIRE_SOUT);
	assert_true(seen.frame[1].crc_ok);
	assert_int_equal(p.bad_crc, 1);
	assert_int_equal(p.discarded, 0);
	wire_parser_free(&p);
	free(s.data);
}

/* WIR-04 */
static void exactly_16_mib_is_accepted(void **state)
{
	uint8_t *data = noise(WIRE_PAYLOAD_MAX);
	struct stream s = { 0 };
	struct seen seen = { 0 };
	struct wire_parser p;

	put_frame(&s, WIRE_RAWO, data, WIRE_PAYLOAD_MAX);
	wire_parser_init(&p, see, &seen);
	assert_int_equal(wire_parser_feed(&p, s.data, s.len), 0); /* in one piece */
	for (size_t at = 0; at < s.len; at += 100001)		  /* and torn */
		assert_int_equal(wire_parser_feed(&p, s.data + at, s.len - at < 100001 ? s.len - at : 100001), 0);
	assert_int_equal(seen.n, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(seen.frame[i].crc_ok);
		assert_int_equal(seen.frame[i].len, WIRE_PAYLOAD_MAX);
	}
	assert_int_equal(p.oversize, 0);
	wire_parser_free(&p);
	free(s.data);
	free(data);
}

/* WIR-04: whether the bad header comes whole, torn, or behind a good frame */
static void oversize_drops_and_resyncs(void **state)
{
	struct wire_header bad = { .type = WIRE_SOUT, .length = WIRE_PAYLOAD_MAX + 1 };
	struct stream s = { 0 };

	put_frame(&s, WIRE_SOUT, "good", 4);
	put(&s, &bad, sizeof(bad));
	put(&s, "rubbish that goes with it", 25);
	for (size_t cut = 0; cut <= s.len; cut++) {
		struct stream good = { 0 };
		struct seen seen = { 0 };
		struct wire_parser p;

		/* What follows a cut inside the rubbish would be read as a header: not this row. */
		if (cut > s.len - 25 && cut < s.len)
			continue;
		wire_parser_init(&p, see, &seen);
		assert_int_equal(wire_parser_feed(&p, s.data, cut), 0);
		if (cut != s.len - 25)
			assert_int_equal(wire_parser_feed(&p, s.data + cut, s.len - cut), 0);
		assert_int_equal(p.oversize, 1);
		assert_int_equal(p.len, 0);
		put_frame(&good, WIRE_SERR, "after", 5);
		assert_int_equal(wire_parser_feed(&p, good.data, good.len), 0);
		assert_int_equal(seen.n, 2);
		assert_int_equal(seen.frame[0].type, WIRE_SOUT);
		assert_int_equal(seen.frame[1].type, WIRE_SERR);
		assert_true(seen.frame[1].crc_ok);
		wire_parser_free(&p);
		free(good.data);
	}
	free(s.data);
}

/* WIR-05: every size of read from one byte up gives the same frames */
static void torn_frames_are_assembled(void **state)
{
	uint8_t *data = noise(3000);
	struct stream s = { 0 };

	put_frame(&s, WIRE_SRDY, NULL, 0);
	put_frame(&s, WIRE_SOUT, data, 3000);
	put_frame(&s, WIRE_SERR, data, 1);
	put_frame(&s, WIRE_SRDY, NULL, 0);
	put_frame(&s, WIRE_EXIT, "\7\0\0\0", 4);
	for (size_t step = 1; step <= s.len; step = step < 64 ? step + 1 : step * 2 - 3) {
		struct seen seen = { 0 };
		struct wire_parser p;

		wire_parser_init(&p, see, &seen);
		for (size_t at = 0; at < s.len; at += step)
			assert_int_equal(wire_parser_feed(&p, s.data + at, s.len - at < step ? s.len - at : step), 0);
		assert_int_equal(seen.n, 5);
		assert_int_equal(p.frames, 5);
		for (unsigned i = 0; i < 5; i++)
			assert_true(seen.frame[i].crc_ok);
		assert_int_equal(seen.frame[1].crc, crc32(0, data, 3000));
		assert_int_equal(seen.frame[3].type, WIRE_SRDY);
		assert_int_equal(seen.frame[4].len, 4);
		assert_int_equal(p.len, 0);
		wire_parser_free(&p);
	}
	free(s.data);
	free(data);
}

/* WIR-06 */
static void pad_is_counted_and_accepted(void **state)
{
	struct stream s = { 0 };
	struct seen seen = { 0 };
	struct wire_parser p;

	put_frame(&s, WIRE_SOUT, "x", 1);
	((struct wire_header *)s.data)->pad = 1;
	wire_parser_init(&p, see, &seen);
	assert_int_equal(wire_parser_feed(&p, s.data, s.len), 0);
	assert_int_equal(seen.n, 1);
	assert_true(seen.frame[0].crc_ok);
	assert_int_equal(p.bad_pad, 1);
	wire_parser_free(&p);
	free(s.data);
}

/* WIR-07: whatever comes, what is kept stays below twice the cap */
static void residual_stays_below_twice_the_cap(void **state)
{
	struct wire_header h = { .type = WIRE_SOUT, .length = WIRE_PAYLOAD_MAX };
	size_t len = 40u << 20;
	uint8_t *junk = noise(len);
	struct seen seen = { 0 };
	struct wire_parser p;

	wire_parser_init(&p, see, &seen);
	assert_int_equal(wire_parser_feed(&p, junk, len), 0);
	assert_in_range(p.len, 0, WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX - 1);
	wire_parser_free(&p);

	/* A frame that never ends, over and over, and never in step with the reads. */
	wire_parser_init(&p, see, &seen);
	memset(junk, 0, len);
	for (unsigned i = 0; i < 8; i++) {
		memcpy(junk + i, &h, sizeof(h));
		assert_int_equal(wire_parser_feed(&p, junk + i, WIRE_PAYLOAD_MAX), 0);
		assert_in_range(p.len, 0, WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX - 1);
		assert_in_range(p.cap, 0, 2 * WIRE_PAYLOAD_MAX);
	}
	wire_parser_free(&p);
	assert_null(p.buf);
	free(junk);
}

/* WIR-08 */
static void unknown_types_are_dropped_and_named(void **state)
{
	struct stream s = { 0 };
	struct seen seen = { 0 };
	struct wire_parser p;

	put_frame(&s, 0x5354454e, "later versions send this", 24);
	put_frame(&s, WIRE_SOUT, "x", 1);
	wire_parser_init(&p, see, &seen);
	assert_int_equal(wire_parser_feed(&p, s.data, s.len), 0);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.frame[0].type, WIRE_SOUT);
	assert_int_equal(p.unknown, 1);
	assert_int_equal(p.unknown_type, 0x5354454e);
	assert_int_equal(p.frames, 2);
	wire_parser_free(&p);
	free(s.data);
}

/* WIR-13 */
static void five_types_are_internal(void **state)
{
	static const uint32_t internal[] = { 0x534e5251, 0x534e5250, 0x4b4f5251, 0x4b4f5250, 0x53524459 };
	static const uint32_t verdict[] = { WIRE_EXIT, WIRE_TEST, WIRE_SCDX, WIRE_SOUT, WIRE_LIFE, WIRE_PMET };

	for (size_t i = 0; i < sizeof(internal) / sizeof(*internal); i++) {
		assert_true(wire_type_known(internal[i]));
		assert_true(wire_type_internal(internal[i]));
	}
	for (size_t i = 0; i < sizeof(verdict) / sizeof(*verdict); i++)
		assert_false(wire_type_internal(verdict[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_is_16_bytes_little_endian),
		cmocka_unit_test(crc_is_ieee_and_zero_for_nothing),
		cmocka_unit_test(crc_covers_the_payload_only),
		cmocka_unit_test(wrong_crc_is_delivered_as_such),
		cmocka_unit_test(exactly_16_mib_is_accepted),
		cmocka_unit_test(oversize_drops_and_resyncs),
		cmocka_unit_test(torn_frames_are_assembled),
		cmocka_unit_test(pad_is_counted_and_accepted),
		cmocka_unit_test(residual_stays_below_twice_the_cap),
		cmocka_unit_test(unknown_types_are_dropped_and_named),
		cmocka_unit_test(five_types_are_internal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
