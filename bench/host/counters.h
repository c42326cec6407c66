/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the host did, as counters that are read twice: before a measurement and after it. No thread samples anything
 * in between, which would be noise itself.
 */
#ifndef KTSTR_BENCH_HOST_COUNTERS_H
#define KTSTR_BENCH_HOST_COUNTERS_H

#include <jansson.h>
#include <stdint.h>

#include "bench/base/bits.h"

#define HOST_UNKNOWN (-1) /* of any of them: this host does not have it */

/* Of one thread of this process. */
struct host_thread {
	int tid;
	int64_t on_cpu_ns, delay_ns; /* ran, and was ready and waited for a CPU */
	int64_t slices;		     /* times it was put on a CPU */
	int64_t migrations, voluntary_switches, involuntary_switches;
	int64_t last_cpu;
};

struct host_counters {
	int64_t wall_ns; /* CLOCK_MONOTONIC */
	/* Pressure stall information: time in which some, or all, tasks waited. */
	int64_t host_cpu_some_ns, host_memory_some_ns, host_io_some_ns;
	int64_t cgroup_cpu_some_ns, cgroup_cpu_full_ns, cgroup_memory_some_ns, cgroup_io_some_ns;
	int64_t load_1min_milli, runnable_tasks;
	int64_t context_switches; /* of the whole host */
	/* Of the CPUs that are asked about. Times have the resolution of a tick, and include the guest's. */
	int64_t cpus_interrupts, cpus_busy_ns, cpus_irq_ns, cpus_steal_ns;
	int64_t siblings_busy_ns; /* of other threads of their cores */
	int64_t frequency_min_khz, frequency_max_khz;
	int64_t pages_swapped_in, pages_swapped_out;
};

/* Of the tree at @root ("", or one with the same /proc and /sys). @siblings: host_siblings(). */
void host_counters_read(struct host_counters *c, const char *root, const struct bits *cpus,
			const struct bits *siblings);
/* @delta: what came in between; what does not count is as it is in @end. */
void host_counters_between(const struct host_counters *begin, const struct host_counters *end,
			   struct host_counters *delta);
json_t *host_counters_json(const struct host_counters *c);

/* False: there is no such thread (any more); all are unknown then. */
bool host_thread_read(struct host_thread *t, const char *root, int tid);
void host_thread_between(const struct host_thread *begin, const struct host_thread *end, struct host_thread *delta);
json_t *host_thread_json(const struct host_thread *t);
/* The ring's workers of this process: those that are there now, @max at most. Returns how many. */
unsigned host_workers_read(const char *root, struct host_thread *worker, unsigned max);

/* The CPUs that share a core with one of @cpus and are none of them. */
void host_siblings(const char *root, const struct bits *cpus, struct bits *siblings);

#endif
