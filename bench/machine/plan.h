/* SPDX-License-Identifier: GPL-2.0-only */
/* --dry-run: what a machine would be. */
#ifndef KTSTR_BENCH_MACHINE_PLAN_H
#define KTSTR_BENCH_MACHINE_PLAN_H

#include "bench/machine/arguments.h"
#include "bench/machine/job.h"
#include "bench/machine/resolved.h"

/*
 * Print what would be made, on a host of kind HOST_DIRECT or HOST_NESTED. @settings: what config file and
 * environment added, a list of {"name", "value", "origin"}; its reference is taken. An exit code.
 */
int machine_dry_run(const struct machine_resolved *r, const struct machine_job *job, enum host_choice host,
		    enum dry_run form, json_t *settings);

#endif
