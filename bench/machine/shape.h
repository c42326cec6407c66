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

#include "bench/spec/machine.h"

struct initramfs;

/* Its input is struct machine_options. */
extern const struct argp machine_shape_argp;
/* Make the topology, CPUs and memory agree, or say on stderr why they don't and
 * return an exit code. */
int machine_shape_check(struct machine_options *o);

/* What the guest's init is to find (guest-init/topology.h). */
void machine_shape_expect(struct initramfs *in, const struct machine_options *o);
/* Facts: shape, nodes, backing; @check is the guest's word (JSON object), or NULL. */
json_t *machine_shape_facts(const struct machine_options *o, const json_t *check);
/* Of one topology, as the facts and `ktstr topo --json` have it. */
json_t *machine_topology_json(const struct topology *t);

/* Bytes of all that the options bring into the guest. */
uint64_t machine_brought_bytes(const struct machine_options *o);

#endif
