/* SPDX-License-Identifier: GPL-2.0-only */
/* The user's terminal in raw mode, given back as it was however the process ends by exit(). */
#ifndef KTSTR_BENCH_TERMINAL_H
#define KTSTR_BENCH_TERMINAL_H

#include <stdbool.h>

#define TERMINAL_ESCAPE 0x1d /* Ctrl-] */

/* False: stdin is no terminal, nothing was done. */
bool terminal_raw(void);
/* Idempotent. */
void terminal_restore(void);

#endif
