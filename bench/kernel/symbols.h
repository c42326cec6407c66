/* SPDX-License-Identifier: GPL-2.0-only */
/* The names of a kernel's addresses: from its System.map, or out of its ELF (.symtab, or what it keeps for kallsyms).
 */
#ifndef KTSTR_BENCH_KERNEL_SYMBOLS_H
#define KTSTR_BENCH_KERNEL_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernel_symbols;

/* Those of the kernel @image, whose build tree is @tree (or NULL). NULL: nothing has them. */
struct kernel_symbols *kernel_symbols_open(const char *image, const char *tree);
void kernel_symbols_close(struct kernel_symbols *s);

/*
 * @text is "name+0x12/0x40", or "" where @address is none of the kernel's, or @s is NULL. Before its page tables a
 * kernel runs at physical addresses: the name is that of the virtual one, with " (physical)" after it. True: it is
 * code.
 */
bool kernel_symbol_at(const struct kernel_symbols *s, uint64_t address, char *text, size_t size);

#endif
