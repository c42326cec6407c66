/* SPDX-License-Identifier: GPL-2.0-only */
/* The shape of a machine: its topology, and how its memory is backed. */
#ifndef KTSTR_BENCH_SPEC_SHAPE_H
#define KTSTR_BENCH_SPEC_SHAPE_H

#include <stdbool.h>

#include "kvm/vm.h"

struct machine_shape {
	const char *text;	       /* --topology as given, or NULL: --cpus, all alike */
	bool cpus_given, memory_given; /* by options of their own */
	bool unchecked;		       /* the guest does not look whether it got what was asked for */
	struct vm_backing backing;
	struct topology topology; /* by machine_shape_check(); memory shared out */
};

#endif
