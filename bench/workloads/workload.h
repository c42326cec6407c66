/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ktstr-workload: what a guest measures. A workload warms up, then fills one
 * histogram of latencies in ns until the time is over and there are samples
 * enough; and it stops at ten times its duration in any case.
 */
#ifndef KTSTR_WORKLOADS_WORKLOAD_H
#define KTSTR_WORKLOADS_WORKLOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/base/hist.h"

#define WORKLOAD_SAMPLES_MIN 1000
#define WORKLOAD_CAP 10 /* durations */

struct options {
	uint64_t duration_ns;
	uint64_t warmup_ns;
	uint64_t seed;
	unsigned messengers; /* wakeup; 0: one for 16 CPUs */
	unsigned workers;    /* wakeup, of each messenger; 0: one for each CPU */
	unsigned operations; /* wakeup: rounds of work between two waits */
	unsigned threads;    /* io-randread */
	const char *file;    /* io-randread */
};

enum phase { PHASE_WARMUP, PHASE_MEASURE, PHASE_STOP };

/* The state that the threads of a workload share. */
struct run {
	const struct options *options;
	_Atomic enum phase phase;
	_Atomic uint64_t samples;
	_Atomic int error; /* the first errno of a thread: ends the run */
	uint64_t measured_ns;
	struct hist latency;
};

struct workload {
	const char *name;
	const char *metric;
	/* Returns 0, or an exit code after it said why on stderr. */
	int (*run)(struct run *run);
	/* The members of its "config" object. */
	void (*print_config)(const struct run *run, FILE *f);
};

extern const struct workload wakeup_workload, io_randread_workload;

uint64_t now_ns(void);
uint64_t random_next(uint64_t *state);
unsigned cpus_online(void);

/* Warm up, measure, and set PHASE_STOP: the main thread's part of a run. */
void run_wait(struct run *run);
void run_fail(struct run *run, int error);

#endif
