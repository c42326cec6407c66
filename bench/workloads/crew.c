/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/workloads/crew.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/workloads/kernel_file.h"

#define STACK_SIZE (64 << 10)
#define EXIT_INTERNAL 70

struct state {
	struct hand *hands;
	unsigned n;
};

static uint64_t samples_of(struct run *run)
{
	const struct state *s = run->ctx;
	uint64_t sum = 0;

	for (unsigned i = 0; i < s->n; i++)
		sum += atomic_load_explicit(&s->hands[i].samples, memory_order_relaxed);
	return sum;
}

static uint64_t hash_step(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * UINT64_C(0x100000001b3);
}

uint64_t hand_random(struct hand *h)
{
	uint64_t value = random_next(&h->random);

	if (h->drawn < DRAWS_HASHED) {
		h->drawn_hash = hash_step(h->drawn_hash, value);
		h->drawn++;
	}
	return value;
}

/* At both edges of the window, while the hands run. */
static void take_accounts(struct run *run, bool end)
{
	const struct state *s = run->ctx;

	for (unsigned i = 0; i < s->n; i++) {
		struct hand *h = &s->hands[i];
		int tid = atomic_load(&h->tid);

		account_read(end ? &h->in_window : &h->at_begin, tid);
		if (end)
			account_since(&h->in_window, &h->at_begin);
	}
}

/* Kernels without CONFIG_SCHED_INFO have no such file: the account stays 0. */
static void take_account(struct hand *h)
{
	char text[128];
	struct rusage usage;

	if (kernel_file_read("/proc/thread-self/schedstat", text, sizeof(text)) &&
	    sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64, &h->run_ns, &h->wait_ns, &h->slices) != 3)
		h->run_ns = h->wait_ns = h->slices = 0;
	if (!getrusage(RUSAGE_THREAD, &usage)) {
		h->voluntary = (uint64_t)usage.ru_nvcsw;
		h->involuntary = (uint64_t)usage.ru_nivcsw;
	}
}

struct start {
	struct hand *hand;
	void (*work)(struct hand *h);
};

static void *hand_main(void *arg)
{
	struct start start = *(struct start *)arg;

	free(arg);
	atomic_store(&start.hand->tid, (int)syscall(SYS_gettid));
	start.work(start.hand);
	/* A hand that the end cut short: the hash does not depend on when that was. */
	while (start.hand->drawn < DRAWS_HASHED)
		hand_random(start.hand);
	take_account(start.hand);
	return NULL;
}

static int hand_start(struct hand *h, const struct crew *crew, struct run *run, unsigned index,
		      const pthread_attr_t *attr)
{
	struct start *start = malloc(sizeof(*start));
	int error;

	h->run = run;
	h->ctx = crew->ctx;
	h->index = index;
	h->random = random_start(run->options->seed, index);
	/* Large and sparse: pages that no sample touches are never there. */
	h->latency = calloc(1, sizeof(*h->latency));
	h->second = crew->second ? calloc(1, sizeof(*h->second)) : NULL;
	if (!start || !h->latency || (crew->second && !h->second)) {
		free(start);
		return ENOMEM;
	}
	*start = (struct start){ h, crew->work };
	error = pthread_create(&h->thread, attr, hand_main, start);
	if (error)
		free(start);
	h->started = !error;
	return error;
}

static void join(struct hand *h, const struct crew *crew)
{
	if (!h->started)
		return;
	while (crew->release && pthread_tryjoin_np(h->thread, NULL) == EBUSY) {
		crew->release(crew->ctx);
		usleep(1000);
	}
	if (!crew->release)
		pthread_join(h->thread, NULL);
}

static void add_account(struct run *run, const struct hand *hands, unsigned n)
{
	struct hand sum = { 0 };

	for (unsigned i = 0; i < n; i++) {
		sum.run_ns += hands[i].run_ns;
		sum.wait_ns += hands[i].wait_ns;
		sum.slices += hands[i].slices;
		sum.voluntary += hands[i].voluntary;
		sum.involuntary += hands[i].involuntary;
	}
	run_figure(run, "run_ns", "ns", true, (double)sum.run_ns);
	run_figure(run, "run_delay_ns", "ns", false, (double)sum.wait_ns);
	run_figure(run, "slices", "", false, (double)sum.slices);
	run_figure(run, "voluntary_switches", "", false, (double)sum.voluntary);
	run_figure(run, "involuntary_switches", "", false, (double)sum.involuntary);
}

/* What is kept of each hand, for the result. */
static void keep_workers(struct run *run, const struct hand *hands, unsigned n)
{
	run->operations_hash = UINT64_C(0xcbf29ce484222325);
	run->worker = calloc(n, sizeof(*run->worker));
	run->n_workers = run->worker ? n : 0;
	for (unsigned i = 0; i < n; i++) {
		run->operations_hash = hash_step(run->operations_hash, hands[i].drawn_hash);
		if (run->worker)
			run->worker[i] = (struct worker_result){ .turns = hands[i].turns,
								 .longest_gap_ns = hands[i].longest_gap_ns,
								 .account = hands[i].in_window };
	}
}

int crew_run(struct run *run, const struct crew *crew)
{
	struct state state = { .hands = calloc(crew->n, sizeof(struct hand)), .n = crew->n };
	pthread_attr_t attr;
	int error = 0;

	if (!state.hands) {
		fprintf(stderr, "ktstr-workload: %s: %s\n", run->asked->kind->name, strerror(ENOMEM));
		return EXIT_INTERNAL;
	}
	run->second_name = crew->second;
	run->samples = samples_of;
	run->at_edge = take_accounts;
	run->ctx = &state;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	for (unsigned i = 0; i < crew->n && !error; i++)
		error = hand_start(&state.hands[i], crew, run, i, &attr);
	if (error)
		run_fail(run, error);
	run_wait(run);
	for (unsigned i = 0; i < crew->n; i++) {
		join(&state.hands[i], crew);
		if (state.hands[i].latency)
			hist_merge(&run->latency, state.hands[i].latency);
		if (state.hands[i].second)
			hist_merge(&run->second, state.hands[i].second);
		free(state.hands[i].second);
		free(state.hands[i].latency);
	}
	if (crew->sum)
		crew->sum(run, state.hands, crew->n);
	add_account(run, state.hands, crew->n);
	keep_workers(run, state.hands, crew->n);
	run->samples = NULL;
	run->at_edge = NULL;
	pthread_attr_destroy(&attr);
	free(state.hands);
	return 0;
}
