/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The programs that a guest needs besides those of --file: its command, the scheduler and its loader, what the job
 * adds (a workload; a probe has a place here too). The guest's archive and the nested host copy the same list.
 */
#ifndef KTSTR_BENCH_MACHINE_PROGRAMS_H
#define KTSTR_BENCH_MACHINE_PROGRAMS_H

#include <limits.h>
#include <stdbool.h>

#include "bench/machine/job.h"
#include "bench/spec/machine.h"

#define MACHINE_PROGRAMS_MAX 12

struct machine_program {
	char host[PATH_MAX];
	char guest[PATH_MAX];
	bool as_is; /* a BPF object: no shared libraries come with it */
};

struct machine_programs {
	struct machine_program item[MACHINE_PROGRAMS_MAX];
	unsigned n;
};

/* 0, or an exit code after a line on stderr. */
int machine_programs_find(struct machine_programs *p, const struct machine_spec *o, const struct machine_job *job);

#endif
