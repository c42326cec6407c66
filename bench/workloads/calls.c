/* SPDX-License-Identifier: GPL-2.0-only */
/* fork, yield and affinity-churn: threads that make one call again and again; a sample is how long it takes. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/workloads/crew.h"

enum { THREADS };

static void work_fork(struct hand *h)
{
	while (!hand_stops(h)) {
		uint64_t start = now_ns();
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) < 0) {
			run_fail(h->run, errno);
			return;
		}
		hand_sample(h, now_ns() - start);
		hand_turn(h);
	}
}

static void work_yield(struct hand *h)
{
	while (!hand_stops(h)) {
		uint64_t start = now_ns();

		sched_yield();
		hand_sample(h, now_ns() - start);
		hand_turn(h);
	}
}

static void work_affinity(struct hand *h)
{
	cpu_set_t allowed, one;
	unsigned cpu = 0;

	if (sched_getaffinity(0, sizeof(allowed), &allowed)) {
		run_fail(h->run, errno);
		return;
	}
	while (!hand_stops(h)) {
		uint64_t start;

		/* A random CPU of those that may be used; there is one. */
		for (cpu = (unsigned)(hand_random(h) % CPU_SETSIZE); !CPU_ISSET(cpu, &allowed);)
			cpu = (cpu + 1) % CPU_SETSIZE;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		start = now_ns();
		/* It returns on the new CPU. */
		if (sched_setaffinity(0, sizeof(one), &one)) {
			run_fail(h->run, errno);
			return;
		}
		hand_sample(h, now_ns() - start);
		hand_turn(h);
	}
}

static int calls_run(struct run *run, void (*work)(struct hand *h), unsigned preset)
{
	struct crew crew = { .n = run->asked->value[THREADS] ? (unsigned)run->asked->value[THREADS] : preset,
			     .work = work };

	return crew_run(run, &crew);
}

static int fork_run(struct run *run)
{
	return calls_run(run, work_fork, 1);
}

static int yield_run(struct run *run)
{
	return calls_run(run, work_yield, 2 * cpus_online());
}

static int affinity_run(struct run *run)
{
	return calls_run(run, work_affinity, cpus_online());
}

const struct workload fork_workload = { "fork", fork_run };
const struct workload yield_workload = { "yield", yield_run };
const struct workload affinity_churn_workload = { "affinity-churn", affinity_run };
