/* SPDX-License-Identifier: GPL-2.0-only */
#include "virtio/blk/request.h"

#include <limits.h>
#include <linux/virtio_blk.h>

#define HEADER_BYTES sizeof(struct virtio_blk_outhdr)
_Static_assert(sizeof(struct virtio_blk_outhdr) == 16, "virtio 1.2, 5.2.6");
_Static_assert(BLK_IOV_MAX <= IOV_MAX, "one vectored call takes a whole request");

/*
 * A chain without its framing, which the device must not rely on (2.7.4.1): the header is the first 16 bytes that the
 * driver wrote, the status byte is the last writable one, and the data is what is between them. So the header may be
 * split over descriptors, or share one with data.
 */
struct layout {
	struct virtio_blk_outhdr header;
	struct virtq_seg before; /* data after the header in its last descriptor */
	const struct virtq_seg *seg;
	unsigned n;		/* whole descriptors between these two */
	struct virtq_seg after; /* data before the status byte in its descriptor */
};

/* False: the driver did not provide 16 mapped bytes. */
static bool find_header(struct layout *l, const struct virtq_chain *chain, const struct guest_memory *mem)
{
	uint8_t *to = (uint8_t *)&l->header;
	size_t left = HEADER_BYTES;

	for (unsigned i = 0; i + 1 < chain->n && !chain->seg[i].writable; i++) {
		const struct virtq_seg *s = &chain->seg[i];
		size_t n = s->len < left ? s->len : left;

		if (n && guest_memory_read(mem, s->gpa, to, n))
			return false;
		to += n;
		left -= n;
		if (left)
			continue;
		l->before = (struct virtq_seg){ .gpa = s->gpa + n, .len = s->len - (uint32_t)n };
		l->seg = s + 1;
		l->n = chain->n - i - 2;
		return true;
	}
	return false;
}

static bool any_above_size_max(const struct layout *l, const struct blk_geometry *g)
{
	for (unsigned i = 0; i < l->n; i++) {
		if (l->seg[i].len > g->size_max)
			return true;
	}
	return l->before.len > g->size_max || l->after.len > g->size_max;
}

/* Host ranges of @seg; false for a wrong direction, unmapped memory or too many. */
static bool map_segment(struct blk_request *r, const struct virtq_seg *seg, const struct guest_memory *mem,
			bool writable)
{
	uint64_t gpa = seg->gpa;
	uint32_t left = seg->len;

	if (seg->writable != writable)
		return false;
	while (left) {
		uint32_t part = left < BLK_SIZE_MAX ? left : BLK_SIZE_MAX;
		int n = guest_memory_iov(mem, gpa, part, r->iov + r->n, BLK_IOV_MAX - r->n);

		if (n < 0)
			return false;
		r->n += (unsigned)n;
		r->len += part; /* BLK_IOV_MAX times BLK_SIZE_MAX at most */
		if (gpa + part < gpa && left > part)
			return false;
		gpa += part;
		left -= part;
	}
	return true;
}

static bool map_segments(struct blk_request *r, const struct layout *l, const struct guest_memory *mem, bool writable)
{
	for (unsigned i = 0; i < l->n; i++) {
		if (!map_segment(r, &l->seg[i], mem, writable))
			return false;
	}
	return true;
}

static bool in_capacity(const struct blk_request *r, uint64_t sector, const struct blk_geometry *g)
{
	uint64_t capacity_sectors = g->capacity / VIRTIO_BLK_SECTOR_SIZE;

	return sector <= capacity_sectors && r->len / VIRTIO_BLK_SECTOR_SIZE <= capacity_sectors - sector;
}

static bool range_valid(struct blk_request *r, const struct blk_geometry *g, uint64_t sector)
{
	if (r->len % VIRTIO_BLK_SECTOR_SIZE || !in_capacity(r, sector, g))
		return false;
	r->offset = sector * VIRTIO_BLK_SECTOR_SIZE;
	return true;
}

static bool read_valid(struct blk_request *r, const struct layout *l, const struct guest_memory *mem,
		       const struct blk_geometry *g)
{
	if ((!l->n && !l->after.len) || !map_segments(r, l, mem, true))
		return false;
	/* The status descriptor may be longer than its byte. Its other bytes are data only if that makes whole sectors.
	 */
	if ((r->len + (uint64_t)l->after.len) % VIRTIO_BLK_SECTOR_SIZE == 0) {
		if (!map_segment(r, &l->after, mem, true))
			return false;
	} else if (!l->n) {
		return false;
	}
	return range_valid(r, g, l->header.sector);
}

static bool write_valid(struct blk_request *r, const struct layout *l, const struct guest_memory *mem,
			const struct blk_geometry *g)
{
	if (g->read_only || (!l->n && !l->before.len))
		return false;
	return map_segment(r, &l->before, mem, false) && map_segments(r, l, mem, false) &&
	       range_valid(r, g, l->header.sector);
}

/* DISCARD and WRITE_ZEROES (5.2.6). 0: @r has the range; else the status of the answer. */
static uint8_t decode_erase(struct blk_request *r, const struct layout *l, const struct guest_memory *mem,
			    const struct blk_geometry *g)
{
	struct virtio_blk_discard_write_zeroes segment;
	bool zeroes = r->type == VIRTIO_BLK_T_WRITE_ZEROES;

	if (!(zeroes ? g->write_zeroes : g->discard))
		return VIRTIO_BLK_S_UNSUPP;
	/* max_discard_seg allows one segment. */
	if (!map_segment(r, &l->before, mem, false) || !map_segments(r, l, mem, false) || r->len != sizeof(segment))
		return VIRTIO_BLK_S_IOERR;
	iov_copy_out(r->iov, r->n, 0, &segment, sizeof(segment));
	if (segment.flags & ~(zeroes ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0u))
		return VIRTIO_BLK_S_UNSUPP;
	if (segment.num_sectors > BLK_ERASE_SECTORS_MAX)
		return VIRTIO_BLK_S_IOERR;
	r->unmap = segment.flags;
	r->n = 0;
	r->len = segment.num_sectors * VIRTIO_BLK_SECTOR_SIZE;
	return range_valid(r, g, segment.sector) ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR;
}

/* The first data descriptor takes the whole identity. */
static bool get_id_valid(struct blk_request *r, const struct layout *l, const struct guest_memory *mem)
{
	const struct virtq_seg *first = l->n ? l->seg : &l->after;
	int n;

	if (first->len < BLK_ID_BYTES || !map_segments(r, l, mem, true))
		return false;
	n = guest_memory_iov(mem, first->gpa, BLK_ID_BYTES, r->iov, BLK_IOV_MAX);
	if (n < 0)
		return false;
	r->n = (unsigned)n;
	r->len = BLK_ID_BYTES;
	return true;
}

static enum blk_decoded answer_with(uint8_t *status, uint8_t value)
{
	*status = value;
	return BLK_ANSWER;
}

/* What is known of @r before its data. */
static void begin_request(struct blk_request *r, const struct virtq_chain *chain, const struct guest_memory *mem)
{
	const struct virtq_seg *last = &chain->seg[chain->n - 1];
	uint64_t at = last->gpa + (last->len - 1);

	r->head = chain->head;
	r->status = at < last->gpa ? NULL : guest_memory_at(mem, at, 1);
	r->at = r->iov;
	r->n = r->len = r->done = r->got = r->cut = 0;
	r->ended = r->syncing = false;
	r->offset = 0;
	r->retries = 0;
}

enum blk_decoded blk_decode(struct blk_request *r, const struct virtq_chain *chain, const struct guest_memory *mem,
			    const struct blk_geometry *g, uint8_t *status)
{
	const struct virtq_seg *last;
	struct layout l = { 0 };
	bool valid;

	if (chain->malformed || !chain->n)
		return BLK_DROP;
	last = &chain->seg[chain->n - 1];
	if (!last->writable || !last->len)
		return BLK_DROP;
	begin_request(r, chain, mem);
	l.after = (struct virtq_seg){ .gpa = last->gpa, .len = last->len - 1, .writable = true };
	if (chain->n > g->chain_max || !find_header(&l, chain, mem))
		return answer_with(status, VIRTIO_BLK_S_IOERR);
	r->type = l.header.type;
	if (r->type == VIRTIO_BLK_T_FLUSH && l.n)
		return answer_with(status, VIRTIO_BLK_S_IOERR);
	if (any_above_size_max(&l, g))
		return answer_with(status, VIRTIO_BLK_S_IOERR);

	switch (r->type) {
	case VIRTIO_BLK_T_IN:
		valid = read_valid(r, &l, mem, g);
		break;
	case VIRTIO_BLK_T_OUT:
		valid = write_valid(r, &l, mem, g);
		break;
	case VIRTIO_BLK_T_FLUSH:
		if (g->read_only)
			return answer_with(status, VIRTIO_BLK_S_OK);
		valid = true;
		break;
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		*status = decode_erase(r, &l, mem, g);
		return *status == VIRTIO_BLK_S_OK ? BLK_PERFORM : BLK_ANSWER;
	case VIRTIO_BLK_T_GET_ID:
		valid = get_id_valid(r, &l, mem);
		break;
	default:
		return answer_with(status, VIRTIO_BLK_S_UNSUPP);
	}
	return valid ? BLK_PERFORM : answer_with(status, VIRTIO_BLK_S_IOERR);
}
