/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's CPUs from /sys: which of them share a core, a last-level cache or a node, and which this process may use
 * (its affinity, which the kernel restricts to the cgroup's cpuset).
 */
#ifndef KTSTR_BENCH_HOST_CPUS_H
#define KTSTR_BENCH_HOST_CPUS_H

#include "bench/base/bits.h"

struct host_cpu {
	unsigned cpu;	 /* the kernel's number */
	unsigned llc;	 /* 0..n_llcs - 1, in the order of their first CPU: the same numbers in every process */
	unsigned core;	 /* the first CPU of the core */
	unsigned thread; /* index in the core, from 0 */
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
 * Reads @sys ("/sys", or a tree like it). @allowed NULL: this thread's affinity. If the kernel lists no caches, each
 * package counts as an LLC; without packages the whole host does. 0; -ENOENT: @sys lists no CPUs; -ENOMEM; or -EINVAL:
 * a list is malformed. Free with host_cpus_free().
 */
int host_cpus_read(struct host_cpus *h, const char *sys, const struct bits *allowed);
void host_cpus_free(struct host_cpus *h);

/* This thread's affinity: 0 or -errno. */
int affinity_get(struct bits *cpus);
int affinity_set(const struct bits *cpus);

#endif
