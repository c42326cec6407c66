/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine's shape and how its memory is backed: --topology and what goes
 * with it, as an argp child of the machine's options; the guest's expectations
 * and the facts that come of it.
 */
#ifndef KTSTR_BENCH_MACHINE_SHAPE_H
#define KTSTR_BENCH_MACHINE_SHAPE_H

#include <argp.h>
#include <jansson.h>

#include "bench/machine/resolved.h"

struct initramfs;

/* Its input is struct machine_arguments. */
extern const struct argp machine_shape_argp;
/* Topology, CPUs and memory, made to agree. 0, or an exit code after a line on stderr. */
int machine_shape_check(struct machine_resolved *r);

/* What the guest's init is to find (guest-init/topology.h). */
void machine_shape_expect(struct initramfs *in, const struct machine_resolved *r);
/* Facts: shape, nodes, backing; @check is the guest's word (JSON object), or NULL. */
json_t *machine_shape_facts(const struct machine_resolved *r, const json_t *check);
/* Of one topology, as the facts and `ktstr topo --json` have it. */
json_t *machine_topology_json(const struct topology *t);

/* Bytes of all that is copied into the guest. */
uint64_t machine_copied_bytes(const struct machine_resolved *r);

#endif
