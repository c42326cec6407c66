/* SPDX-License-Identifier: GPL-2.0-only */
/* What on this host will disturb measurements, each with its remedy; from facts that were read before. */
#ifndef KTSTR_BENCH_HOST_DISTURB_H
#define KTSTR_BENCH_HOST_DISTURB_H

#include <stdbool.h>

#include "bench/host/counters.h"
#include "bench/host/settings.h"
#include "kvm/probe.h"

struct disturb_facts {
	struct host_settings settings;
	struct host_counters busy; /* of a while in which this process did nothing */
	enum kvm_kind kvm;
	bool nested;	      /* this is the nested host */
	bool virtual_machine; /* this host is a guest */
	int other_machines;   /* of ktstr; -errno: not known */
	unsigned cpus;	      /* that this process may use */
	int fifo_error;	      /* errno of SCHED_FIFO; 0: granted */
};

/* All but kvm and nested. It takes a second. @root: "", or another tree with /proc and /sys. */
void disturb_read(struct disturb_facts *f, const char *root);

#define DISTURB_TEXT 200
struct disturbance {
	const char *name;
	char what[DISTURB_TEXT], remedy[DISTURB_TEXT];
};
/* Fills @list, the worst first, @max at most. Returns how many. A pure function. */
unsigned disturb_list(const struct disturb_facts *f, struct disturbance *list, unsigned max);

#endif
