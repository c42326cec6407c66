/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The user's terminal in raw mode, given back as it was however the process
 * ends: by exit(), or by a fault of its own (fault.h).
 */
#ifndef KTSTR_BENCH_BASE_TERMINAL_H
#define KTSTR_BENCH_BASE_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

#define TERMINAL_ESCAPE 0x1d /* Ctrl-] */

/* False: stdin is no terminal, nothing was done. */
bool terminal_raw(void);
/* Idempotent; async-signal-safe. */
void terminal_restore(void);
/* False: stdin is no terminal, or one without a size. */
bool terminal_size(uint16_t *rows, uint16_t *columns);

/* Where nobody takes what stderr says, say no more there: a message would wait for ever. */
void terminal_leave_stuck_stderr(void);

#endif
