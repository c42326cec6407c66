/* SPDX-License-Identifier: GPL-2.0-only */
/* The threads of a workload: each with a histogram, a random sequence and an account of its own, added up at the end.
 */
#ifndef KTSTR_WORKLOADS_CREW_H
#define KTSTR_WORKLOADS_CREW_H

#include <pthread.h>

#include "bench/workloads/workload.h"

struct hand {
	struct run *run;
	void *ctx; /* what all hands of a crew share */
	unsigned index;
	uint64_t random;
	struct hist *latency;
	_Atomic uint64_t samples;
	double figure; /* the workload's own */
	/* Of the whole life of the thread, by /proc/thread-self/schedstat and getrusage(). */
	uint64_t run_ns, wait_ns, slices, voluntary, involuntary;
	bool started;
	pthread_t thread;
};

struct crew {
	unsigned n;
	/* Works until the phase is PHASE_STOP. */
	void (*work)(struct hand *h);
	/* Wakes hands that sleep for each other; called until all are gone. NULL: they see the end by themselves. */
	void (*release)(void *ctx);
	/* Before the hands are gone, with all that they found. May be NULL. */
	void (*sum)(struct run *run, struct hand *hands, unsigned n);
	void *ctx;
};

/* Start the hands, wait for the end of the run, join them, and add up. 0, or an exit code after a line on stderr. */
int crew_run(struct run *run, const struct crew *crew);

/* One latency, if it is to be counted now. */
static inline void hand_sample(struct hand *h, uint64_t ns)
{
	if (atomic_load_explicit(&h->run->phase, memory_order_relaxed) != PHASE_MEASURE)
		return;
	hist_record(h->latency, ns);
	/* The only writer; the main thread reads. */
	atomic_store_explicit(&h->samples, atomic_load_explicit(&h->samples, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

static inline bool hand_stops(const struct hand *h)
{
	return atomic_load_explicit(&h->run->phase, memory_order_relaxed) == PHASE_STOP ||
	       atomic_load_explicit(&h->run->error, memory_order_relaxed);
}

#endif
