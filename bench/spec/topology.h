/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine's shape as a user writes it:
 *   SHAPE[:KEY=LIST]...
 * SHAPE is a preset's name, "2n4l8c2t" or "2,4,8,2": nodes, LLCs of the whole
 * machine, cores an LLC, threads a core. Lists have commas; one value stands
 * for all. Keys:
 *   llcs=2,1,0            LLCs of each node; 0: memory only
 *   cores=8,4             cores of each LLC
 *   mem=1G,512M,-         memory of each node; -: its share of the rest
 *   dist=10,20/20,10      distances, a row a node; one number: all but the own
 *   latency=100,300       ns to each node's memory (HMAT)
 *   bandwidth=51200,20480 MB/s (HMAT)
 *   cache=0,1G            memory-side cache of each node (HMAT)
 */
#ifndef KTSTR_BENCH_SPEC_TOPOLOGY_H
#define KTSTR_BENCH_SPEC_TOPOLOGY_H

#include "kvm/topology.h"

#define TOPOLOGY_TEXT (24 << 10)

struct topology_preset {
	const char *name, *shape, *what;
};
/* Ends with a name of NULL. */
extern const struct topology_preset topology_presets[];

/* Finished, but for the memory's shares. 0; -EINVAL with @why: what is wrong; the remedy. */
int topology_parse(const char *text, struct topology *t, char why[TOPOLOGY_WHY]);
/* The nodes' own memory, summed; 0 unless each names its own. */
uint64_t topology_own_memory(const struct topology *t);
/* topology_share_memory(), with the remedy in @why. */
int topology_set_memory(struct topology *t, uint64_t total, char why[TOPOLOGY_WHY]);
/* "2n4l8c2t" with what else is not by default, without memory; parses to the same. */
const char *topology_format(const struct topology *t, char text[TOPOLOGY_TEXT]);

#endif
