/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Chooses the host CPUs for a machine's threads: a pure function of the host's CPUs, the request and what others hold.
 *   default      one CPU per vCPU, close to each other; the threads may move within the LLCs of these CPUs. If too few
 *                are free: all LLCs that no other machine holds exclusively (overcommitted).
 *   performance  one CPU per vCPU, to which its thread is pinned, and one for the reactor; no other machine in their
 * LLCs. shared       as many CPUs as the cap allows, whole LLCs first; all threads stay on them, and other machines may
 * too.
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
	unsigned threads;	   /* per core of the guest; 0 is 1 */
	unsigned cap;		   /* CPUs in mode shared; 0: 30 % of the allowed */
	unsigned turn;		   /* seed that rotates ties between equal LLCs */
};

/* What other machines hold, as far as it is known. */
struct placement_busy {
	struct bits llc;	   /* a machine uses it */
	struct bits llc_exclusive; /* a machine has it exclusively */
	struct bits cpu;
};

struct placement {
	enum host_mode mode;
	struct bits llcs, cpus; /* where its threads may run */
	unsigned n_vcpus;
	unsigned vcpu[BITS_MAX]; /* the CPU of each vCPU; pinned in mode performance */
	int service;		 /* the reactor's CPU, or -1: any of @cpus */
	bool confined;		 /* @cpus are fewer than the process may use */
	bool own_cpus;		 /* no vCPU shares its CPU with another one, of any machine */
	bool spare;		 /* and a CPU remains for the reactor */
};

/* How many of the @allowed CPUs mode shared uses; @cap as in a request. */
unsigned placement_shared_cpus(unsigned cap, unsigned allowed);

/*
 * The CPUs for the ring's kernel workers: with the reactor, and not on CPUs of vCPUs if others remain. In mode default
 * only if there is a spare CPU, since other machines may use the remaining ones.
 */
struct bits placement_worker_cpus(const struct placement *p);

/*
 * 0; -ENODEV: impossible on this host, with the remedy in @why; -EBUSY: impossible while others hold their CPUs, with
 * what is missing in @why.
 */
int placement_plan(const struct host_cpus *h, const struct placement_request *q, const struct placement_busy *busy,
		   struct placement *p, char *why, size_t size);

#endif
