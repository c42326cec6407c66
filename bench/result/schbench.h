/* SPDX-License-Identifier: GPL-2.0-only */
/* A result of wakeup by the key names and units of schbench --json, for those who have tools for these. */
#ifndef KTSTR_BENCH_RESULT_SCHBENCH_H
#define KTSTR_BENCH_RESULT_SCHBENCH_H

#include <jansson.h>

#include "bench/base/hist.h"

/*
 * {"normal": {...}, "int": {"wakeup_latency_pct50.0":, ...}}: latencies in whole us. @request: may be NULL or empty,
 * and has no keys then. @facts: of the machine.
 */
json_t *schbench_json(const struct hist *wakeup, const struct hist *request, uint64_t measured_ns, const json_t *facts);

#endif
