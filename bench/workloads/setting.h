/* SPDX-License-Identifier: GPL-2.0-only */
/* What is around a workload (bench/workloads/around.h), while it runs. */
#ifndef KTSTR_WORKLOADS_SETTING_H
#define KTSTR_WORKLOADS_SETTING_H

#include <stdio.h>
#include <sys/types.h>

#include "bench/workloads/around.h"
#include "bench/workloads/cgroup.h"

#define CPU_STATS 5

struct group {
	struct cgroup level[AROUND_LEVELS_MAX];
	unsigned n;
};

struct setting {
	const struct around_asked *asked;
	struct cgroup own; /* that we came from */
	struct group work, load;
	pid_t *child; /* of the load */
	unsigned n_children;
	uint64_t stat[2][CPU_STATS]; /* cpu.stat of the innermost cgroup of the workload, at both edges of the window */
};

/* Make the cgroups, start the load, and enter the workload's. False: @why says why not; setting_close() in any case. */
bool setting_open(struct setting *s, const struct around_asked *asked, char *why, size_t size);
void setting_edge(struct setting *s, bool end);
/* False: a process of the load ended by itself. */
bool setting_holds(struct setting *s);
void setting_close(struct setting *s);
/* As the value of a member. */
void setting_print(const struct setting *s, FILE *f);

#endif
