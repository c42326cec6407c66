/* SPDX-License-Identifier: GPL-2.0-only */
/* The user's terminal in raw mode. Its settings are restored on exit() and on a fatal signal (fault.h). */
#ifndef KTSTR_BENCH_BASE_TERMINAL_H
#define KTSTR_BENCH_BASE_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

#define TERMINAL_ESCAPE 0x1d /* Ctrl-] */

/* False: stdin is not a terminal, and nothing was changed. */
bool terminal_raw(void);
/* Idempotent; async-signal-safe. */
void terminal_restore(void);
/* False: stdin is not a terminal, or its size is unknown. */
bool terminal_size(uint16_t *rows, uint16_t *columns);

/* If stderr is a pipe or terminal that nobody reads, send it to /dev/null: a message would block for ever. */
void terminal_leave_stuck_stderr(void);

#endif
