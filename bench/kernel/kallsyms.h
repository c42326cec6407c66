/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The symbols that a kernel with CONFIG_KALLSYMS has for itself, out of its ELF: distributions strip the others. No
 * header says where the tables are (scripts/kallsyms.c writes them), so they are found by their form:
 *
 *   token_table  256 strings, and token_index, where each begins
 *   names        num_syms of them before it: a length, and that many tokens; the first letter is the symbol's type
 *   markers      where each 256th name begins
 *   offsets      before num_syms (Linux 6.1 to 6.3), or after token_index: from a relative_base behind them, or each
 *                from its own address (Linux 7)
 */
#ifndef KTSTR_BENCH_KERNEL_KALLSYMS_H
#define KTSTR_BENCH_KERNEL_KALLSYMS_H

#include <stddef.h>
#include <stdint.h>

/* One symbol; not 0 ends the reading. */
typedef int kallsyms_add(void *ctx, uint64_t address, char type, const char *name);

/* All symbols of the ELF kernel @elf, in the order of their addresses. 0; -ENOENT: it has no tables that are
 * understood; or what @add said. */
int kallsyms_read(const uint8_t *elf, size_t size, kallsyms_add *add, void *ctx);

#endif
