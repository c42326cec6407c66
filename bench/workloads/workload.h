/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ktstr-workload: what a guest measures. A workload warms up, then fills one histogram of latencies in ns until the
 * time is over and there are samples enough; it stops at ten times its duration in any case.
 */
#ifndef KTSTR_WORKLOADS_WORKLOAD_H
#define KTSTR_WORKLOADS_WORKLOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/base/hist.h"
#include "bench/workloads/account.h"
#include "bench/workloads/catalog.h"
#include "bench/workloads/clock.h"
#include "bench/workloads/setting.h"
#include "bench/workloads/window.h"

#define WORKLOAD_SAMPLES_MIN 1000
#define WORKLOAD_CAP 10 /* durations */
#define FIGURES_MAX 16

struct options {
	uint64_t duration_ns;
	uint64_t warmup_ns;
	uint64_t seed;
};

/*
 * PHASE_AFTER: the window is over, and the threads go on for as long as it takes to read what the kernel counted of
 * them.
 */
enum phase { PHASE_WARMUP, PHASE_MEASURE, PHASE_AFTER, PHASE_STOP };

/* A result beside the histogram and the rate: "jain_index". */
struct figure {
	const char *name, *unit;
	bool more_is_better;
	double value;
};

/* What one thread did in the window. */
struct worker_result {
	uint64_t turns, longest_gap_ns;
	struct account account;
};

/* The state that the threads of a workload share. */
struct run {
	const struct options *options;
	const struct workload_asked *asked;
	_Atomic enum phase phase;
	_Atomic int error; /* the first errno of a thread: ends the run */
	/* What is measured so far, while threads run: NULL, or the sum of their counts. */
	uint64_t (*samples)(struct run *run);
	/* Called at both edges of the window, next to it. */
	void (*at_edge)(struct run *run, bool end);
	void *ctx; /* of the above */
	struct window window;
	struct setting setting;
	struct account main_at_begin, main; /* the main thread's, which waits */
	struct worker_result *worker;	    /* to free() */
	unsigned n_workers;
	uint64_t operations_hash; /* of what the threads drew by chance: the same for the same seed */
	uint64_t measured_ns;
	struct hist latency;
	const char *second_name; /* of another latency that the workload has; NULL: it has none */
	struct hist second;
	struct figure figure[FIGURES_MAX];
	unsigned n_figures;
};

struct workload {
	const char *name; /* as in the catalog */
	/* Returns 0, or an exit code after it said why on stderr. */
	int (*run)(struct run *run);
};

extern const struct workload wakeup_workload, messaging_workload, pipe_workload, futex_workload, fork_workload,
	yield_workload, affinity_churn_workload, fair_workload, compute_workload, periodic_workload,
	io_randread_workload, io_randwrite_workload, io_fsync_workload, io_tmpfs_workload, net_workload;

uint64_t random_next(uint64_t *state);
/* A start for random_next(): different for each @index, for neighbouring seeds of xorshift begin alike. */
uint64_t random_start(uint64_t seed, unsigned index);
unsigned cpus_online(void);

/* Warm up, mark the window and measure, and set PHASE_STOP: the main thread's part of a run. */
void run_wait(struct run *run);
/* What measuring costs here: reading the clock, and counting a value in a histogram. */
struct cost {
	double clock_ns, record_ns;
};
struct cost measure_cost(void);

void print_result(const struct run *run, FILE *f);
void run_fail(struct run *run, int error);
void run_figure(struct run *run, const char *name, const char *unit, bool more_is_better, double value);

#endif
