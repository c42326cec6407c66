/* SPDX-License-Identifier: GPL-2.0-only */
/* Seeded random numbers (SplitMix64, Steele et al. 2014): the same seed gives the same sequence everywhere. */
#ifndef KTSTR_BENCH_RESULT_RANDOM_H
#define KTSTR_BENCH_RESULT_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_next(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* 0..@n - 1; the bias of one part in 2^64 / n is far below what resampling can show. */
static inline uint32_t random_below(struct random *r, uint32_t n)
{
	return (uint32_t)((unsigned __int128)random_next(r) * n >> 64);
}

#endif
