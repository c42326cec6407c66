/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/host/cpus.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CACHES_MAX 16
#define NODES_MAX 1024

int affinity_get(struct bits *cpus)
{
	memset(cpus, 0, sizeof(*cpus));
	return sched_getaffinity(0, sizeof(*cpus), (cpu_set_t *)cpus) ? -errno : 0;
}

int affinity_set(const struct bits *cpus)
{
	return sched_setaffinity(0, sizeof(*cpus), (const cpu_set_t *)cpus) ? -errno : 0;
}

/* The first line of a file in /sys. False: it is missing or empty. */
__attribute__((format(printf, 3, 4))) static bool line_of(char *line, size_t size, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;
	ssize_t got = -1;
	int n, fd = -1;

	va_start(ap, fmt);
	n = vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	if (n < PATH_MAX)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		got = read(fd, line, size - 1);
		close(fd);
	}
	line[got > 0 ? got : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return got > 0;
}

/* The CPUs that share the last-level cache of @cpu. False: /sys lists no caches. */
static bool cache_mates(const char *sys, unsigned cpu, struct bits *mates)
{
	char line[BITS_MAX];
	long highest = 0;
	struct bits b;

	for (unsigned i = 0; i < CACHES_MAX; i++) {
		long level;

		if (!line_of(line, sizeof(line), "%s/devices/system/cpu/cpu%u/cache/index%u/level", sys, cpu, i))
			break;
		level = strtol(line, NULL, 10);
		if (level <= highest ||
		    !line_of(line, sizeof(line), "%s/devices/system/cpu/cpu%u/cache/index%u/shared_cpu_list", sys, cpu,
			     i) ||
		    bits_parse(&b, line) || !bits_has(&b, cpu))
			continue;
		highest = level;
		*mates = b;
	}
	/* Cores never share a first-level cache: a host that lists only those (a VM) does not list its LLC. */
	return highest > 1;
}

/* @old: the name of the file before Linux 5.3. */
static bool topology_mates(const char *sys, unsigned cpu, const char *name, const char *old, struct bits *mates)
{
	char line[BITS_MAX];

	if (!line_of(line, sizeof(line), "%s/devices/system/cpu/cpu%u/topology/%s", sys, cpu, name) &&
	    !line_of(line, sizeof(line), "%s/devices/system/cpu/cpu%u/topology/%s", sys, cpu, old))
		return false;
	return !bits_parse(mates, line) && bits_has(mates, cpu);
}

/*
 * LLCs are numbered in the order of their first CPU. The files of further CPUs of the same LLC are not read: a host may
 * have hundreds of CPUs, and a start takes milliseconds.
 */
static void read_llcs(struct host_cpus *h, const char *sys)
{
	struct bits mates, done = { { 0 } };

	for (unsigned i = 0; i < h->n; i++) {
		unsigned cpu = h->cpu[i].cpu;

		if (bits_has(&done, cpu))
			continue;
		if (!cache_mates(sys, cpu, &mates) &&
		    !topology_mates(sys, cpu, "package_cpus_list", "core_siblings_list", &mates))
			memset(&mates, 0xff, sizeof(mates));
		for (unsigned j = i; j < h->n; j++)
			if (bits_has(&mates, h->cpu[j].cpu) && !bits_has(&done, h->cpu[j].cpu)) {
				bits_add(&done, h->cpu[j].cpu);
				h->cpu[j].llc = h->n_llcs;
			}
		h->n_llcs++;
	}
}

static void read_cores(struct host_cpus *h, const char *sys)
{
	struct bits mates, done = { { 0 } };

	for (unsigned i = 0; i < h->n; i++) {
		unsigned cpu = h->cpu[i].cpu, thread = 0;

		if (bits_has(&done, cpu))
			continue;
		if (!topology_mates(sys, cpu, "core_cpus_list", "thread_siblings_list", &mates))
			memset(&mates, 0, sizeof(mates));
		bits_add(&mates, cpu);
		for (unsigned j = i; j < h->n; j++)
			if (bits_has(&mates, h->cpu[j].cpu)) {
				bits_add(&done, h->cpu[j].cpu);
				h->cpu[j].core = cpu;
				h->cpu[j].thread = thread++;
			}
	}
}

static void read_nodes(struct host_cpus *h, const char *sys)
{
	char line[BITS_MAX];
	struct bits nodes, b;

	h->n_nodes = 1;
	if (!line_of(line, sizeof(line), "%s/devices/system/node/online", sys) || bits_parse(&nodes, line))
		return;
	for (unsigned node = 0; node < NODES_MAX; node++) {
		if (!bits_has(&nodes, node) ||
		    !line_of(line, sizeof(line), "%s/devices/system/node/node%u/cpulist", sys, node) ||
		    bits_parse(&b, line))
			continue;
		for (unsigned i = 0; i < h->n; i++)
			if (bits_has(&b, h->cpu[i].cpu))
				h->cpu[i].node = node;
	}
	h->n_nodes = bits_count(&nodes) ? bits_count(&nodes) : 1;
}

int host_cpus_read(struct host_cpus *h, const char *sys, const struct bits *allowed)
{
	char line[BITS_MAX];
	struct bits online;
	int rc = 0;

	memset(h, 0, sizeof(*h));
	if (!line_of(line, sizeof(line), "%s/devices/system/cpu/online", sys))
		return -ENOENT;
	if (allowed)
		h->allowed = *allowed;
	else
		rc = affinity_get(&h->allowed);
	if (!rc)
		rc = bits_parse(&online, line);
	if (rc)
		return rc;
	h->cpu = calloc(bits_count(&online) + 1, sizeof(*h->cpu));
	if (!h->cpu)
		return -ENOMEM;
	for (unsigned i = 0; i < BITS_MAX; i++) {
		if (!bits_has(&online, i))
			continue;
		h->cpu[h->n] = (struct host_cpu){ .cpu = i, .allowed = bits_has(&h->allowed, i) };
		h->n_allowed += h->cpu[h->n++].allowed;
	}
	read_cores(h, sys);
	read_llcs(h, sys);
	read_nodes(h, sys);
	/* Affinity may name CPUs that are offline. */
	for (size_t i = 0; i < sizeof(online.word) / sizeof(*online.word); i++)
		h->allowed.word[i] &= online.word[i];
	return h->n ? 0 : -ENOENT;
}

void host_cpus_free(struct host_cpus *h)
{
	free(h->cpu);
	memset(h, 0, sizeof(*h));
}
