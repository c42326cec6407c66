/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/kernel/kallsyms.h"

#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define TOKENS 256u
#define TOKEN_MAX 512u
#define NAME_SIZE 512u /* KSYM_NAME_LEN */
#define SYMBOLS_MIN 1000u
#define SYMBOLS_MAX 4000000u
#define PROBED 16u /* names, before all of them are read */
#define STEP 256u  /* of markers */
#define SEGMENTS_MAX 64u
#define NOWHERE ((size_t)-1)

enum form { FROM_OWN_ADDRESS, FROM_BASE, FROM_BASE_OR_ABSOLUTE };

struct tables {
	const uint8_t *elf;
	size_t size;
	uint64_t text; /* where the kernel begins */
	size_t token_table, token_index;
	size_t num_syms, names, offsets;
	uint32_t n, text_index; /* which of them is _text */
	enum form form;
	uint64_t base;
};

static uint32_t u16_at(const struct tables *t, size_t at)
{
	return t->elf[at] | (uint32_t)t->elf[at + 1] << 8;
}

static uint32_t u32_at(const struct tables *t, size_t at)
{
	return u16_at(t, at) | u16_at(t, at + 2) << 16;
}

static uint64_t u64_at(const struct tables *t, size_t at)
{
	return u32_at(t, at) | (uint64_t)u32_at(t, at + 4) << 32;
}

static size_t aligned(size_t at, size_t to)
{
	return (at + to - 1) / to * to;
}

/* --- segments --------------------------------------------------------------- */

static bool segment(const struct tables *t, unsigned i, Elf64_Phdr *ph)
{
	Elf64_Ehdr h;

	if (t->size < sizeof(h))
		return false;
	memcpy(&h, t->elf, sizeof(h));
	if (memcmp(h.e_ident, ELFMAG, SELFMAG) || h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_phentsize != sizeof(*ph) ||
	    i >= h.e_phnum || i >= SEGMENTS_MAX || h.e_phoff > t->size || (i + 1) * sizeof(*ph) > t->size - h.e_phoff)
		return false;
	memcpy(ph, t->elf + h.e_phoff + i * sizeof(*ph), sizeof(*ph));
	return true;
}

/* The virtual address of the file's byte @at; 0: it is not loaded. */
static uint64_t address_of(const struct tables *t, size_t at)
{
	Elf64_Phdr ph;

	for (unsigned i = 0; segment(t, i, &ph); i++)
		if (ph.p_type == PT_LOAD && at >= ph.p_offset && at - ph.p_offset < ph.p_filesz)
			return ph.p_vaddr + (at - ph.p_offset);
	return 0;
}

/* --- tokens ----------------------------------------------------------------- */

static bool is_index(const struct tables *t, size_t at)
{
	if (u16_at(t, at))
		return false;
	for (unsigned i = 1; i < TOKENS; i++) {
		uint32_t before = u16_at(t, at + 2 * (i - 1)), here = u16_at(t, at + 2 * i);

		if (here <= before || here - before > TOKEN_MAX)
			return false;
	}
	/* Numbers in a row are the index of empty strings only. */
	return u16_at(t, at + 2 * (TOKENS - 1)) >= TOKENS + TOKENS / 2;
}

/* Whether the strings at @table begin where the index at @index says. */
static bool is_table(const struct tables *t, size_t table, size_t index)
{
	for (unsigned i = 0; i < TOKENS; i++) {
		size_t from = table + u16_at(t, index + 2 * i);
		const uint8_t *end = memchr(t->elf + from, '\0', index - from);

		if (!end || (i + 1 < TOKENS && (size_t)(end - t->elf) + 1 != table + u16_at(t, index + 2 * (i + 1))))
			return false;
		for (const uint8_t *p = t->elf + from; p < end; p++)
			if (!isprint(*p))
				return false;
	}
	return true;
}

static bool find_tokens(struct tables *t)
{
	for (size_t at = 4; at + 2 * TOKENS <= t->size; at += 4) {
		size_t last, from;

		if (!is_index(t, at))
			continue;
		last = u16_at(t, at + 2 * (TOKENS - 1));
		/* Before it, with the last string and what aligns the index between. */
		for (from = last + 1; from < last + TOKEN_MAX && from <= at; from++) {
			if (!is_table(t, at - from, at))
				continue;
			t->token_table = at - from;
			t->token_index = at;
			return true;
		}
	}
	return false;
}

/* --- names ------------------------------------------------------------------ */

/* The name at @at, its type before it; where the next one is, or NOWHERE: this is none. */
static size_t read_name(const struct tables *t, size_t at, char name[NAME_SIZE])
{
	size_t len = t->elf[at++], used = 0;

	if (len & 0x80)
		len = (len & 0x7f) | (size_t)t->elf[at++] << 7;
	if (!len || at + len > t->token_table)
		return NOWHERE;
	for (; len; len--, at++) {
		const char *token = (const char *)t->elf + t->token_table + u16_at(t, t->token_index + 2u * t->elf[at]);
		size_t n = strlen(token);

		if (used + n >= NAME_SIZE)
			return NOWHERE;
		memcpy(name + used, token, n);
		used += n;
	}
	name[used] = '\0';
	return used > 1 && isalpha((unsigned char)*name) ? at : NOWHERE;
}

static bool are_names(const struct tables *t, size_t at, uint32_t n)
{
	char name[NAME_SIZE];

	for (uint32_t i = 0; i < n && at != NOWHERE; i++)
		at = at + 2 < t->token_table ? read_name(t, at, name) : NOWHERE;
	return at != NOWHERE;
}

/* The whole of them, and the markers behind them. */
static bool read_names(struct tables *t)
{
	size_t at = t->names, step = 0;
	char name[NAME_SIZE];
	bool has_text = false;

	for (uint32_t i = 0; i < t->n; i++) {
		if (i == STEP)
			step = at - t->names;
		at = at + 2 < t->token_table ? read_name(t, at, name) : NOWHERE;
		if (at == NOWHERE)
			return false;
		if (!has_text && (!strcmp(name + 1, "_text") || !strcmp(name + 1, "_stext"))) {
			has_text = true;
			t->text_index = i;
		}
	}
	at = aligned(at, 4);
	if (at + 12 <= t->token_table && u32_at(t, at + 4) != step)
		at += 4;
	return has_text && at + 8 <= t->token_table && !u32_at(t, at) && u32_at(t, at + 4) == step;
}

static bool find_names(struct tables *t)
{
	for (size_t at = t->token_table & ~(size_t)3; at >= 4; at -= 4) {
		uint32_t n = u32_at(t, at - 4);

		if (n < SYMBOLS_MIN || n > SYMBOLS_MAX || (size_t)n * 3 > t->token_table - at)
			continue;
		t->num_syms = at - 4;
		t->n = n;
		/* They begin after it, or after 4 bytes that align them. */
		for (t->names = at; t->names <= at + 4; t->names += 4)
			if (are_names(t, t->names, PROBED) && read_names(t))
				return true;
	}
	return false;
}

/* --- addresses -------------------------------------------------------------- */

static uint64_t address_at(const struct tables *t, uint32_t i)
{
	size_t at = t->offsets + 4u * (size_t)i;
	uint32_t offset = u32_at(t, at);

	switch (t->form) {
	case FROM_OWN_ADDRESS:
		return address_of(t, at) + (uint64_t)(int32_t)offset;
	case FROM_BASE_OR_ABSOLUTE: /* of a CPU's own variables; all others are less than 0 */
		return (int32_t)offset >= 0 ? offset : t->base - 1 - (uint64_t)(int32_t)offset;
	default:
		return t->base + offset;
	}
}

static bool fits(struct tables *t, size_t offsets, size_t base, enum form form)
{
	if (offsets > t->size || (size_t)t->n * 4 > t->size - offsets || base > t->size - 8)
		return false;
	t->offsets = offsets;
	t->base = u64_at(t, base);
	t->form = form;
	return address_at(t, t->text_index) == t->text && address_at(t, t->n - 1) > t->text;
}

static bool find_offsets(struct tables *t)
{
	size_t bytes = (size_t)t->n * 4, after = t->token_index + 2 * TOKENS;
	size_t base = aligned(after + bytes, 8), before = t->num_syms & ~(size_t)7;

	if (fits(t, after, 0, FROM_OWN_ADDRESS) || fits(t, after, base, FROM_BASE_OR_ABSOLUTE) ||
	    fits(t, after, base, FROM_BASE))
		return true;
	if (before < 8 + aligned(bytes, 8))
		return false;
	base = before - 8;
	return fits(t, base - aligned(bytes, 8), base, FROM_BASE_OR_ABSOLUTE) ||
	       fits(t, base - aligned(bytes, 8), base, FROM_BASE);
}

int kallsyms_read(const uint8_t *elf, size_t size, kallsyms_add *add, void *ctx)
{
	struct tables t = { .elf = elf, .size = size };
	char name[NAME_SIZE];
	Elf64_Phdr ph;
	size_t at;
	int rc = 0;

	for (unsigned i = 0; segment(&t, i, &ph) && !t.text; i++)
		if (ph.p_type == PT_LOAD)
			t.text = ph.p_vaddr;
	if (!t.text || !find_tokens(&t) || !find_names(&t) || !find_offsets(&t))
		return -ENOENT;
	at = t.names;
	for (uint32_t i = 0; i < t.n && !rc; i++) {
		at = read_name(&t, at, name);
		rc = add(ctx, address_at(&t, i), *name, name + 1);
	}
	return rc;
}
