/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The TLV parser, and what the host makes of each frame. The input is either a
 * stream as a hostile guest may send it, or frames to be made, of which is known
 * what must come out; both are fed in pieces whose sizes the input says, too.
 */
#include <jansson.h>

#include "bench/session/dispatch.h"
#include "tests/fuzz/fuzz.h"
#include "virtio/wire.h"

#define STREAM_MAX (256u << 10)

static uint8_t stream[STREAM_MAX];
static size_t stream_len;

/* What came out: a digest of types, lengths, CRCs' verdicts and payloads. */
struct seen {
	uint64_t frames, digest;
};

static void mix(struct seen *s, uint64_t v)
{
	s->digest = (s->digest ^ v) * 0x100000001b3ull;
}

static void frame(void *ctx, uint32_t type, const uint8_t *payload, size_t len, bool crc_ok)
{
	struct seen *s = ctx;

	/* WIR-08 */
	assert_true(wire_type_known(type) && len <= WIRE_PAYLOAD_MAX);
	s->frames++;
	mix(s, type);
	mix(s, len);
	mix(s, crc_ok);
	for (size_t i = 0; i < len; i++)
		mix(s, payload[i]);
	struct frame f = {
		.kind = frame_type_of(type), .type = type, .payload = payload, .len = len, .crc_ok = crc_ok
	};

	json_decref(frame_event(&f));
	frame_drop(&f);
}

/* Frames behind each other, with a header that may lie. What must come of it goes to @want. */
static void make_frames(struct fuzz_input *in, struct seen *want)
{
	static const uint32_t types[] = { WIRE_STIM, WIRE_SCST, WIRE_SCEN, WIRE_SCPP, WIRE_EXIT, WIRE_SCDX,
					  WIRE_RAWO, WIRE_SNRQ, WIRE_SRDY, WIRE_SOUT, WIRE_LIFE, WIRE_JMET,
					  WIRE_JENV, WIRE_WAKE, WIRE_FOUT, WIRE_DMSG };

	while (in->left && stream_len + WIRE_HEADER_SIZE + 4096 < STREAM_MAX) {
		uint8_t kind = (uint8_t)fuzz_take(in, 1);
		size_t len = (size_t)fuzz_take(in, kind & 0x10 ? 2 : 1) % 4096;
		uint8_t *payload = stream + stream_len + WIRE_HEADER_SIZE;
		struct wire_header h;

		for (size_t i = 0; i < len; i++)
			payload[i] = in->left ? (uint8_t)fuzz_take(in, 1) : (uint8_t)i;
		wire_header_init(&h, types[kind & 15], payload, len);
		h.crc32 ^= kind & 0x20 ? 1u << (len & 31) : 0;
		h.pad = kind & 0x40 ? kind : 0;
		h.type ^= kind & 0x80 ? 0x01010101 : 0;
		memcpy(stream + stream_len, &h, sizeof(h));
		stream_len += WIRE_HEADER_SIZE + len;
		if (wire_type_known(h.type))
			frame(want, h.type, payload, len, !(kind & 0x20));
	}
}

/* The stream in pieces. */
static struct seen parse(uint32_t sizes, struct wire_parser *p)
{
	struct seen s = { 0 };
	size_t at = 0;

	wire_parser_init(p, frame, &s);
	for (unsigned i = 0; at < stream_len; i += 4) {
		size_t piece = (sizes >> i % 32 & 15) * (sizes >> i % 32 & 15) * 7 + 1;

		if (!sizes || piece > stream_len - at)
			piece = stream_len - at;
		assert_int_equal(wire_parser_feed(p, stream + at, piece), 0);
		at += piece;
		/* WIR-07: less than a frame is kept, of which no more than came */
		assert_true(p->len <= at && p->len < WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX);
		assert_true(p->cap <= 2 * (WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX));
	}
	p->ctx = NULL;
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	uint32_t sizes = (uint32_t)fuzz_take(&in, 4);
	bool made = fuzz_take(&in, 1) & 1;
	struct wire_parser whole, torn;
	struct seen want = { 0 }, once, pieces;

	stream_len = 0;
	if (made)
		make_frames(&in, &want);
	else
		for (; in.left && stream_len < STREAM_MAX; stream_len++)
			stream[stream_len] = (uint8_t)fuzz_take(&in, 1);
	once = parse(0, &whole);
	pieces = parse(sizes, &torn);
	/* WIR-05: how the stream was cut changes nothing, but for how much a resync drops (WIR-04) */
	if (!whole.oversize && !torn.oversize)
		assert_true(once.frames == pieces.frames && once.digest == pieces.digest && whole.len == torn.len);
	if (made)
		assert_true(once.frames == want.frames && once.digest == want.digest && !whole.len && !whole.oversize);
	wire_parser_free(&whole);
	wire_parser_free(&torn);
	return 0;
}
