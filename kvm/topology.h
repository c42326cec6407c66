/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shape of a machine: NUMA nodes, last-level caches, cores, threads, the
 * memory of each node and the distances between them. Pure arithmetic: no KVM,
 * no host. CPUID, ACPI tables and guest memory are all made from it.
 *
 * A node with CPUs is a package. CPU numbers run thread by thread, core by
 * core, cache by cache, node by node. An APIC id has a field for each level,
 * as wide as the largest of its kind needs:
 *   package | LLC in the package | core in the LLC | thread
 */
#ifndef KTSTR_KVM_TOPOLOGY_H
#define KTSTR_KVM_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOPOLOGY_NODES_MAX 64
#define TOPOLOGY_LLCS_MAX 256
#define TOPOLOGY_CPUS_MAX 4096
#define TOPOLOGY_THREADS_MAX 8
#define TOPOLOGY_NODE_MIN (16ull << 20) /* of memory; Linux takes no node below 4 MiB */
#define TOPOLOGY_MEMORY_UNIT (2ull << 20)
#define TOPOLOGY_DISTANCE_LOCAL 10
#define TOPOLOGY_DISTANCE_REMOTE 20
#define TOPOLOGY_WHY 256

struct topology_node {
	uint64_t memory;     /* bytes; 0: an equal share of what the other nodes leave */
	uint64_t side_cache; /* memory-side cache, bytes; 0: none */
	/* As seen from its own CPUs, or from the nearest if it has none; 0: the default, 100 ns and 51200 MB/s, without
	 * CPUs 300 ns and 20480 MB/s. */
	uint32_t latency_ns, bandwidth_mbs;
};

struct topology {
	unsigned n_nodes, n_llcs, threads;
	uint16_t llcs[TOPOLOGY_NODES_MAX]; /* of each node; nodes without any (memory only) come last */
	uint16_t cores[TOPOLOGY_LLCS_MAX]; /* of each LLC */
	struct topology_node node[TOPOLOGY_NODES_MAX];
	uint8_t distance[TOPOLOGY_NODES_MAX][TOPOLOGY_NODES_MAX]; /* [from][to], as in the SLIT */
	/* By topology_finish() */
	unsigned n_cpus, n_packages;
	unsigned thread_bits, core_bits, llc_bits, package_bits;
};

struct topology_cpu {
	unsigned package; /* also its node */
	unsigned llc;	  /* of the machine's */
	unsigned core;	  /* in its LLC */
	unsigned thread;
	uint32_t apic_id;
	unsigned core_first, llc_first, package_first; /* the CPUs that share a level are [first, first + n) */
	unsigned core_n, llc_n, package_n;
};

/* A uniform machine: nodes, LLCs of the whole machine, cores per LLC, threads per core; distances 10 and 20. 0; -EINVAL
 * with @why. */
int topology_init(struct topology *t, unsigned nodes, unsigned llcs, unsigned cores, unsigned threads,
		  char why[TOPOLOGY_WHY]);
/* Check counts and distances, and compute the other fields. 0; -EINVAL with @why ("what; remedy"). */
int topology_finish(struct topology *t, char why[TOPOLOGY_WHY]);
/*
 * Some vendors fix the number of APIC ids per LLC: make the core and thread fields @bits wide together. For machines
 * with several LLCs. -EINVAL if one needs more.
 */
int topology_fix_llc_bits(struct topology *t, unsigned bits, char why[TOPOLOGY_WHY]);

/* CPU @i < n_cpus. */
void topology_cpu(const struct topology *t, unsigned i, struct topology_cpu *cpu);
uint32_t topology_apic_id_max(const struct topology *t);

/* Give the nodes their memory: @total bytes, where a node names its own that, the rest in equal parts of
 * TOPOLOGY_MEMORY_UNIT (what is over goes to the first). 0, or with @why: -ENOSPC: the
 * nodes have more than @total; -EINVAL: they have less, and none takes the rest; -ERANGE: a share is too small. */
int topology_share_memory(struct topology *t, uint64_t total, char why[TOPOLOGY_WHY]);

/* Guest-physical memory around the gap below 4 GiB: one or two ranges per node. */
struct topology_range {
	unsigned node;
	uint64_t gpa, size;
	uint64_t offset; /* in the machine's memory, without the gap */
};
#define TOPOLOGY_RANGES_MAX (TOPOLOGY_NODES_MAX + 1)
unsigned topology_ranges(const struct topology *t, struct topology_range range[TOPOLOGY_RANGES_MAX]);

/* The node whose CPUs are nearest to the memory of node @to. */
unsigned topology_nearest(const struct topology *t, unsigned to);
/* HMAT values for accesses from CPUs of node @from to memory of node @to, in ns and MB/s. */
uint32_t topology_latency_ns(const struct topology *t, unsigned from, unsigned to);
uint32_t topology_bandwidth_mbs(const struct topology *t, unsigned from, unsigned to);

#endif
