/* SPDX-License-Identifier: GPL-2.0-only */
/* The shape of a machine: its topology, and how its memory is backed. */
#ifndef KTSTR_BENCH_SPEC_SHAPE_H
#define KTSTR_BENCH_SPEC_SHAPE_H

#include <stdbool.h>

#include "kvm/vm.h"

extern const char *const vm_pages_names[VM_PAGES_1G + 1];
extern const char *const vm_bind_names[VM_BIND_INTERLEAVE + 1];

struct machine_shape {
	char *text;	/* --topology as given (spec/topology.h), owned; NULL: the CPUs are all alike */
	bool unchecked; /* the guest does not compare what it got with what was asked for */
	struct vm_backing backing;
};

#endif
