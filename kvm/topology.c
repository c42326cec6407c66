/* SPDX-License-Identifier: GPL-2.0-only */
#include "kvm/topology.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kvm/internal.h"

#define LATENCY_NS 100
#define LATENCY_MEMORY_ONLY_NS 300
#define BANDWIDTH_MBS 51200
#define BANDWIDTH_MEMORY_ONLY_MBS 20480
/* HMAT entries have 16 bits: acpi.c counts in 1 ns and in 10 MB/s. */
#define LATENCY_MAX_NS 65534
#define BANDWIDTH_MAX_MBS 655340
#define BANDWIDTH_UNIT_MBS 10

__attribute__((format(printf, 3, 4))) static int topology_fail(char why[TOPOLOGY_WHY], int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, TOPOLOGY_WHY, fmt, ap);
	va_end(ap);
	return -error;
}

/* Bits that hold the numbers 0..n-1. */
static unsigned width(unsigned n)
{
	unsigned bits = 0;

	while ((1u << bits) < n)
		bits++;
	return bits;
}

int topology_init(struct topology *t, unsigned nodes, unsigned llcs, unsigned cores, unsigned threads,
		  char why[TOPOLOGY_WHY])
{
	memset(t, 0, sizeof *t);
	if (!nodes || !llcs || !cores || !threads)
		return topology_fail(why, EINVAL, "nothing of nodes, LLCs, cores and threads can be 0; use 1 or more");
	if (nodes > TOPOLOGY_NODES_MAX)
		return topology_fail(why, EINVAL, "%u nodes; use at most %u", nodes, TOPOLOGY_NODES_MAX);
	if (llcs > TOPOLOGY_LLCS_MAX)
		return topology_fail(why, EINVAL, "%u LLCs; use at most %u", llcs, TOPOLOGY_LLCS_MAX);
	if (cores > TOPOLOGY_CPUS_MAX)
		return topology_fail(why, EINVAL, "%u cores an LLC; use at most %u", cores, TOPOLOGY_CPUS_MAX);
	t->n_nodes = nodes;
	t->n_llcs = llcs;
	t->threads = threads;
	for (unsigned n = 0; n < nodes; n++) {
		t->llcs[n] = (uint16_t)(llcs / nodes);
		for (unsigned to = 0; to < nodes; to++)
			t->distance[n][to] = n == to ? TOPOLOGY_DISTANCE_LOCAL : TOPOLOGY_DISTANCE_REMOTE;
	}
	for (unsigned l = 0; l < llcs; l++)
		t->cores[l] = (uint16_t)cores;
	return 0;
}

static int check_nodes(const struct topology *t, char why[TOPOLOGY_WHY])
{
	unsigned sum = 0, bare = t->n_nodes;

	for (unsigned n = 0; n < t->n_nodes; n++) {
		sum += t->llcs[n];
		if (!t->llcs[n] && n < bare)
			bare = n;
		/* Linux numbers nodes in the order of their CPUs, and nodes without CPUs last. */
		if (t->llcs[n] && n > bare)
			return topology_fail(why, EINVAL,
					     "node %u has LLCs and node %u has none; put memory-only nodes last", n,
					     bare);
	}
	if (sum != t->n_llcs && t->n_llcs % t->n_nodes)
		return topology_fail(why, EINVAL,
				     "%u LLCs do not divide among %u nodes; use a multiple, or say llcs=A,B...",
				     t->n_llcs, t->n_nodes);
	if (sum != t->n_llcs)
		return topology_fail(why, EINVAL,
				     "the nodes have %u LLCs together and the machine has %u; make them agree", sum,
				     t->n_llcs);
	if (!bare)
		return topology_fail(why, EINVAL, "the first node has no LLCs; give it some");
	return 0;
}

static int check_distances(const struct topology *t, char why[TOPOLOGY_WHY])
{
	for (unsigned from = 0; from < t->n_nodes; from++)
		for (unsigned to = 0; to < t->n_nodes; to++) {
			unsigned d = t->distance[from][to];

			if (from == to && d != TOPOLOGY_DISTANCE_LOCAL)
				return topology_fail(why, EINVAL,
						     "the distance of node %u to itself is %u; it must be 10", from, d);
			if (from != to && (d <= TOPOLOGY_DISTANCE_LOCAL || d > 254))
				return topology_fail(why, EINVAL, "the distance of node %u to %u is %u; use 11 to 254",
						     from, to, d);
		}
	return 0;
}

static int check_hmat(const struct topology *t, char why[TOPOLOGY_WHY])
{
	for (unsigned n = 0; n < t->n_nodes; n++) {
		if (t->node[n].latency_ns > LATENCY_MAX_NS / 26)
			return topology_fail(why, EINVAL, "a latency of %u ns; use at most %u", t->node[n].latency_ns,
					     LATENCY_MAX_NS / 26);
		if (t->node[n].bandwidth_mbs > BANDWIDTH_MAX_MBS || t->node[n].bandwidth_mbs % BANDWIDTH_UNIT_MBS)
			return topology_fail(why, EINVAL, "a bandwidth of %u MB/s; use a multiple of %u, at most %u",
					     t->node[n].bandwidth_mbs, BANDWIDTH_UNIT_MBS, BANDWIDTH_MAX_MBS);
		if (t->node[n].side_cache >> 10 > UINT32_MAX)
			return topology_fail(why, EINVAL, "a memory-side cache beyond 4 TiB; use a smaller one");
	}
	return 0;
}

int topology_finish(struct topology *t, char why[TOPOLOGY_WHY])
{
	unsigned cores_max = 0, llcs_max = 0;
	uint64_t cpus = 0;
	int rc;

	if (t->threads < 1 || t->threads > TOPOLOGY_THREADS_MAX)
		return topology_fail(why, EINVAL, "%u threads a core; use 1 to %u", t->threads, TOPOLOGY_THREADS_MAX);
	for (unsigned l = 0; l < t->n_llcs; l++) {
		if (!t->cores[l])
			return topology_fail(why, EINVAL, "LLC %u has no cores; give it one, or leave it out", l);
		cores_max = t->cores[l] > cores_max ? t->cores[l] : cores_max;
		cpus += (uint64_t)t->cores[l] * t->threads;
	}
	if (cpus > TOPOLOGY_CPUS_MAX)
		return topology_fail(why, EINVAL, "%llu CPUs; use at most %u", (unsigned long long)cpus,
				     TOPOLOGY_CPUS_MAX);
	rc = check_nodes(t, why);
	if (!rc)
		rc = check_distances(t, why);
	if (!rc)
		rc = check_hmat(t, why);
	if (rc)
		return rc;
	t->n_cpus = (unsigned)cpus;
	for (t->n_packages = 0; t->n_packages < t->n_nodes && t->llcs[t->n_packages]; t->n_packages++)
		llcs_max = t->llcs[t->n_packages] > llcs_max ? t->llcs[t->n_packages] : llcs_max;
	t->thread_bits = width(t->threads);
	t->core_bits = width(cores_max);
	t->llc_bits = width(llcs_max);
	t->package_bits = width(t->n_packages);
	return 0;
}

int topology_fix_llc_bits(struct topology *t, unsigned bits, char why[TOPOLOGY_WHY])
{
	if (t->thread_bits + t->core_bits <= bits) {
		t->core_bits = bits - t->thread_bits;
		return 0;
	}
	return topology_fail(
		why, EINVAL,
		"on this host's CPU an LLC has at most %u threads for Linux, and %u are asked for; use smaller "
		"LLCs",
		1u << bits, 1u << (t->thread_bits + t->core_bits));
}

void topology_cpu(const struct topology *t, unsigned i, struct topology_cpu *cpu)
{
	unsigned first = 0, package_first = 0, package = 0, in_package = 0, l = 0, n;

	/* To the LLC that holds it; @package's first LLC begins at @package_first. */
	while (i >= first + t->cores[l] * t->threads) {
		first += t->cores[l++] * t->threads;
		if (++in_package == t->llcs[package]) {
			package++;
			in_package = 0;
			package_first = first;
		}
	}
	n = i - first;
	*cpu = (struct topology_cpu){
		.package = package,
		.llc = l,
		.core = n / t->threads,
		.thread = n % t->threads,
		.core_first = i - n % t->threads,
		.core_n = t->threads,
		.llc_first = first,
		.llc_n = t->cores[l] * t->threads,
		.package_first = package_first,
	};
	for (unsigned k = 0; k < t->llcs[package]; k++)
		cpu->package_n += t->cores[l - in_package + k] * t->threads;
	cpu->apic_id = ((package << t->llc_bits | in_package) << t->core_bits | cpu->core) << t->thread_bits |
		       cpu->thread;
}

uint32_t topology_apic_id_max(const struct topology *t)
{
	struct topology_cpu last;

	topology_cpu(t, t->n_cpus - 1, &last);
	return last.apic_id;
}

int topology_share_memory(struct topology *t, uint64_t total, char why[TOPOLOGY_WHY])
{
	uint64_t left = total, share;
	unsigned n_open = 0, first_open = 0;

	for (unsigned n = t->n_nodes; n-- > 0;) {
		if (t->node[n].memory > left)
			return topology_fail(why, ENOSPC, "the nodes have more memory than the machine's %llu MiB",
					     (unsigned long long)(total >> 20));
		left -= t->node[n].memory;
		if (!t->node[n].memory) {
			n_open++;
			first_open = n;
		}
	}
	if (!n_open && left)
		return topology_fail(why, EINVAL, "the nodes have %llu MiB and the machine has %llu",
				     (unsigned long long)((total - left) >> 20), (unsigned long long)(total >> 20));
	share = n_open ? left / n_open / TOPOLOGY_MEMORY_UNIT * TOPOLOGY_MEMORY_UNIT : 0;
	for (unsigned n = 0; n < t->n_nodes && n_open; n++)
		if (!t->node[n].memory) {
			t->node[n].memory = share;
			left -= share;
		}
	if (n_open)
		t->node[first_open].memory += left;
	for (unsigned n = 0; n < t->n_nodes; n++)
		if (t->n_nodes > 1 && t->node[n].memory < TOPOLOGY_NODE_MIN)
			return topology_fail(why, ERANGE,
					     "node %u would have %llu MiB of memory, and a node needs %llu", n,
					     (unsigned long long)(t->node[n].memory >> 20), TOPOLOGY_NODE_MIN >> 20);
	return 0;
}

unsigned topology_ranges(const struct topology *t, struct topology_range range[TOPOLOGY_RANGES_MAX])
{
	uint64_t offset = 0;
	unsigned n_ranges = 0;

	for (unsigned n = 0; n < t->n_nodes; n++) {
		uint64_t left = t->node[n].memory;

		while (left) {
			bool below = offset < GAP_START;
			uint64_t size = below && left > GAP_START - offset ? GAP_START - offset : left;

			range[n_ranges++] = (struct topology_range){
				.node = n,
				.gpa = below ? offset : offset - GAP_START + GAP_END,
				.size = size,
				.offset = offset,
			};
			offset += size;
			left -= size;
		}
	}
	return n_ranges;
}

/* --- HMAT ---------------------------------------------------------------- */

unsigned topology_nearest(const struct topology *t, unsigned to)
{
	unsigned best = 0;

	for (unsigned from = 1; from < t->n_packages; from++)
		best = t->distance[from][to] < t->distance[best][to] ? from : best;
	return best;
}

/* The distance that @to's own latency and bandwidth refer to. */
static unsigned nearest(const struct topology *t, unsigned to)
{
	return t->distance[topology_nearest(t, to)][to];
}

uint32_t topology_latency_ns(const struct topology *t, unsigned from, unsigned to)
{
	uint32_t own = t->node[to].latency_ns, ns;

	if (!own)
		own = t->llcs[to] ? LATENCY_NS : LATENCY_MEMORY_ONLY_NS;
	ns = own * t->distance[from][to] / nearest(t, to);
	return ns > LATENCY_MAX_NS ? LATENCY_MAX_NS : ns;
}

uint32_t topology_bandwidth_mbs(const struct topology *t, unsigned from, unsigned to)
{
	uint32_t own = t->node[to].bandwidth_mbs, mbs;

	if (!own)
		own = t->llcs[to] ? BANDWIDTH_MBS : BANDWIDTH_MEMORY_ONLY_MBS;
	mbs = (uint32_t)((uint64_t)own * nearest(t, to) / t->distance[from][to]);
	mbs -= mbs % BANDWIDTH_UNIT_MBS;
	return mbs ? mbs : BANDWIDTH_UNIT_MBS;
}
