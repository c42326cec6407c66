/* SPDX-License-Identifier: GPL-2.0-only */
#include "virtio/wire.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "headers are used as they lie in memory");
_Static_assert(sizeof(struct wire_stimulus) == 24 && sizeof(struct wire_snapshot) == 72, "as on the wire");
_Static_assert(sizeof(struct wire_header) == WIRE_HEADER_SIZE, "the header has no padding of the compiler's");

#define CRC32_POLYNOMIAL 0xedb88320u /* IEEE 802.3, bits reversed */
#define CRC_SLICES 8

/* crc_table[k][b]: what byte b contributes when k more bytes follow it. */
static uint32_t crc_table[CRC_SLICES][256];

__attribute__((constructor)) static void crc_table_fill(void)
{
	for (unsigned b = 0; b < 256; b++) {
		uint32_t crc = b;

		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ CRC32_POLYNOMIAL : crc >> 1;
		crc_table[0][b] = crc;
	}
	for (unsigned k = 1; k < CRC_SLICES; k++)
		for (unsigned b = 0; b < 256; b++)
			crc_table[k][b] = crc_table[k - 1][b] >> 8 ^ crc_table[0][crc_table[k - 1][b] & 0xff];
}

/* Eight bytes per step: the stream carries all output of the guest's programs, and a look-up per byte would be its
 * slowest part. */
uint32_t wire_crc32(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t crc = ~0u;

	for (; len >= 8; p += 8, len -= 8) {
		uint32_t lo, hi;

		memcpy(&lo, p, 4);
		memcpy(&hi, p + 4, 4);
		lo ^= crc;
		crc = crc_table[7][lo & 0xff] ^ crc_table[6][lo >> 8 & 0xff] ^ crc_table[5][lo >> 16 & 0xff] ^
		      crc_table[4][lo >> 24] ^ crc_table[3][hi & 0xff] ^ crc_table[2][hi >> 8 & 0xff] ^
		      crc_table[1][hi >> 16 & 0xff] ^ crc_table[0][hi >> 24];
	}
	for (; len; p++, len--)
		crc = crc >> 8 ^ crc_table[0][(crc ^ *p) & 0xff];
	return ~crc;
}

bool wire_type_known(uint32_t type)
{
	switch ((enum wire_type)type) {
	case WIRE_STIM:
	case WIRE_SCST:
	case WIRE_SCEN:
	case WIRE_SCPP:
	case WIRE_SCRR:
	case WIRE_EXIT:
	case WIRE_TEST:
	case WIRE_SCDX:
	case WIRE_CRSH:
	case WIRE_PMET:
	case WIRE_RAWO:
	case WIRE_PRAW:
	case WIRE_SNRQ:
	case WIRE_SNRP:
	case WIRE_SRDY:
	case WIRE_SOUT:
	case WIRE_SERR:
	case WIRE_SCLG:
	case WIRE_LIFE:
	case WIRE_KADR:
	case WIRE_EXCX:
	case WIRE_DMSG:
	case WIRE_PROB:
	case WIRE_KORQ:
	case WIRE_KORP:
	case WIRE_WPRF:
	case WIRE_SINP:
	case WIRE_JMET:
	case WIRE_FOUT:
	case WIRE_FEND:
	case WIRE_FDEL:
	case WIRE_JENV:
	case WIRE_EACK:
	case WIRE_WAKE:
	case WIRE_WSIZ:
	case WIRE_STAK:
	case WIRE_JTOP:
	case WIRE_GLAT:
	case WIRE_GACK:
		return true;
	}
	return false;
}

bool wire_type_internal(uint32_t type)
{
	return type == WIRE_SNRQ || type == WIRE_SNRP || type == WIRE_KORQ || type == WIRE_KORP || type == WIRE_SRDY;
}

void wire_header_init(struct wire_header *h, uint32_t type, const void *payload, size_t len)
{
	assert(len <= WIRE_PAYLOAD_MAX);
	*h = (struct wire_header){ .type = type, .length = (uint32_t)len, .crc32 = wire_crc32(payload, len) };
}

void wire_parser_init(struct wire_parser *p,
		      void (*frame)(void *ctx, uint32_t type, const uint8_t *payload, size_t len, bool crc_ok),
		      void *ctx)
{
	*p = (struct wire_parser){ .frame = frame, .ctx = ctx };
}

static void deliver_frame(struct wire_parser *p, const uint8_t *frame)
{
	const uint8_t *payload = frame + WIRE_HEADER_SIZE;
	struct wire_header h;
	bool crc_ok;

	memcpy(&h, frame, sizeof(h));
	crc_ok = wire_crc32(payload, h.length) == h.crc32;
	p->frames++;
	if (h.pad)
		p->bad_pad++;
	if (!crc_ok)
		p->bad_crc++;
	if (!wire_type_known(h.type)) {
		p->unknown++;
		p->unknown_type = h.type;
		return;
	}
	p->frame(p->ctx, h.type, payload, h.length, crc_ok);
}

static int reserve_buffer(struct wire_parser *p, size_t need)
{
	size_t cap = p->cap ? p->cap : WIRE_CHUNK_MAX + WIRE_HEADER_SIZE;
	uint8_t *buf;

	if (need <= p->cap)
		return 0;
	while (cap < need)
		cap *= 2;
	buf = realloc(p->buf, cap);
	if (!buf)
		return -ENOMEM;
	p->buf = buf;
	p->cap = cap;
	return 0;
}

/* Size of the frame of which @have bytes are at @start: the header's, while that is incomplete; 0: its length is
 * invalid. */
static size_t frame_size(const uint8_t *start, size_t have)
{
	struct wire_header h;

	if (have < WIRE_HEADER_SIZE)
		return WIRE_HEADER_SIZE;
	memcpy(&h, start, sizeof(h));
	return h.length > WIRE_PAYLOAD_MAX ? 0 : WIRE_HEADER_SIZE + (size_t)h.length;
}

static void drop_buffered(struct wire_parser *p, size_t unread)
{
	p->discarded += p->len + unread;
	p->len = 0;
}

/*
 * Whole frames are delivered in place. Only a frame that is split across reads is assembled in the buffer, so less than
 * one frame is ever kept.
 */
int wire_parser_feed(struct wire_parser *p, const void *data, size_t len)
{
	const uint8_t *in = data;

	while (len) {
		size_t size = p->len ? frame_size(p->buf, p->len) : frame_size(in, len);

		if (size && !p->len && len >= size) {
			deliver_frame(p, in);
			in += size;
			len -= size;
			continue;
		}
		if (size) {
			size_t take = size - p->len < len ? size - p->len : len;

			if (reserve_buffer(p, size)) {
				drop_buffered(p, len);
				return -ENOMEM;
			}
			memcpy(p->buf + p->len, in, take);
			p->len += take;
			in += take;
			len -= take;
			size = frame_size(p->buf, p->len);
		}
		if (!size) {
			p->oversize++;
			drop_buffered(p, len);
			return 0;
		}
		if (p->len == size) {
			p->len = 0;
			deliver_frame(p, p->buf);
		}
	}
	return 0;
}

void wire_parser_free(struct wire_parser *p)
{
	free(p->buf);
	p->buf = NULL;
	p->len = p->cap = 0;
}
