/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether the kernel sees the machine that was asked for. The host says what to
 * expect in the file CONFIG_TOPOLOGY, a line a CPU and a line a node; lists are
 * written as the kernel writes them ("0-3", "5"; "" is written "-"):
 *   cpu N package P threads LIST llc LIST packages LIST
 *   node N memory BYTES cpus LIST distances "10 20"...
 *   hmat N latency NS bandwidth MBS cache BYTES
 */
#ifndef KTSTR_GUEST_INIT_TOPOLOGY_H
#define KTSTR_GUEST_INIT_TOPOLOGY_H

#include <stddef.h>

#define TOPOLOGY_MISMATCHES_MAX 16 /* reported at most; all are counted */
#define TOPOLOGY_MISMATCH_EXIT 70

struct topology_report {
	unsigned cpus, nodes; /* compared */
	unsigned hmat;	      /* HMAT values that the kernel showed */
	unsigned mismatches;  /* counted */
	long long ns;	      /* that it took */
	char text[TOPOLOGY_MISMATCHES_MAX][160];
};

/* Compare the expectations in @file with what the kernel shows under @root ("" or a test's directory). 0, or -errno
 * when @file can't be read or understood; -ENOENT: nothing is expected. */
int topology_compare(const char *file, const char *root, struct topology_report *r);
/* As JSON for WIRE_JTOP. Returns the length. */
size_t topology_json(const struct topology_report *r, char *json, size_t size);

#endif
