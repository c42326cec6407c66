/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether what was measured ran under the scheduler that was asked for, from what the guest reports: the loader of the
 * scheduler (machine facts, "guest"."scheduler") and each workload at both edges of its window ("window"."sched_ext").
 */
#ifndef KTSTR_BENCH_RESULT_ATTACHMENT_H
#define KTSTR_BENCH_RESULT_ATTACHMENT_H

#include <jansson.h>

#include "bench/result/validity.h"

/* How the scheduler came and went. @scheduler: the loader's last report, or NULL: none was asked for.
 * After what is known of the machine's own end. */
void attachment_check_life(struct validity *v, const json_t *scheduler);

/* The window of one workload's result. @ops: of the scheduler that was asked for; NULL: the kernel's own. */
void attachment_check_window(struct validity *v, const json_t *result, const char *ops);

#endif
