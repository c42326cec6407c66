/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The CPUs of this machine as its kernel tells them in /sys: which share a core, a last-level cache, a node; and
 * which this process may use (its affinity, in which its cgroup's cpuset is contained).
 */
#ifndef KTSTR_BENCH_HOST_CPUS_H
#define KTSTR_BENCH_HOST_CPUS_H

#include "bench/base/bits.h"

struct host_cpu {
	unsigned cpu;	 /* the kernel's number */
	unsigned llc;	 /* 0..n_llcs - 1, by their first CPU: the same for every process of the machine */
	unsigned core;	 /* the first CPU of the core */
	unsigned thread; /* place in the core, from 0 */
	unsigned node;	 /* the kernel's number */
	bool allowed;
};

/* The online CPUs, ascending. */
struct host_cpus {
	unsigned n, n_llcs, n_nodes, n_allowed;
	struct host_cpu *cpu;
	struct bits allowed;
};

/*
 * Read @sys ("/sys", or a tree like it). @allowed NULL: this thread's affinity. Where the kernel tells no caches, a
 * package is taken for an LLC; without packages the machine. 0; -ENOENT: @sys tells no CPUs; -ENOMEM; -EINVAL: a list
 * that can't be read. Free by host_cpus_free().
 */
int host_cpus_read(struct host_cpus *h, const char *sys, const struct bits *allowed);
void host_cpus_free(struct host_cpus *h);

/* This thread's affinity: 0 or -errno. */
int affinity_get(struct bits *cpus);
int affinity_set(const struct bits *cpus);

#endif
