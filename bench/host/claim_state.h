/* SPDX-License-Identifier: GPL-2.0-only */
/* A claim, between claim.c and claim_facts.c only. */
#ifndef KTSTR_BENCH_HOST_CLAIM_STATE_H
#define KTSTR_BENCH_HOST_CLAIM_STATE_H

#include <sched.h>

#include "bench/host/claim.h"
#include "bench/host/locks.h"

struct machine_host {
	const struct host_options *o;
	struct host_cpus cpus;
	struct placement p;
	struct placement_busy busy;
	struct locks locks;
	int vcpu_cpu[BITS_MAX];
	uint64_t waited_ns;
	/* This thread's settings, to be restored */
	struct bits old_cpus;
	int old_policy;
	struct sched_param old_param;
	bool moved, raised;
	bool workers_moved; /* the affinity of the ring's workers was set too */
};

/* claim.c: the request of @o and @t; @llcs receives the guest LLC of each vCPU. */
struct placement_request placement_request_of(const struct host_options *o, const struct topology *t,
					      unsigned llcs[BITS_MAX]);

#endif
