/* SPDX-License-Identifier: GPL-2.0-only */
/* The same verb in the nested host instead. */
#ifndef KTSTR_BENCH_MACHINE_NESTED_H
#define KTSTR_BENCH_MACHINE_NESTED_H

#include "bench/machine/job.h"
#include "bench/machine/resolved.h"

/*
 * The whole verb again, in the nested host. @argc, @argv as the verb got
 * them; @outputs: more files that it writes, NULL-terminated or NULL. Returns
 * the exit code.
 */
int machine_run_nested(const struct machine_resolved *r, const struct machine_job *job, const char *const *outputs,
		       int argc, char **argv);

#endif
