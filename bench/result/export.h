/* SPDX-License-Identifier: GPL-2.0-only */
/* A result (schema ktstr-bench/1) with the key names and units of other benchmarks, for what reads theirs. */
#ifndef KTSTR_BENCH_RESULT_EXPORT_H
#define KTSTR_BENCH_RESULT_EXPORT_H

#include <jansson.h>

/*
 * fio's json+: a job for each io-* workload, with its latency as clat_ns. schbench's --json: of the first wakeup. NULL:
 * the result has no such workload, or it can't be read.
 */
json_t *export_fio(const json_t *result);
json_t *export_schbench(const json_t *result);

#endif
