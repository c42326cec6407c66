/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wakeup: schbench's model. Message threads wake workers through futexes; a worker's latency is from the messenger's
 * stamp, just before it wakes the worker, to the first clock read of the worker that runs again; only a worker that
 * slept counts. It then works a little on memory of its own and queues itself with its messenger, which it wakes in
 * turn. So both kinds of threads sleep and wake, and as there are more threads than CPUs, the scheduler has to choose.
 *
 * With a rate a messenger wakes workers by a timetable. The stamp is the time that the table says, so what a stall
 * delays counts in full, and nothing is left out because the waker was late too.
 */
#include <errno.h>
#include <linux/futex.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench/workloads/crew.h"

enum { MESSENGERS, WORKERS, OPERATIONS, RATE, SLEEP, FOOTPRINT, LOCK };

#define CPUS_PER_MESSENGER 16

struct worker {
	struct worker *next; /* in the messenger's list */
	_Atomic int woken;   /* futex */
	uint64_t stamp_ns;   /* of the messenger; 0: an end, not a sample */
	uint64_t *a, *b, *c; /* matrices, of integers as schbench has them: an emulation is slow at floating point */
};

struct messenger {
	_Atomic(struct worker *) waiting;
	_Atomic int posted; /* futex */
};

struct post_office {
	struct messenger *messengers;
	struct worker *workers;
	unsigned n_messengers, n_workers; /* workers of each */
	unsigned operations, side;	  /* of a matrix */
	uint64_t sleep_ns;
	pthread_mutex_t *lock; /* of each CPU; NULL: none */
	unsigned n_locks;
	uint64_t interval_ns; /* 0: no timetable */
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

static void multiply(const struct post_office *o, struct worker *w)
{
	for (unsigned n = 0; n < o->operations; n++)
		for (unsigned i = 0; i < o->side; i++)
			for (unsigned j = 0; j < o->side; j++) {
				uint64_t sum = 0;

				for (unsigned k = 0; k < o->side; k++)
					sum += w->a[i * o->side + k] * w->b[k * o->side + j];
				w->c[i * o->side + j] = sum;
			}
	/* Nobody reads the product: keep the compiler from seeing that. */
	__asm__ volatile("" : : "r"(w->c) : "memory");
}

/* A request: what stands for the network, then the work. */
static void serve(const struct post_office *o, struct worker *w)
{
	const struct timespec t = { .tv_sec = (time_t)(o->sleep_ns / 1000000000u),
				    .tv_nsec = (long)(o->sleep_ns % 1000000000u) };
	pthread_mutex_t *lock = NULL;

	if (o->sleep_ns)
		nanosleep(&t, NULL);
	if (o->lock)
		lock = &o->lock[(unsigned)sched_getcpu() % o->n_locks];
	if (lock)
		pthread_mutex_lock(lock);
	multiply(o, w);
	if (lock)
		pthread_mutex_unlock(lock);
}

static void queue_with(struct messenger *m, struct worker *w)
{
	w->next = atomic_load(&m->waiting);
	while (!atomic_compare_exchange_weak(&m->waiting, &w->next, w))
		;
	futex_post(&m->posted);
}

static void work_as_worker(struct hand *h, const struct post_office *o, struct messenger *m, struct worker *w)
{
	size_t n = (size_t)o->side * o->side;

	w->a = calloc(3 * n, sizeof(*w->a));
	if (!w->a) {
		run_fail(h->run, ENOMEM);
		return;
	}
	w->b = w->a + n;
	w->c = w->b + n;
	for (size_t i = 0; i < 2 * n; i++)
		w->a[i] = hand_random(h) % 1000;
	while (!hand_stops(h)) {
		uint64_t now;
		bool slept;

		/* Before the messenger can see it: its wake must not be lost. */
		atomic_store(&w->woken, 0);
		queue_with(m, w);
		slept = futex_wait(&w->woken);
		now = now_ns();
		/* Who was still running when the messenger came was not woken by the scheduler; late is late by the
		 * table. */
		if ((slept || o->interval_ns) && w->stamp_ns)
			hand_sample(h, now - w->stamp_ns);
		serve(o, w);
		hand_second(h, now_ns() - now);
		hand_turn(h);
	}
	free(w->a);
}

static void wake_all(struct messenger *m, bool counted)
{
	for (struct worker *next, *w = atomic_exchange(&m->waiting, NULL); w; w = next) {
		next = w->next;
		w->stamp_ns = counted ? now_ns() : 0;
		futex_post(&w->woken);
	}
}

/* The longest waiting one; it is this messenger alone that takes workers out. */
static struct worker *take_oldest(struct worker **taken, struct messenger *m)
{
	struct worker *w, *next;

	if (!*taken)
		/* The list has the last one first. */
		for (w = atomic_exchange(&m->waiting, NULL); w; w = next) {
			next = w->next;
			w->next = *taken;
			*taken = w;
		}
	w = *taken;
	if (w)
		*taken = w->next;
	return w;
}

static void wake_by_timetable(struct hand *h, struct messenger *m, uint64_t interval_ns)
{
	struct worker *taken = NULL;

	for (uint64_t due = now_ns() + interval_ns; !hand_stops(h); due += interval_ns) {
		struct timespec t = { .tv_sec = (time_t)(due / 1000000000u), .tv_nsec = (long)(due % 1000000000u) };
		struct worker *w;

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
		while (!(w = take_oldest(&taken, m)) && !hand_stops(h)) {
			atomic_store(&m->posted, 0);
			/* After posted was cleared: who queues from here on posts again. */
			if (!atomic_load(&m->waiting) && !hand_stops(h))
				futex_wait(&m->posted);
		}
		if (!w)
			break;
		w->stamp_ns = due;
		futex_post(&w->woken);
		hand_turn(h);
	}
	/* Those that were taken out of the list are seen by nobody else. */
	for (struct worker *w = taken, *next; w; w = next) {
		next = w->next;
		w->stamp_ns = 0;
		futex_post(&w->woken);
	}
}

static void wake_as_they_come(struct hand *h, struct messenger *m)
{
	while (!hand_stops(h)) {
		atomic_store(&m->posted, 0);
		/* After posted was cleared: who queues from here on posts again. */
		wake_all(m, true);
		hand_turn(h);
		if (!hand_stops(h))
			futex_wait(&m->posted);
	}
}

/* Hands: the messengers, then the workers of each. */
static void work(struct hand *h)
{
	const struct post_office *o = h->ctx;
	unsigned worker = h->index - o->n_messengers;

	if (h->index >= o->n_messengers)
		work_as_worker(h, o, &o->messengers[worker / o->n_workers], &o->workers[worker]);
	else if (o->interval_ns)
		wake_by_timetable(h, &o->messengers[h->index], o->interval_ns);
	else
		wake_as_they_come(h, &o->messengers[h->index]);
}

/* A worker may yet queue itself, once, before it sees the end. */
static void release(void *ctx)
{
	const struct post_office *o = ctx;

	for (unsigned i = 0; i < o->n_messengers; i++) {
		futex_post(&o->messengers[i].posted);
		wake_all(&o->messengers[i], false);
	}
}

static int wakeup_run(struct run *run)
{
	const uint64_t *value = run->asked->value;
	struct post_office o = { .operations = (unsigned)value[OPERATIONS],
				 .side = (unsigned)sqrt((double)value[FOOTPRINT] / (3 * sizeof(uint64_t))),
				 .sleep_ns = value[SLEEP],
				 .n_locks = value[LOCK] ? (unsigned)sysconf(_SC_NPROCESSORS_CONF) : 0 };
	struct crew crew = { .work = work, .release = release, .ctx = &o, .second = "request_latency" };
	int code = 70;

	o.n_messengers = value[MESSENGERS] ? (unsigned)value[MESSENGERS]
					   : (cpus_online() + CPUS_PER_MESSENGER - 1) / CPUS_PER_MESSENGER;
	o.n_workers = value[WORKERS] ? (unsigned)value[WORKERS] : (cpus_online() + o.n_messengers - 1) / o.n_messengers;
	o.interval_ns = value[RATE] ? 1000000000u / value[RATE] : 0;
	crew.n = o.n_messengers * (1 + o.n_workers);
	o.messengers = calloc(o.n_messengers, sizeof(*o.messengers));
	o.workers = calloc((size_t)o.n_messengers * o.n_workers, sizeof(*o.workers));
	o.lock = o.n_locks ? calloc(o.n_locks, sizeof(*o.lock)) : NULL;
	for (unsigned i = 0; o.lock && i < o.n_locks; i++)
		pthread_mutex_init(&o.lock[i], NULL);
	if (o.messengers && o.workers && (o.lock || !o.n_locks))
		code = crew_run(run, &crew);
	else
		fprintf(stderr, "ktstr-workload: wakeup: %s\n", strerror(ENOMEM));
	free(o.messengers);
	free(o.workers);
	free(o.lock);
	return code;
}

const struct workload wakeup_workload = { "wakeup", wakeup_run };
