/* SPDX-License-Identifier: GPL-2.0-only */
/* The threads of a workload: each with a histogram, a random sequence and an account of its own, added up at the end.
 */
#ifndef KTSTR_WORKLOADS_CREW_H
#define KTSTR_WORKLOADS_CREW_H

#include <pthread.h>

#include "bench/workloads/account.h"
#include "bench/workloads/workload.h"

/* So many draws of each hand stand for its sequence of operations. */
#define DRAWS_HASHED 64u

struct hand {
	struct run *run;
	void *ctx; /* what all hands of a crew share */
	unsigned index;
	uint64_t random;
	unsigned drawn;			 /* up to DRAWS_HASHED */
	uint64_t drawn_hash;		 /* of these */
	struct hist *latency, *second;	 /* @second: of a crew that has one */
	_Atomic uint64_t samples, turns; /* in the window */
	_Atomic int tid;		 /* 0: not yet known */
	double figure;			 /* the workload's own */
	uint64_t longest_gap_ns;	 /* off the CPU, where the workload sees it; else 0 */
	struct account at_begin, in_window;
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
	const char *second; /* the name of a second latency, or NULL */
};

/* Start the hands, wait for the end of the run, join them, and add up. 0, or an exit code after a line on stderr. */
int crew_run(struct run *run, const struct crew *crew);

/* The next random number: whatever a hand does by chance it takes from here. */
uint64_t hand_random(struct hand *h);

static inline bool hand_counts(const struct hand *h)
{
	return atomic_load_explicit(&h->run->phase, memory_order_relaxed) == PHASE_MEASURE;
}

/* The hand is the only writer; the main thread reads. */
static inline void hand_add(_Atomic uint64_t *count)
{
	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* One more round of the hand's work. */
static inline void hand_turn(struct hand *h)
{
	if (hand_counts(h))
		hand_add(&h->turns);
}

/* One latency, if it is to be counted now. */
static inline void hand_sample(struct hand *h, uint64_t ns)
{
	if (!hand_counts(h))
		return;
	hist_record(h->latency, ns);
	hand_add(&h->samples);
}

static inline void hand_second(struct hand *h, uint64_t ns)
{
	if (hand_counts(h))
		hist_record(h->second, ns);
}

static inline bool hand_stops(const struct hand *h)
{
	return atomic_load_explicit(&h->run->phase, memory_order_relaxed) == PHASE_STOP ||
	       atomic_load_explicit(&h->run->error, memory_order_relaxed);
}

#endif
