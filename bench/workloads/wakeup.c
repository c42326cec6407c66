/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wakeup: schbench's model. Message threads wake workers through futexes; a
 * worker's latency is from the messenger's stamp, just before it wakes the
 * worker, to the first clock read of the worker that runs again; only a
 * worker that slept counts. It
 * then works a little on memory of its own and queues itself with its
 * messenger, which it wakes in turn. So both kinds of threads sleep and wake,
 * and as there are more threads than CPUs, the scheduler has to choose.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/workloads/workload.h"

#define CPUS_PER_MESSENGER 16
#define MATRIX 32
#define STACK_SIZE (64 << 10)

struct messenger;

struct worker {
	struct messenger *messenger;
	struct worker *next; /* in the messenger's list */
	_Atomic int woken;   /* futex */
	uint64_t stamp_ns;   /* of the messenger; 0: an end, not a sample */
	struct hist *latency;
	double a[MATRIX][MATRIX], b[MATRIX][MATRIX], c[MATRIX][MATRIX];
	pthread_t thread;
};

struct messenger {
	struct run *run;
	_Atomic(struct worker *) waiting;
	_Atomic int posted; /* futex */
	pthread_t thread;
	struct worker *workers;
	unsigned n_workers;
};

/* True: slept and was woken. False: the post came before the sleep. */
static bool futex_wait(_Atomic int *futex)
{
	bool slept = false;

	while (!atomic_load(futex))
		slept = !syscall(SYS_futex, futex, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0) || slept;
	return slept;
}

static void futex_post(_Atomic int *futex)
{
	if (!atomic_exchange(futex, 1))
		syscall(SYS_futex, futex, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void work(struct worker *w, unsigned operations)
{
	for (unsigned n = 0; n < operations; n++)
		for (unsigned i = 0; i < MATRIX; i++)
			for (unsigned j = 0; j < MATRIX; j++) {
				double sum = 0;

				for (unsigned k = 0; k < MATRIX; k++)
					sum += w->a[i][k] * w->b[k][j];
				w->c[i][j] = sum;
			}
	/* Nobody reads the product: keep the compiler from seeing that. */
	__asm__ volatile("" : : "r"(w->c) : "memory");
}

static void queue_with_messenger(struct worker *w)
{
	struct messenger *m = w->messenger;

	w->next = atomic_load(&m->waiting);
	while (!atomic_compare_exchange_weak(&m->waiting, &w->next, w))
		;
	futex_post(&m->posted);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct run *run = w->messenger->run;
	uint64_t now;
	bool slept;

	while (run->phase != PHASE_STOP) {
		/* Before the messenger can see it: its wake must not be lost. */
		atomic_store(&w->woken, 0);
		queue_with_messenger(w);
		slept = futex_wait(&w->woken);
		now = now_ns();
		/* Who was still running when the messenger came was not woken by the scheduler. */
		if (slept && w->stamp_ns && run->phase == PHASE_MEASURE) {
			hist_record(w->latency, now - w->stamp_ns);
			atomic_fetch_add_explicit(&run->samples, 1, memory_order_relaxed);
		}
		work(w, run->options->operations);
	}
	return NULL;
}

static void *messenger_main(void *arg)
{
	struct messenger *m = arg;

	while (m->run->phase != PHASE_STOP) {
		atomic_store(&m->posted, 0);
		/* After posted was cleared: who queues from here on posts again. */
		for (struct worker *next, *w = atomic_exchange(&m->waiting, NULL); w; w = next) {
			next = w->next;
			w->stamp_ns = now_ns();
			futex_post(&w->woken);
		}
		if (m->run->phase != PHASE_STOP)
			futex_wait(&m->posted);
	}
	return NULL;
}

/* Wake whoever waits, with no sample. */
static void release_waiting(struct messenger *m)
{
	for (struct worker *next, *w = atomic_exchange(&m->waiting, NULL); w; w = next) {
		next = w->next;
		w->stamp_ns = 0;
		futex_post(&w->woken);
	}
}

/* The messenger is gone; a worker may yet queue itself, once, before it sees the end. */
static void end_workers(struct messenger *m)
{
	for (unsigned i = 0; i < m->n_workers; i++)
		while (pthread_tryjoin_np(m->workers[i].thread, NULL) == EBUSY) {
			release_waiting(m);
			usleep(1000);
		}
}

static unsigned n_messengers(const struct options *o)
{
	return o->messengers ? o->messengers : (cpus_online() + CPUS_PER_MESSENGER - 1) / CPUS_PER_MESSENGER;
}

static unsigned n_workers(const struct options *o)
{
	return o->workers ? o->workers : (cpus_online() + n_messengers(o) - 1) / n_messengers(o);
}

static int worker_init(struct worker *w, struct messenger *m, uint64_t *seed)
{
	w->messenger = m;
	/* Large and sparse: pages that no sample touches are never there. */
	w->latency = calloc(1, sizeof(*w->latency));
	if (!w->latency)
		return ENOMEM;
	for (unsigned i = 0; i < MATRIX; i++)
		for (unsigned j = 0; j < MATRIX; j++) {
			w->a[i][j] = (double)(random_next(seed) % 1000) / 1000;
			w->b[i][j] = (double)(random_next(seed) % 1000) / 1000;
		}
	return 0;
}

static int messenger_start(struct messenger *m, struct run *run, const pthread_attr_t *attr)
{
	uint64_t seed = run->options->seed;
	int error;

	m->run = run;
	m->workers = calloc(n_workers(run->options), sizeof(*m->workers));
	if (!m->workers)
		return ENOMEM;
	error = pthread_create(&m->thread, attr, messenger_main, m);
	for (unsigned i = 0; !error && i < n_workers(run->options); i++) {
		struct worker *w = &m->workers[i];

		error = worker_init(w, m, &seed);
		if (!error)
			error = pthread_create(&w->thread, attr, worker_main, w);
		if (!error)
			m->n_workers++;
	}
	return error;
}

static void messenger_end(struct messenger *m, struct hist *total)
{
	if (m->thread) {
		futex_post(&m->posted);
		pthread_join(m->thread, NULL);
	}
	end_workers(m);
	for (unsigned i = 0; i < m->n_workers; i++) {
		hist_merge(total, m->workers[i].latency);
		free(m->workers[i].latency);
	}
	free(m->workers);
}

static int wakeup_run(struct run *run)
{
	unsigned n = n_messengers(run->options);
	struct messenger *messengers = calloc(n, sizeof(*messengers));
	pthread_attr_t attr;
	int error = 0;

	if (!messengers)
		return ENOMEM;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	for (unsigned i = 0; i < n && !error; i++)
		error = messenger_start(&messengers[i], run, &attr);
	if (error)
		run_fail(run, error);
	run_wait(run);
	for (unsigned i = 0; i < n; i++)
		messenger_end(&messengers[i], &run->latency);
	pthread_attr_destroy(&attr);
	free(messengers);
	return 0;
}

static void wakeup_config(const struct run *run, FILE *f)
{
	fprintf(f, "\"messengers\":%u,\"workers\":%u,\"operations\":%u", n_messengers(run->options),
		n_workers(run->options), run->options->operations);
}

const struct workload wakeup_workload = { "wakeup", "wakeup_latency", wakeup_run, wakeup_config };
