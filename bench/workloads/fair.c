/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fair: busy threads that look at the clock all the time. Where two looks are far apart the thread did not run in
 * between: that gap is a sample. The CPU time of each in the window is set against what its weight entitles it to: by
 * its nice value, the idle policy, or the cpu.weight of a cgroup of its own.
 */
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/workloads/cgroup.h"
#include "bench/workloads/crew.h"
#include "bench/workloads/shares.h"

enum { THREADS, NICE, IDLE, WEIGHTS };

/* Shorter ones are interrupts, or the host's. */
#define GAP_NS 100000u
#define WEIGHT_IDLE (3.0 / 1024) /* the kernel's WEIGHT_IDLEPRIO over that of nice 0 */
#define EXIT_INTERNAL 70
#define EXIT_UNAVAILABLE 69

struct field {
	unsigned n;
	struct cgroup *group; /* of each thread; NULL: none */
	unsigned n_groups;
};

static bool is_idle(const struct hand *h)
{
	const struct field *f = h->ctx;

	return h->index + h->run->asked->value[IDLE] >= f->n;
}

/* Of each level the kernel's weights (sched_prio_to_weight) are 1024 over 1.25 to the power of the nice value. */
static double weight_of(const struct hand *h)
{
	const struct workload_asked *a = h->run->asked;

	if (a->value[WEIGHTS])
		return (double)a->list[h->index % a->value[WEIGHTS]];
	if (is_idle(h))
		return WEIGHT_IDLE;
	return h->index % 2 ? pow(1.25, -(double)a->value[NICE]) : 1;
}

static void take_place(struct hand *h)
{
	const struct field *f = h->ctx;
	const struct sched_param none = { 0 };
	char tid[16], why[1024];

	if (h->index % 2 && setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), (int)h->run->asked->value[NICE]))
		run_fail(h->run, errno);
	if (is_idle(h) && sched_setscheduler(0, SCHED_IDLE, &none))
		run_fail(h->run, errno);
	snprintf(tid, sizeof(tid), "%d", (int)syscall(SYS_gettid));
	if (f->group && !cgroup_write(&f->group[h->index], "cgroup.threads", tid, why, sizeof(why))) {
		fprintf(stderr, "ktstr-workload: fair: %s\n", why);
		run_fail(h->run, EIO);
	}
}

/* The part of a gap that is in the window so far. */
static void note_gap(struct hand *h, uint64_t from, uint64_t to)
{
	uint64_t begin = h->run->window.begin_ns, end = h->run->window.end_ns;

	from = from < begin ? begin : from;
	to = end && to > end ? end : to;
	if (begin && to > from && to - from > h->longest_gap_ns)
		h->longest_gap_ns = to - from;
}

static void work(struct hand *h)
{
	uint64_t last;

	take_place(h);
	last = now_ns();
	while (!hand_stops(h)) {
		uint64_t now = now_ns();

		hand_turn(h);
		if (now - last >= GAP_NS) {
			hand_sample(h, now - last);
			note_gap(h, last, now);
		}
		last = now;
	}
	/* One that got no time before the end. */
	note_gap(h, last, now_ns());
}

static void sum(struct run *run, struct hand *hands, unsigned n)
{
	double *weight = calloc(3 * n, sizeof(*weight)), *got = weight + n, *ideal = got + n, total = 0;
	uint64_t gap = 0;
	struct shares s;

	for (unsigned i = 0; weight && i < n; i++) {
		weight[i] = weight_of(&hands[i]);
		got[i] = (double)hands[i].in_window.run_ns;
		total += got[i];
		gap = hands[i].longest_gap_ns > gap ? hands[i].longest_gap_ns : gap;
	}
	if (!weight) {
		run_fail(run, ENOMEM);
		return;
	}
	shares_ideal(weight, n, total, (double)(run->window.end_ns - run->window.begin_ns), ideal);
	s = shares_of(got, ideal, n);
	run_figure(run, "jain_index", "", true, s.jain);
	run_figure(run, "least_share", "", true, s.least);
	run_figure(run, "share_error_max", "", false, s.error_max);
	run_figure(run, "starved", "", false, s.starved);
	run_figure(run, "not_starved", "", true, s.starved == 0);
	run_figure(run, "max_gap_ns", "ns", false, (double)gap);
	run_figure(run, "max_gap_ms", "ms", false, (double)gap / 1e6);
	free(weight);
}

/* A group for each thread, below our own. */
static bool make_groups(struct field *f, const struct workload_asked *a, char *why, size_t size)
{
	struct cgroup own;
	char text[32];

	if (!cgroup_own(&own, why, size))
		return false;
	f->group = calloc(f->n, sizeof(*f->group));
	for (; f->group && f->n_groups < f->n; f->n_groups++) {
		snprintf(text, sizeof(text), "fair-%u", f->n_groups);
		if (!cgroup_make(&f->group[f->n_groups], &own, text, true, why, size))
			return false;
	}
	if (!f->group || !cgroup_enable(&own, "cpu", why, size))
		return false;
	for (unsigned i = 0; i < f->n; i++) {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)a->list[i % a->value[WEIGHTS]]);
		if (!cgroup_write(&f->group[i], "cpu.weight", text, why, size))
			return false;
	}
	return true;
}

static int fair_run(struct run *run)
{
	unsigned asked = (unsigned)run->asked->value[THREADS];
	struct field f = { .n = asked ? asked : 2 * cpus_online() };
	struct crew crew = { .n = f.n, .work = work, .sum = sum, .ctx = &f };
	char why[1024] = "out of memory";
	int code = EXIT_UNAVAILABLE;

	if (!run->asked->value[WEIGHTS] || make_groups(&f, run->asked, why, sizeof(why)))
		code = crew_run(run, &crew);
	else
		fprintf(stderr, "ktstr-workload: fair: weights: %s\n", why);
	for (unsigned i = 0; i < f.n_groups; i++)
		cgroup_remove(&f.group[i]);
	free(f.group);
	return code;
}

const struct workload fair_workload = { "fair", fair_run };
