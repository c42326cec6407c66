/* SPDX-License-Identifier: GPL-2.0-only */
/* A set of small numbers, such as CPUs or LLCs. Its layout is that of a cpu_set_t of BITS_MAX CPUs. */
#ifndef KTSTR_BENCH_BASE_BITS_H
#define KTSTR_BENCH_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>

#define BITS_MAX 4096
#define BITS_WORD (8 * sizeof(unsigned long))

struct bits {
	unsigned long word[BITS_MAX / (8 * sizeof(unsigned long))];
};

static inline bool bits_has(const struct bits *b, unsigned i)
{
	return i < BITS_MAX && b->word[i / BITS_WORD] >> i % BITS_WORD & 1;
}

static inline void bits_add(struct bits *b, unsigned i)
{
	if (i < BITS_MAX)
		b->word[i / BITS_WORD] |= 1ul << i % BITS_WORD;
}

unsigned bits_count(const struct bits *b);
bool bits_equal(const struct bits *a, const struct bits *b);
/* Parses the kernel's list format, "0-3,8". An empty text is an empty set. 0 or -EINVAL. */
int bits_parse(struct bits *b, const char *text);
/* The same format, truncated at @size; "" for an empty set. Returns @text. */
const char *bits_format(const struct bits *b, char *text, size_t size);

#endif
