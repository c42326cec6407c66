/* SPDX-License-Identifier: GPL-2.0-only */
/* What a machine will be on this host: made from what was asked for by machine_resolve() (machine/resolve.h). */
#ifndef KTSTR_BENCH_MACHINE_RESOLVED_H
#define KTSTR_BENCH_MACHINE_RESOLVED_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/spec/machine.h"

struct machine_resolved {
	const struct machine_spec *spec; /* what was asked for */
	unsigned cpus;
	uint64_t memory;		/* bytes */
	struct topology topology;	/* memory shared out */
	struct host_options host_cpus;	/* their mode decided */
	char cwd[PATH_MAX];		/* --cwd, absolute, or "" */
	char image[PATH_MAX];		/* the kernel */
	char module_dir[PATH_MAX];	/* its .../lib/modules/RELEASE, or "" */
	char kernel_name[NAME_MAX + 1]; /* in the cache, or "": a file elsewhere */
	char config[PATH_MAX];		/* its configuration, or "" */
	bool lacks_sched_ext;		/* and is asked to have a scheduler of it */
	char config_in_guest[NAME_MAX + 32];
};

#endif
