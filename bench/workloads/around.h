/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is around a workload: load beside it, and cgroups that it and that load run in. A part of the word that asks for
 * the workload:
 *
 *   +bg=cpu:4,io:1,fork:1          so many processes that spin, that read a disk at random, that fork
 *   +cgroup=cpuset:0-1,weight:50   the workload's; levels from the outermost, with / between them
 *   +bg-cgroup=max:150%            that of the load
 */
#ifndef KTSTR_WORKLOADS_AROUND_H
#define KTSTR_WORKLOADS_AROUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AROUND_LEVELS_MAX 4
#define AROUND_BACKGROUND_MAX 1024

enum background { BACKGROUND_CPU, BACKGROUND_IO, BACKGROUND_FORK, BACKGROUNDS };
extern const char *const background_names[BACKGROUNDS];

/* Of one cgroup; what is 0 or "" is left as it is. */
struct level_asked {
	char cpuset[64];
	uint64_t weight;      /* cpu.weight */
	uint64_t max_percent; /* cpu.max, of one CPU */
};

struct group_asked {
	struct level_asked level[AROUND_LEVELS_MAX];
	unsigned n; /* 0: no cgroup */
};

struct around_asked {
	uint64_t background[BACKGROUNDS];
	char file[256]; /* that BACKGROUND_IO reads; "": /dev/vda */
	struct group_asked work, load;
};

/* The first "+bg=", "+cgroup=" or "+bg-cgroup=" of @word, or its end. */
const char *around_find(const char *word);
/* From there on. False: @why says what is wrong, and what to write. */
bool around_parse(const char *text, struct around_asked *out, char *why, size_t size);

#endif
