/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest-init/topology.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "guest-init/environment.h"

#define CACHES_MAX 16
#define NODES_MAX 64
#define LINE_SIZE 2048
#define PAGE_BYTES 4096ull
/* Below 1 MiB the memory map has holes, and the kernel keeps a page to itself. */
#define HOLES_BYTES (1ull << 20)

struct check {
	const char *root;
	struct topology_report *r;
	uint64_t present[NODES_MAX]; /* bytes */
};

__attribute__((format(printf, 2, 3))) static void mismatch(struct check *c, const char *fmt, ...)
{
	unsigned n = c->r->mismatches++;
	va_list ap;

	if (n >= TOPOLOGY_MISMATCHES_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(c->r->text[n], sizeof(c->r->text[n]), fmt, ap);
	va_end(ap);
}

/* The first line of a file under the root; false when there is no such file. */
__attribute__((format(printf, 4, 5))) static bool read_sys(const struct check *c, char *line, size_t size,
							   const char *fmt, ...)
{
	char path[PATH_MAX];
	int at = snprintf(path, sizeof(path), "%s/sys/devices/system/", c->root), fd;
	va_list ap;
	ssize_t n;

	va_start(ap, fmt);
	vsnprintf(path + at, sizeof(path) - (size_t)at, fmt, ap);
	va_end(ap);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, line, size - 1);
	close(fd);
	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return true;
}

static void expect(struct check *c, const char *what, unsigned n, const char *name, const char *got, const char *want)
{
	if (strcmp(got, strcmp(want, "-") ? want : ""))
		mismatch(c, "%s %u: %s is \"%.40s\", asked for was \"%.40s\"", what, n, name, got, want);
}

static void expect_cpu_file(struct check *c, unsigned cpu, const char *name, const char *want)
{
	char got[LINE_SIZE];

	if (!read_sys(c, got, sizeof(got), "cpu/cpu%u/topology/%s", cpu, name))
		snprintf(got, sizeof(got), "(not there)");
	expect(c, "cpu", cpu, name, got, want);
}

/* L1 and L2 belong to a core, L3 is the LLC. */
static void check_caches(struct check *c, unsigned cpu, const char *threads, const char *llc)
{
	char text[LINE_SIZE], name[32];
	bool seen = false;

	for (unsigned i = 0; i < CACHES_MAX; i++) {
		int level;

		if (!read_sys(c, text, sizeof(text), "cpu/cpu%u/cache/index%u/level", cpu, i))
			break;
		level = atoi(text);
		if (!read_sys(c, text, sizeof(text), "cpu/cpu%u/cache/index%u/shared_cpu_list", cpu, i))
			text[0] = '\0';
		snprintf(name, sizeof(name), "L%d's shared_cpu_list", level);
		if (level <= 3)
			expect(c, "cpu", cpu, name, text, level < 3 ? threads : llc);
		seen |= level == 3;
	}
	if (!seen)
		mismatch(c, "cpu %u: the kernel sees no L3, so no LLC", cpu);
}

/* Before family 17h AMD's node id is that of what shares an L3, and Linux before 6.9 takes it for the die's too. */
static bool dies_may_be_llcs(void)
{
	unsigned eax, ebx, ecx, edx, family;

	if (!__get_cpuid(0, &eax, &ebx, &ecx, &edx) || ebx != signature_AMD_ebx ||
	    !__get_cpuid(1, &eax, &ebx, &ecx, &edx))
		return false;
	family = eax >> 8 & 0xf;
	return (family == 0xf ? family + (eax >> 20 & 0xff) : family) < 0x17;
}

static void check_die(struct check *c, unsigned cpu, const char *llc, const char *package_cpus)
{
	char got[LINE_SIZE];

	if (dies_may_be_llcs() && read_sys(c, got, sizeof(got), "cpu/cpu%u/topology/die_cpus_list", cpu) &&
	    !strcmp(got, llc))
		return;
	expect_cpu_file(c, cpu, "die_cpus_list", package_cpus);
}

static void check_cpu(struct check *c, unsigned cpu, const char *package, const char *threads, const char *llc,
		      const char *package_cpus)
{
	c->r->cpus++;
	expect_cpu_file(c, cpu, "physical_package_id", package);
	expect_cpu_file(c, cpu, "thread_siblings_list", threads);
	expect_cpu_file(c, cpu, "core_siblings_list", package_cpus);
	check_die(c, cpu, llc, package_cpus);
	check_caches(c, cpu, threads, llc);
}

static void check_node(struct check *c, unsigned node, uint64_t memory, const char *cpus, const char *distances)
{
	char got[LINE_SIZE];

	c->r->nodes++;
	if (node >= NODES_MAX || !read_sys(c, got, sizeof(got), "node/node%u/cpulist", node)) {
		mismatch(c, "node %u: the kernel has no such node", node);
		return;
	}
	expect(c, "node", node, "cpulist", got, cpus);
	if (!read_sys(c, got, sizeof(got), "node/node%u/distance", node))
		got[0] = '\0';
	expect(c, "node", node, "distance", got, distances);
	if (c->present[node] > memory || c->present[node] + HOLES_BYTES < memory)
		mismatch(c, "node %u: has %llu KiB of memory, asked for were %llu", node,
			 (unsigned long long)(c->present[node] >> 10), (unsigned long long)(memory >> 10));
}

/* Distances of @node; empty if the kernel does not show them. */
static void expect_told(struct check *c, unsigned node, const char *dir, const char *what, const char *want)
{
	char got[LINE_SIZE];

	if (!read_sys(c, got, sizeof(got), "node/node%u/%s/%s", node, dir, what))
		return;
	c->r->hmat++;
	expect(c, "node", node, what, got, want);
}

/*
 * Latency and bandwidth from the nearest CPUs, and the memory-side cache ("0": none). A kernel without CONFIG_ACPI_HMAT
 * says nothing; one with it says what it has of a cache whose size it tells.
 */
static void check_hmat(struct check *c, unsigned node, const char *latency_ns, const char *bandwidth_mbs,
		       const char *cache)
{
	static const char access[] = "access0/initiators", side[] = "memory_side_cache/index1";
	unsigned before = c->r->hmat;
	char got[LINE_SIZE];

	expect_told(c, node, access, "read_latency", latency_ns);
	expect_told(c, node, access, "write_latency", latency_ns);
	expect_told(c, node, access, "read_bandwidth", bandwidth_mbs);
	expect_told(c, node, access, "write_bandwidth", bandwidth_mbs);
	if (c->r->hmat == before)
		return;
	if (!read_sys(c, got, sizeof(got), "node/node%u/%s/size", node, side))
		snprintf(got, sizeof(got), "0");
	expect(c, "node", node, "memory_side_cache", got, cache);
	expect_told(c, node, side, "line_size", "64");
}

/* Present pages of each node: MemTotal lacks what the kernel took at boot. */
static void read_present(struct check *c)
{
	char path[PATH_MAX], line[256];
	unsigned long long pages;
	unsigned node = NODES_MAX;
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/zoneinfo", c->root);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Node %u, zone", &node) == 1)
			continue;
		if (node < NODES_MAX && sscanf(line, " present %llu", &pages) == 1)
			c->present[node] += pages * PAGE_BYTES;
	}
	if (f)
		fclose(f);
}

/* Check that there is no CPU or node besides the expected ones. */
static void check_totals(struct check *c)
{
	char got[LINE_SIZE], want[32];

	snprintf(want, sizeof(want), c->r->cpus > 1 ? "0-%u" : "%u", c->r->cpus - 1);
	if (!read_sys(c, got, sizeof(got), "cpu/online"))
		got[0] = '\0';
	if (strcmp(got, want))
		mismatch(c, "machine: CPUs online are \"%.60s\", asked for were \"%s\"", got, want);
	if (!read_sys(c, got, sizeof(got), "node/online"))
		return;
	snprintf(want, sizeof(want), c->r->nodes > 1 ? "0-%u" : "%u", c->r->nodes - 1);
	if (strcmp(got, want))
		mismatch(c, "machine: nodes online are \"%.60s\", asked for were \"%s\"", got, want);
}

/* False: the line is not understood. */
static bool check_line(struct check *c, char *line)
{
	char package[16], threads[32], llc[32], package_cpus[32], cpus[32], got[LINE_SIZE];
	unsigned n;
	unsigned long long memory;
	int at = 0;

	if (sscanf(line, "cpu %u package %15s threads %31s llc %31s packages %31s", &n, package, threads, llc,
		   package_cpus) == 5) {
		check_cpu(c, n, package, threads, llc, package_cpus);
		return true;
	}
	if (sscanf(line, "hmat %u latency %15s bandwidth %31s cache %31s", &n, package, llc, cpus) == 4) {
		check_hmat(c, n, package, llc, cpus);
		return true;
	}
	if (sscanf(line, "node %u memory %llu cpus %31s distances %n", &n, &memory, cpus, &at) != 3 || !at)
		return false;
	/* A kernel without NUMA is right on a machine with one node. */
	if (n == 0 && !strchr(line + at, ' ') && !read_sys(c, got, sizeof(got), "node/online"))
		c->r->nodes++;
	else
		check_node(c, n, memory, cpus, line + at);
	return true;
}

int topology_compare(const char *file, const char *root, struct topology_report *r)
{
	struct check c = { .root = root, .r = r };
	struct timespec from, to;
	char line[LINE_SIZE];
	int ret = 0;
	FILE *f;

	memset(r, 0, sizeof(*r));
	f = fopen(file, "re");
	if (!f)
		return -errno;
	clock_gettime(CLOCK_MONOTONIC, &from);
	read_present(&c);
	while (!ret && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (!check_line(&c, line))
			ret = -EINVAL;
	}
	fclose(f);
	if (!ret)
		check_totals(&c);
	clock_gettime(CLOCK_MONOTONIC, &to);
	r->ns = (to.tv_sec - from.tv_sec) * 1000000000ll + to.tv_nsec - from.tv_nsec;
	return ret;
}

size_t topology_json(const struct topology_report *r, char *json, size_t size)
{
	unsigned told = r->mismatches < TOPOLOGY_MISMATCHES_MAX ? r->mismatches : TOPOLOGY_MISMATCHES_MAX;
	size_t at = (size_t)snprintf(
		json, size, "{\"ok\":%s,\"cpus\":%u,\"nodes\":%u,\"hmat\":%u,\"ns\":%lld,\"mismatches\":%u,\"told\":[",
		r->mismatches ? "false" : "true", r->cpus, r->nodes, r->hmat, r->ns, r->mismatches);

	for (unsigned i = 0; i < told && at + 6 * sizeof(r->text[0]) + 8 < size; i++) {
		if (i)
			json[at++] = ',';
		at += environment_quote(json + at, size - at, r->text[i]);
	}
	at += (size_t)snprintf(json + at, size - at, "]}");
	return at;
}
