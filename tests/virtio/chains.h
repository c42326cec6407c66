/* SPDX-License-Identifier: GPL-2.0-only */
/* Random chains for property tests: mostly sane, sometimes hostile; seeded. */
#ifndef KTSTR_TESTS_VIRTIO_CHAINS_H
#define KTSTR_TESTS_VIRTIO_CHAINS_H

#include "tests/virtio/driver.h"

#define CHAIN_SEGS_MAX 12u

struct chains {
	uint64_t state;
	uint64_t gpa, size;			      /* that sane segments lie in: the end of a region */
	bool busy[VIRTIO_QUEUES_MAX][VIRTQ_SIZE_MAX]; /* heads posted and not used */
	uint64_t posted, used;
};

static inline uint64_t chains_random(struct chains *c)
{
	uint64_t z = c->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static inline uint64_t chains_below(struct chains *c, uint64_t n)
{
	return chains_random(c) % n;
}

static inline uint32_t chains_length(struct chains *c)
{
	switch (chains_below(c, 16)) {
	case 0:
		return 0;
	case 1:
		return UINT32_MAX - (uint32_t)chains_below(c, 3);
	case 2:
		return (uint32_t)chains_below(c, 1u << 20);
	case 3:
	case 4:
		return 12;
	default:
		return 1 + (uint32_t)chains_below(c, 2000);
	}
}

static inline struct driver_seg chains_segment(struct chains *c, bool writable)
{
	struct driver_seg s = { .len = chains_length(c), .writable = writable };

	if (chains_below(c, 32) == 0)
		s.writable = !writable;
	switch (chains_below(c, 64)) {
	case 0:
		s.gpa = chains_random(c); /* anywhere */
		break;
	case 1:
		s.gpa = UINT64_MAX - chains_below(c, 4096); /* wraps */
		break;
	case 2:
		s.gpa = c->gpa + c->size - chains_below(c, 64); /* runs out */
		break;
	default:
		s.gpa = c->gpa + chains_below(c, c->size - (s.len < c->size ? s.len : c->size) + 1);
		break;
	}
	return s;
}

/* Post one chain on @q, if there are descriptors for it. */
static inline void chains_post(struct chains *c, struct driver *d, unsigned q, bool writable)
{
	struct driver_seg seg[CHAIN_SEGS_MAX];
	unsigned n = 1 + (unsigned)chains_below(c, chains_below(c, 4) ? 2 : CHAIN_SEGS_MAX);
	int head;

	for (unsigned i = 0; i < n; i++)
		seg[i] = chains_segment(c, writable);
	head = driver_add(d, q, seg, n);
	if (head < 0)
		return;
	assert_false(c->busy[q][head]);
	c->busy[q][head] = true;
	c->posted++;
}

/* Take all used entries of @q: each head was posted and is used once. */
static inline void chains_collect(struct chains *c, struct driver *d, unsigned q)
{
	uint16_t head;
	uint32_t len;

	while (driver_used(d, q, &head, &len)) {
		assert_true(c->busy[q][head]);
		c->busy[q][head] = false;
		c->used++;
	}
}

static inline unsigned chains_outstanding(const struct chains *c, unsigned q)
{
	unsigned n = 0;

	for (unsigned i = 0; i < VIRTQ_SIZE_MAX; i++)
		n += c->busy[q][i];
	return n;
}

#endif
