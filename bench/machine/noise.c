/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's noise in the windows of what is measured in the guest: whom to read, and what was asked of the host. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/host/claim.h"
#include "bench/host/facts.h"
#include "bench/machine/state.h"

static bool subject_of(const struct machine *m, struct noise_subject *s, int **tids)
{
	unsigned n = vm_cpus(m->vm);

	*tids = calloc(n + 1, sizeof(**tids));
	if (!*tids)
		return false;
	for (unsigned i = 0; i < n; i++)
		(*tids)[i] = vm_cpu_thread(m->vm, i);
	*s = (struct noise_subject){
		.root = "", .vm = m->vm, .vcpu_tid = *tids, .n_vcpus = n, .reactor_tid = gettid()
	};
	machine_host_cpus(m->job.host, &s->cpus);
	host_siblings("", &s->cpus, &s->siblings);
	return true;
}

void machine_noise_begin(struct machine *m)
{
	struct noise_subject s;
	int *tids;

	if (m->noise && subject_of(m, &s, &tids))
		noise_begin(m->noise, &s);
	if (m->noise)
		free(tids);
}

/* --- what was asked of the host ----------------------------------------- */

static void affinity_of(int tid, struct bits *cpus)
{
	memset(cpus, 0, sizeof(*cpus));
	/* Of a thread that has ended it stays empty. */
	(void)sched_getaffinity(tid, sizeof(*cpus), (cpu_set_t *)cpus);
}

static bool is_apart(int tid, const struct bits *cpus)
{
	struct bits own;

	affinity_of(tid, &own);
	for (unsigned i = 0; i < sizeof(own.word) / sizeof(*own.word); i++)
		if (own.word[i] & cpus->word[i])
			return false;
	return true;
}

/* While the threads are there. */
static void check_wishes(struct machine *m, const struct noise_subject *s)
{
	struct host_thread worker[NOISE_WORKERS_MAX];
	struct noise_thread_got got;
	struct vm_host_facts facts;
	struct vm_host asked;
	unsigned workers;

	machine_host_vm(m->job.host, &asked);
	vm_host_facts(m->vm, &facts);
	noise_check_vm(m->noise, &asked, &facts);
	for (unsigned i = 0; i < s->n_vcpus; i++) {
		if (s->vcpu_tid[i] < 0)
			continue;
		got.policy = sched_getscheduler(s->vcpu_tid[i]);
		affinity_of(s->vcpu_tid[i], &got.cpus);
		noise_check_thread(m->noise, i, &asked, &got);
	}
	if (!machine_host_pinned(m->job.host))
		return;
	noise_wish(m->noise, WISH_REACTOR_APART, is_apart(s->reactor_tid, &s->cpus));
	workers = host_workers_read("", worker, NOISE_WORKERS_MAX);
	for (unsigned i = 0; i < workers; i++)
		noise_wish(m->noise, WISH_REACTOR_APART, is_apart(worker[i].tid, &s->cpus));
}

/* By what KVM has mapped: reserved pages are there or the machine did not start, transparent ones come or do not. */
static void check_huge_pages(struct machine *m)
{
	const struct noise_window *w = &m->noise->window[m->noise->n_windows - 1];
	int64_t large = noise_kvm(w, "pages_2m"), huge = noise_kvm(w, "pages_1g");

	if (m->o->shape.backing.pages != VM_PAGES_AUTO && m->o->shape.backing.pages != VM_PAGES_SMALL && large >= 0)
		noise_wish(m->noise, WISH_HUGE_PAGES, large > 0 || huge > 0);
}

void machine_noise_end(struct machine *m, const char *workload, unsigned index)
{
	struct noise_subject s;
	int *tids;

	if (!m->noise || !subject_of(m, &s, &tids))
		return;
	noise_end(m->noise, &s, workload, index);
	check_wishes(m, &s);
	free(tids);
	if (m->noise->n_windows)
		check_huge_pages(m);
}

/* A command that marks no window of its own is measured as a whole. */
void machine_noise_command_end(struct machine *m)
{
	if (m->noise && !m->noise->n_windows)
		machine_noise_end(m, "command", 0);
}

struct noise *machine_noise_take(struct machine *m)
{
	struct noise *n = m->noise;

	m->noise = NULL;
	if (!n)
		return NULL;
	n->nested = host_is_nested();
	n->shared_cpus = machine_host_shared(m->job.host);
	noise_finish(n);
	return n;
}
