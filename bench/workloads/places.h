/* SPDX-License-Identifier: GPL-2.0-only */
/* Where CPUs are: which share a core, a last-level cache, a node. So a move between two has a distance. */
#ifndef KTSTR_WORKLOADS_PLACES_H
#define KTSTR_WORKLOADS_PLACES_H

#define PLACES_CPUS_MAX 1024

enum distance { DISTANCE_SMT, DISTANCE_LLC, DISTANCE_NODE, DISTANCE_FAR, DISTANCES };

struct places {
	/* By CPU: the first CPU of its core and of its last-level cache, and the number of its node. */
	int core[PLACES_CPUS_MAX], llc[PLACES_CPUS_MAX], node[PLACES_CPUS_MAX];
};

/* @root: "" or where another /sys is, for tests. What the kernel does not say is taken for one place. */
void places_read(struct places *p, const char *root);
enum distance places_distance(const struct places *p, int from, int to);

#endif
