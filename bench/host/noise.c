/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/host/noise.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/host/locks.h"
#include "reactor/reactor.h"

#define DELAY_MIN_NS 1000000
#define DELAY_MIN_PART 1000 /* of the window */

/* --- reading ------------------------------------------------------------ */

static void mark_read(struct noise_mark *m, const struct noise_subject *s)
{
	int64_t from = (int64_t)monotonic_ns();

	memset(m, 0, sizeof(*m));
	m->vcpu = calloc(s->n_vcpus + 1, sizeof(*m->vcpu));
	m->n_vcpus = m->vcpu ? s->n_vcpus : 0;
	host_counters_read(&m->host, s->root, &s->cpus, &s->siblings);
	for (unsigned i = 0; i < m->n_vcpus; i++)
		host_thread_read(&m->vcpu[i], s->root, s->vcpu_tid[i]);
	host_thread_read(&m->reactor, s->root, s->reactor_tid);
	m->n_workers = host_workers_read(s->root, m->worker, NOISE_WORKERS_MAX);
	m->kvm_error = s->vm ? vm_statistics_read(s->vm, &m->kvm) : -ENOENT;
	m->cost_ns = (int64_t)monotonic_ns() - from;
}

static void mark_free(struct noise_mark *m)
{
	free(m->vcpu);
	vm_statistics_free(&m->kvm);
	memset(m, 0, sizeof(*m));
}

static const struct host_thread *find_worker(const struct noise_mark *m, int tid)
{
	for (unsigned i = 0; i < m->n_workers; i++)
		if (m->worker[i].tid == tid)
			return &m->worker[i];
	return NULL;
}

/* A worker goes after some seconds without work: the last that it did in the window may be missing. */
static int64_t workers_between(const struct noise_mark *begin, const struct noise_mark *end)
{
	int64_t ns = 0;

	for (unsigned i = 0; i < end->n_workers; i++) {
		const struct host_thread *before = find_worker(begin, end->worker[i].tid);

		ns += end->worker[i].on_cpu_ns - (before ? before->on_cpu_ns : 0);
	}
	return ns;
}

/* What counts is counted from the begin on; what is, is as it was at the end. */
static void statistics_between(const struct vm_statistics *begin, struct vm_statistics *end)
{
	for (unsigned i = 0; i < end->n && begin->n_values == end->n_values; i++) {
		const struct vm_statistic *t = &end->statistic[i];
		bool counts = t->type != VM_STATISTIC_INSTANT && t->type != VM_STATISTIC_PEAK;

		for (unsigned k = 0; k < t->size && counts; k++)
			end->value[t->at + k] -= begin->value[t->at + k];
	}
}

/* Takes over what @end holds. */
static void window_make(struct noise_window *w, const struct noise_mark *begin, struct noise_mark *end)
{
	host_counters_between(&begin->host, &end->host, &w->host);
	w->vcpu = end->vcpu;
	w->n_vcpus = begin->n_vcpus < end->n_vcpus ? begin->n_vcpus : end->n_vcpus;
	for (unsigned i = 0; i < w->n_vcpus; i++) {
		struct host_thread last = end->vcpu[i];

		host_thread_between(&begin->vcpu[i], &last, &w->vcpu[i]);
		/* A kernel that does not count migrations still shows one that did not come back. */
		if (w->vcpu[i].migrations == HOST_UNKNOWN && begin->vcpu[i].last_cpu != last.last_cpu)
			w->vcpu[i].migrations = 1;
	}
	host_thread_between(&begin->reactor, &end->reactor, &w->reactor);
	w->workers_begin = begin->n_workers;
	w->workers_end = end->n_workers;
	w->workers_on_cpu_ns = workers_between(begin, end);
	w->kvm_error = begin->kvm_error ? begin->kvm_error : end->kvm_error;
	w->kvm = end->kvm;
	statistics_between(&begin->kvm, &w->kvm);
	w->cost_ns = begin->cost_ns + end->cost_ns;
}

void noise_begin(struct noise *n, const struct noise_subject *s)
{
	if (n->marks >= 2 * NOISE_WINDOWS_MAX)
		return;
	n->marks++;
	if (n->open)
		mark_free(&n->mark);
	if (!n->n_windows && !n->open) {
		host_settings_read(&n->settings_begin, s->root, &s->cpus);
		n->others_begin = noise_other_machines();
	}
	mark_read(&n->mark, s);
	n->open = true;
}

void noise_end(struct noise *n, const struct noise_subject *s, const char *workload, unsigned index)
{
	struct noise_window *w = &n->window[n->n_windows];
	struct noise_mark end;

	if (!n->open || n->n_windows == NOISE_WINDOWS_MAX)
		return;
	mark_read(&end, s);
	snprintf(w->workload, sizeof(w->workload), "%s", workload);
	w->index = index;
	window_make(w, &n->mark, &end);
	n->n_windows++;
	mark_free(&n->mark);
	n->open = false;
	host_settings_read(&n->settings_end, s->root, &s->cpus);
	n->others_end = noise_other_machines();
}

void noise_free(struct noise *n)
{
	mark_free(&n->mark);
	for (unsigned i = 0; i < n->n_windows; i++) {
		free(n->window[i].vcpu);
		vm_statistics_free(&n->window[i].kvm);
	}
	memset(n, 0, sizeof(*n));
}

int noise_other_machines(void)
{
	struct lock_holder *list = NULL;
	int n = locks_read(&list), others = 0;

	for (int i = 0; i < n; i++) {
		bool seen = list[i].pid == getpid();

		for (int k = 0; k < i && !seen; k++)
			seen = list[k].pid == list[i].pid;
		others += !seen;
	}
	free(list);
	return n < 0 ? n : others;
}

/* --- figures ------------------------------------------------------------ */

double noise_dilation(const struct host_thread *t)
{
	if (t->on_cpu_ns < 0 || t->delay_ns < 0)
		return NAN;
	if (!t->delay_ns)
		return 1;
	return t->on_cpu_ns ? 1 + (double)t->delay_ns / (double)t->on_cpu_ns : INFINITY;
}

double noise_waited(const struct host_thread *t)
{
	double d = noise_dilation(t);

	return isinf(d) ? 1 : 1 - 1 / d;
}

int noise_above(const struct noise_window *w, double limit)
{
	int64_t least = w->host.wall_ns / DELAY_MIN_PART;
	int worst = -1;

	if (least < DELAY_MIN_NS)
		least = DELAY_MIN_NS;
	for (unsigned i = 0; i < w->n_vcpus; i++) {
		if (w->vcpu[i].delay_ns < least || !(noise_dilation(&w->vcpu[i]) > limit))
			continue;
		if (worst < 0 || noise_waited(&w->vcpu[i]) > noise_waited(&w->vcpu[worst]))
			worst = (int)i;
	}
	return worst;
}

double noise_mean_dilation(const struct noise_window *w)
{
	struct host_thread sum = { 0 };

	for (unsigned i = 0; i < w->n_vcpus; i++) {
		if (isnan(noise_dilation(&w->vcpu[i])))
			return NAN;
		sum.on_cpu_ns += w->vcpu[i].on_cpu_ns;
		sum.delay_ns += w->vcpu[i].delay_ns;
	}
	return noise_dilation(&sum);
}

int64_t noise_kvm(const struct noise_window *w, const char *name)
{
	for (unsigned i = 0; i < w->kvm.n && !w->kvm_error; i++)
		if (!strcmp(w->kvm.statistic[i].name, name))
			return (int64_t)w->kvm.value[w->kvm.statistic[i].at];
	return -1;
}
