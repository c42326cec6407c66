/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fair: busy threads that look at the clock all the time. Where two looks are far apart the thread did not run in
 * between: that gap is a sample. From the CPU time of each come Jain's index of the shares (of what its weight entitles
 * it to: 1 is even, 1/n is all for one) and the longest gap.
 */
#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/workloads/crew.h"

enum { THREADS, NICE };

/* Shorter ones are interrupts, or the host's. */
#define GAP_NS 100000u

/* The kernel's weights (sched_prio_to_weight) are 1024 over 1.25 to the power of the nice value. */
static double weight_of(const struct hand *h)
{
	return h->index % 2 ? pow(1.25, -(double)h->run->asked->value[NICE]) : 1;
}

static void work(struct hand *h)
{
	uint64_t last, cpu = 0;
	bool measuring = false;

	if (h->index % 2 && setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), (int)h->run->asked->value[NICE]))
		run_fail(h->run, 1);
	last = now_ns();
	while (!hand_stops(h)) {
		uint64_t now = now_ns();

		if (!measuring && h->run->phase == PHASE_MEASURE) {
			measuring = true;
			cpu = thread_cpu_ns();
		}
		if (now - last >= GAP_NS)
			hand_sample(h, now - last);
		last = now;
	}
	h->figure = measuring ? (double)(thread_cpu_ns() - cpu) / weight_of(h) : 0;
}

static void sum(struct run *run, struct hand *hands, unsigned n)
{
	double total = 0, squares = 0, least = INFINITY;

	for (unsigned i = 0; i < n; i++) {
		total += hands[i].figure;
		squares += hands[i].figure * hands[i].figure;
		least = fmin(least, hands[i].figure);
	}
	run_figure(run, "jain_index", "", true, squares > 0 ? total * total / (n * squares) : 0);
	run_figure(run, "least_share", "", true, total > 0 ? least * n / total : 0);
	run_figure(run, "max_gap_ns", "ns", false, (double)run->latency.max);
}

static int fair_run(struct run *run)
{
	unsigned asked = (unsigned)run->asked->value[THREADS];
	struct crew crew = { .n = asked ? asked : 2 * cpus_online(), .work = work, .sum = sum };

	return crew_run(run, &crew);
}

const struct workload fair_workload = { "fair", fair_run };
