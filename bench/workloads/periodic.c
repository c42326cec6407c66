/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * periodic: rt-app's model. Each thread starts on a timetable of its own (its period, shifted so that not all start at
 * once), spends its run time on the CPU, and is done; a sample is from the intended start to the first clock read. A
 * thread that is late does not leave out periods: what it owes is counted from the time it was due.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "bench/workloads/crew.h"

enum { THREADS, PERIOD, RUN, DEADLINE };

struct owed {
	_Atomic uint64_t periods, missed;
	_Atomic int64_t slack_ns; /* sum of what was left until the deadline, negative where it was missed */
};

static void sleep_until(uint64_t ns)
{
	struct timespec t = { .tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

static void work(struct hand *h)
{
	const uint64_t *value = h->run->asked->value;
	uint64_t deadline = value[DEADLINE] ? value[DEADLINE] : value[PERIOD];
	struct owed *owed = h->ctx;
	uint64_t due = now_ns() + hand_random(h) % value[PERIOD];

	for (; !hand_stops(h); due += value[PERIOD]) {
		uint64_t start, cpu;
		int64_t slack;

		sleep_until(due);
		start = now_ns();
		hand_sample(h, start - due);
		hand_turn(h);
		for (cpu = thread_cpu_ns() + value[RUN]; thread_cpu_ns() < cpu && !hand_stops(h);)
			;
		if (h->run->phase != PHASE_MEASURE)
			continue;
		slack = (int64_t)(due + deadline) - (int64_t)now_ns();
		owed->periods++;
		owed->missed += slack < 0;
		owed->slack_ns += slack;
	}
}

static int periodic_run(struct run *run)
{
	unsigned asked = (unsigned)run->asked->value[THREADS];
	struct owed owed = { 0 };
	struct crew crew = { .n = asked ? asked : cpus_online(), .work = work, .ctx = &owed };
	int code;

	if (run->asked->value[RUN] > run->asked->value[PERIOD]) {
		fprintf(stderr, "ktstr-workload: periodic: run is longer than period; ask for less\n");
		return 64;
	}
	code = crew_run(run, &crew);
	run_figure(run, "deadlines_missed", "", false, (double)owed.missed);
	run_figure(run, "mean_slack_ns", "ns", true, owed.periods ? (double)owed.slack_ns / (double)owed.periods : 0);
	return code;
}

const struct workload periodic_workload = { "periodic", periodic_run };
