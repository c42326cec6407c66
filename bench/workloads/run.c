/* SPDX-License-Identifier: GPL-2.0-only */
/* The main thread's part of a workload: chance, waiting, the phases of a run. */
#include <math.h>
#include <time.h>
#include <unistd.h>

#include "bench/workloads/workload.h"

/* How often it is seen that a thread failed. Each look costs the guest a wake-up in the window. */
#define POLL_NS 250000000ull

/* xorshift64: the same seed gives the same offsets. */
uint64_t random_next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

uint64_t random_start(uint64_t seed, unsigned index)
{
	return (seed + index) * UINT64_C(0x9e3779b97f4a7c15) | 1;
}

unsigned cpus_online(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (unsigned)n : 1;
}

void run_fail(struct run *run, int error)
{
	int none = 0;

	atomic_compare_exchange_strong(&run->error, &none, error);
}

void run_figure(struct run *run, const char *name, const char *unit, bool more_is_better, double value)
{
	if (run->n_figures < FIGURES_MAX)
		run->figure[run->n_figures++] = (struct figure){ name, unit, more_is_better, value };
}

static void wait_until(struct run *run, uint64_t deadline)
{
	struct timespec t = { 0 };

	for (uint64_t now; (now = now_ns()) < deadline && !run->error;) {
		t.tv_nsec = (long)(deadline - now < POLL_NS ? deadline - now : POLL_NS);
		nanosleep(&t, NULL);
	}
}

void run_wait(struct run *run)
{
	const struct options *o = run->options;
	struct window *w = &run->window;

	wait_until(run, now_ns() + o->warmup_ns);
	window_mark(w, "begin");
	scx_snapshot_read(&w->at_begin, "");
	setting_edge(&run->setting, false);
	account_read(&run->main_at_begin, getpid());
	if (run->at_edge)
		run->at_edge(run, false);
	w->begin_ns = now_ns();
	run->phase = PHASE_MEASURE;
	for (unsigned i = 1; i <= WORKLOAD_CAP && !run->error; i++) {
		wait_until(run, w->begin_ns + i * o->duration_ns);
		if (!run->samples || run->samples(run) >= WORKLOAD_SAMPLES_MIN)
			break;
	}
	run->phase = PHASE_AFTER;
	w->end_ns = now_ns();
	if (run->at_edge)
		run->at_edge(run, true);
	account_read(&run->main, getpid());
	account_since(&run->main, &run->main_at_begin);
	setting_edge(&run->setting, true);
	scx_snapshot_read(&w->at_end, "");
	run->phase = PHASE_STOP;
	window_mark(w, "end");
	run->measured_ns = w->end_ns - w->begin_ns;
}

#define COST_ROUNDS 1000u

/* The shortest of some tries: what came between is not the cost. */
struct cost measure_cost(void)
{
	static struct hist h;
	struct cost cost = { .clock_ns = INFINITY, .record_ns = INFINITY };

	for (unsigned try = 0; try < 5; try++) {
		uint64_t start = now_ns(), middle, sum = 0;

		for (unsigned i = 0; i < COST_ROUNDS; i++)
			sum += now_ns();
		middle = now_ns();
		for (unsigned i = 0; i < COST_ROUNDS; i++)
			hist_record(&h, (sum >> 20) % 1000000 + i);
		cost.clock_ns = fmin(cost.clock_ns, (double)(middle - start) / COST_ROUNDS);
		cost.record_ns = fmin(cost.record_ns, (double)(now_ns() - middle) / COST_ROUNDS);
	}
	return cost;
}
