/* SPDX-License-Identifier: GPL-2.0-only */
#include "virtio/blk/request.h"

#include <limits.h>
#include <linux/virtio_blk.h>

#define HEADER_BYTES sizeof(struct virtio_blk_outhdr)
_Static_assert(sizeof(struct virtio_blk_outhdr) == 16, "virtio 1.2, 5.2.6");
_Static_assert(BLK_IOV_MAX <= IOV_MAX, "one vectored call takes a whole request");

/* The data descriptors: all but the header's and the status byte's. */
struct data {
	const struct virtq_seg *seg;
	unsigned n;
};

static bool any_above_size_max(const struct data *d)
{
	for (unsigned i = 0; i < d->n; i++) {
		if (d->seg[i].len > BLK_SIZE_MAX)
			return true;
	}
	return false;
}

/* Host ranges of the data; false for a wrong direction or unmapped memory. */
static bool map_data(struct blk_request *r, const struct data *d, const struct guest_memory *mem, bool writable)
{
	for (unsigned i = 0; i < d->n; i++) {
		const struct virtq_seg *seg = &d->seg[i];
		int n;

		if (seg->writable != writable)
			return false;
		n = guest_memory_iov(mem, seg->gpa, seg->len, r->iov + r->n, BLK_IOV_MAX - r->n);
		if (n < 0)
			return false;
		r->n += (unsigned)n;
		r->len += seg->len; /* 128 times 1 MiB at most */
	}
	return true;
}

static bool in_capacity(const struct blk_request *r, uint64_t sector, const struct blk_geometry *g)
{
	uint64_t capacity_sectors = g->capacity / VIRTIO_BLK_SECTOR_SIZE;

	return sector <= capacity_sectors && r->len / VIRTIO_BLK_SECTOR_SIZE <= capacity_sectors - sector;
}

static bool read_or_write_valid(struct blk_request *r, const struct data *d, const struct guest_memory *mem,
				const struct blk_geometry *g, uint64_t sector)
{
	if (!d->n || !map_data(r, d, mem, r->type == VIRTIO_BLK_T_IN))
		return false;
	if (r->len % VIRTIO_BLK_SECTOR_SIZE || !in_capacity(r, sector, g))
		return false;
	r->offset = sector * VIRTIO_BLK_SECTOR_SIZE;
	return true;
}

/* The identity goes whole into the first data descriptor. */
static bool get_id_valid(struct blk_request *r, const struct data *d, const struct guest_memory *mem)
{
	int n;

	if (!d->n || d->seg[0].len < BLK_ID_BYTES || !map_data(r, d, mem, true))
		return false;
	n = guest_memory_iov(mem, d->seg[0].gpa, BLK_ID_BYTES, r->iov, BLK_IOV_MAX);
	r->n = (unsigned)n;
	r->len = BLK_ID_BYTES;
	return true;
}

static enum blk_decoded answer(uint8_t *status, uint8_t value)
{
	*status = value;
	return BLK_ANSWER;
}

enum blk_decoded blk_decode(struct blk_request *r, const struct virtq_chain *chain, const struct guest_memory *mem,
			    const struct blk_geometry *g, uint8_t *status)
{
	const struct virtq_seg *first = &chain->seg[0], *last;
	struct virtio_blk_outhdr header;
	struct data data;
	bool valid;

	if (chain->malformed || !chain->n || chain->n > BLK_CHAIN_MAX)
		return BLK_DROP;
	last = &chain->seg[chain->n - 1];
	if (!last->writable || !last->len)
		return BLK_DROP;
	r->head = chain->head;
	r->status = last->gpa + (last->len - 1) < last->gpa ? NULL
							    : guest_memory_at(mem, last->gpa + (last->len - 1), 1);
	r->at = r->iov;
	r->n = r->len = r->done = 0;
	r->offset = 0;
	r->retries = 0;

	if (chain->n < 2 || first->writable || first->len < HEADER_BYTES ||
	    guest_memory_read(mem, first->gpa, &header, HEADER_BYTES))
		return answer(status, VIRTIO_BLK_S_IOERR);
	r->type = header.type;
	data = (struct data){ .seg = first + 1, .n = chain->n - 2u };
	if (r->type == VIRTIO_BLK_T_FLUSH && data.n)
		return answer(status, VIRTIO_BLK_S_IOERR);
	if (any_above_size_max(&data))
		return answer(status, VIRTIO_BLK_S_IOERR);

	switch (r->type) {
	case VIRTIO_BLK_T_IN:
		valid = read_or_write_valid(r, &data, mem, g, header.sector);
		break;
	case VIRTIO_BLK_T_OUT:
		valid = !g->read_only && read_or_write_valid(r, &data, mem, g, header.sector);
		break;
	case VIRTIO_BLK_T_FLUSH:
		if (g->read_only)
			return answer(status, VIRTIO_BLK_S_OK);
		valid = true;
		break;
	case VIRTIO_BLK_T_GET_ID:
		valid = get_id_valid(r, &data, mem);
		break;
	default:
		return answer(status, VIRTIO_BLK_S_UNSUPP);
	}
	return valid ? BLK_PERFORM : answer(status, VIRTIO_BLK_S_IOERR);
}
