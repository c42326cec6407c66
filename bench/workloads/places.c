/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/workloads/places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/workloads/kernel_file.h"

#define CACHES_MAX 8
#define NODES_MAX 1024

/* The first number of a list such as "2-3,6"; 0 if there is none. */
static int first_of(const char *path)
{
	char line[4096];

	kernel_file_line(path, line, sizeof(line));
	return atoi(line);
}

/* The cache of the highest level that holds data. */
static int read_llc(const char *root, int cpu)
{
	char path[512], text[64];
	int best = 0, llc = 0;

	for (int i = 0; i < CACHES_MAX; i++) {
		int level, at = snprintf(path, sizeof(path), "%s/sys/devices/system/cpu/cpu%d/cache/index%d/", root,
					 cpu, i);

		snprintf(path + at, sizeof(path) - (size_t)at, "level");
		kernel_file_line(path, text, sizeof(text));
		level = atoi(text);
		if (level <= best)
			continue;
		best = level;
		snprintf(path + at, sizeof(path) - (size_t)at, "shared_cpu_list");
		llc = first_of(path);
	}
	return llc;
}

static void read_node(struct places *p, const char *root, int node)
{
	char path[512], line[4096], *rest = line;
	const char *item;

	snprintf(path, sizeof(path), "%s/sys/devices/system/node/node%d/cpulist", root, node);
	kernel_file_line(path, line, sizeof(line));
	while ((item = strsep(&rest, ","))) {
		int from, to, n = sscanf(item, "%d-%d", &from, &to);

		if (n < 1)
			continue;
		for (int cpu = from; cpu <= (n == 2 ? to : from); cpu++)
			if (cpu >= 0 && cpu < PLACES_CPUS_MAX)
				p->node[cpu] = node;
	}
}

/* The last number of a list: 7 of "0-3,7". */
static int last_of(const char *path)
{
	char line[4096];
	size_t n;

	kernel_file_line(path, line, sizeof(line));
	n = strlen(line);
	while (n && (line[n - 1] < '0' || line[n - 1] > '9'))
		n--;
	while (n && line[n - 1] >= '0' && line[n - 1] <= '9')
		n--;
	return atoi(line + n);
}

void places_read(struct places *p, const char *root)
{
	char path[512];
	int last;

	memset(p, 0, sizeof(*p));
	snprintf(path, sizeof(path), "%s/sys/devices/system/cpu/present", root);
	last = last_of(path);
	for (int cpu = 0; cpu <= last && cpu < PLACES_CPUS_MAX; cpu++) {
		snprintf(path, sizeof(path), "%s/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", root,
			 cpu);
		p->core[cpu] = first_of(path);
		p->llc[cpu] = read_llc(root, cpu);
	}
	snprintf(path, sizeof(path), "%s/sys/devices/system/node/online", root);
	last = last_of(path);
	for (int node = 0; node <= last && node < NODES_MAX; node++)
		read_node(p, root, node);
}

enum distance places_distance(const struct places *p, int from, int to)
{
	if (from < 0 || to < 0 || from >= PLACES_CPUS_MAX || to >= PLACES_CPUS_MAX)
		return DISTANCE_FAR;
	if (p->core[from] == p->core[to])
		return DISTANCE_SMT;
	if (p->llc[from] == p->llc[to])
		return DISTANCE_LLC;
	return p->node[from] == p->node[to] ? DISTANCE_NODE : DISTANCE_FAR;
}
