/* SPDX-License-Identifier: GPL-2.0-only */
/* Why a nested host ended before its command did. */
#ifndef KTSTR_BENCH_NESTED_EXPLAIN_H
#define KTSTR_BENCH_NESTED_EXPLAIN_H

#include <stddef.h>
#include <stdint.h>

#include "bench/nested/qemu.h"

/*
 * Writes one line to @why for @error (-ETIMEDOUT, -ECONNRESET or another errno), and prints the last output of QEMU and
 * of L1's serial line to stderr. @crash: the kernel's own report of its crash, or "". @start_s: the time-out for L1's
 * first report.
 */
void nested_explain(const struct qemu *q, const char *crash, uint64_t start_s, int error, char *why, size_t size);

#endif
