/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which host CPUs a machine's threads are to run on: a pure function of the host's CPUs, of what is asked for and of
 * what others hold.
 *   default      a CPU of its own for each vCPU where there is one, as near to each other as can be; the threads may
 *                move within the LLCs of these. Too few free: all LLCs that no one has for himself (overcommitted).
 *   performance  a CPU for each vCPU, whose thread is pinned to it, and one for the reactor; no one else in their LLCs.
 *   shared       as many CPUs as the cap says, whole LLCs first; all threads stay on them, whoever else is there.
 */
#ifndef KTSTR_BENCH_HOST_PLACEMENT_H
#define KTSTR_BENCH_HOST_PLACEMENT_H

#include "bench/host/cpus.h"
#include "bench/spec/host.h"

const char *host_mode_name(enum host_mode mode);

struct placement_request {
	enum host_mode mode;
	unsigned vcpus;
	const unsigned *guest_llc; /* of each vCPU, ascending from 0; NULL: all in one */
	unsigned threads;	   /* a core of the guest has; 0 is 1 */
	unsigned cap;		   /* CPUs in mode shared; 0: 30 % of the allowed */
	unsigned turn;		   /* any number: whom many equal requests begin with, where it makes no difference */
};

/* What others hold, as far as it is known: by LLC, by CPU number. */
struct placement_busy {
	struct bits llc;	   /* somebody is in it */
	struct bits llc_exclusive; /* somebody has it for himself */
	struct bits cpu;
};

struct placement {
	enum host_mode mode;
	struct bits llcs, cpus; /* where its threads may run, and may be alone */
	unsigned n_vcpus;
	unsigned vcpu[BITS_MAX]; /* the CPU that each vCPU counts on; pinned to it in mode performance */
	int service;		 /* the reactor's CPU, or -1: any of @cpus */
	bool confined;		 /* @cpus is not all that the process may use */
	bool own_cpus;		 /* no two vCPUs, and no one else, count on the same CPU */
	bool spare;		 /* and a CPU is left for the reactor */
};

/* How many CPUs mode shared takes of those that a process may use; @cap as in a request. */
unsigned placement_shared_cpus(unsigned cap, unsigned allowed);

/*
 * Where the kernel's workers of the ring are to run: beside the reactor, off the CPUs that vCPUs count on if any is
 * left. In mode default others may count on what is left, so only where one is to spare.
 */
struct bits placement_worker_cpus(const struct placement *p);

/*
 * 0; -ENODEV: never on this host, and @why says it with the mend; -EBUSY: not while others hold what they do, and
 * @why says what is missing.
 */
int placement_plan(const struct host_cpus *h, const struct placement_request *q, const struct placement_busy *busy,
		   struct placement *p, char *why, size_t size);

#endif
