/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/host/placement.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHARED_PERCENT 30

/* A plan being made. @at is always an index into host->cpu. */
struct plan {
	const struct host_cpus *host;
	const struct placement_request *q;
	const struct placement_busy *busy;
	struct placement *p;
	struct bits taken; /* CPUs given to a vCPU, or to the reactor */
	unsigned n;
};

const char *host_mode_name(enum host_mode mode)
{
	return host_mode_names[mode];
}

/* --- free CPUs ------------------------------------------------------ */

static bool usable_llc(const struct plan *w, unsigned llc)
{
	return !bits_has(w->q->mode == MODE_PERFORMANCE ? &w->busy->llc : &w->busy->llc_exclusive, llc);
}

static bool is_free(const struct plan *w, unsigned at)
{
	const struct host_cpu *c = &w->host->cpu[at];

	if (!c->allowed || bits_has(&w->taken, c->cpu) || !usable_llc(w, c->llc))
		return false;
	return w->q->mode == MODE_SHARED || !bits_has(&w->busy->cpu, c->cpu);
}

static unsigned free_in_llc(const struct plan *w, unsigned llc)
{
	unsigned n = 0;

	for (unsigned at = 0; at < w->host->n; at++)
		n += w->host->cpu[at].llc == llc && is_free(w, at);
	return n;
}

static unsigned node_of(const struct plan *w, unsigned llc)
{
	for (unsigned at = 0; at < w->host->n; at++)
		if (w->host->cpu[at].llc == llc)
			return w->host->cpu[at].node;
	return 0;
}

static unsigned free_in_node(const struct plan *w, unsigned node)
{
	unsigned n = 0;

	for (unsigned at = 0; at < w->host->n; at++)
		n += w->host->cpu[at].node == node && is_free(w, at);
	return n;
}

/* --- which LLC next ----------------------------------------------------- */

/* Best fit: of two that suffice, the one with fewer free CPUs, to keep whole LLCs for those who need them. */
static bool better(unsigned n, unsigned best, unsigned need)
{
	if (!best)
		return true;
	return n >= need ? best < need || n < best : n > best;
}

/* The LLC from which to take @need more CPUs, in @node or in any (-1). -1: none has a free CPU. */
static int best_llc(const struct plan *w, unsigned need, int node)
{
	unsigned best = 0;
	int found = -1;

	for (unsigned i = 0; i < w->host->n_llcs; i++) {
		unsigned llc = (i + w->q->turn) % w->host->n_llcs, n = free_in_llc(w, llc);

		if (!n || (node >= 0 && node_of(w, llc) != (unsigned)node) || !better(n, best, need))
			continue;
		best = n;
		found = (int)llc;
	}
	return found;
}

/* The best fitting node with @need free CPUs, or -1. */
static int best_node(const struct plan *w, unsigned need)
{
	unsigned best = 0;
	int found = -1;

	for (unsigned at = 0; at < w->host->n; at++) {
		unsigned node = w->host->cpu[at].node, n = free_in_node(w, node);

		if (n < need || (found >= 0 && n >= best))
			continue;
		best = n;
		found = (int)node;
	}
	return found;
}

/* --- which CPU of it ---------------------------------------------------- */

/*
 * Whether CPU @a comes before @b. If the guest's cores have several threads, threads of a host core are neighbours;
 * else each vCPU gets a core of its own before any core's second thread is used.
 */
static bool before(const struct plan *w, unsigned a, unsigned b)
{
	const struct host_cpu *x = &w->host->cpu[a], *y = &w->host->cpu[b];
	bool by_core = w->q->threads > 1 || w->q->mode == MODE_SHARED;

	if (!by_core && x->thread != y->thread)
		return x->thread < y->thread;
	if (x->core != y->core)
		return x->core < y->core;
	return x->thread < y->thread;
}

static int next_cpu(const struct plan *w, unsigned llc)
{
	int best = -1;

	for (unsigned at = 0; at < w->host->n; at++)
		if (w->host->cpu[at].llc == llc && is_free(w, at) && (best < 0 || before(w, at, (unsigned)best)))
			best = (int)at;
	return best;
}

static void take_cpu(struct plan *w, unsigned at)
{
	const struct host_cpu *c = &w->host->cpu[at];

	bits_add(&w->taken, c->cpu);
	bits_add(&w->p->llcs, c->llc);
	w->p->vcpu[w->n++] = c->cpu;
}

/* Takes @n CPUs from one LLC after the other. False: too few are free. */
static bool take_near(struct plan *w, unsigned n, unsigned extra)
{
	int node = best_node(w, n + extra), llc = -1, at;

	while (n) {
		if (llc < 0)
			llc = best_llc(w, n + extra, node);
		if (llc < 0)
			return false;
		at = next_cpu(w, (unsigned)llc);
		if (at < 0) {
			llc = -1;
			continue;
		}
		take_cpu(w, (unsigned)at);
		n--;
	}
	return true;
}

/* Takes one host LLC for each guest LLC. False, and nothing taken: not enough of them suffice. */
static bool take_by_llc(struct plan *w)
{
	struct placement saved = *w->p;
	struct bits used = { { 0 } };

	for (unsigned i = 0, n; i < w->q->vcpus; i += n) {
		unsigned best = 0;
		int found = -1, at;

		for (n = 1; i + n < w->q->vcpus && w->q->guest_llc[i + n] == w->q->guest_llc[i];)
			n++;
		for (unsigned llc = 0; llc < w->host->n_llcs; llc++) {
			unsigned have = bits_has(&used, llc) ? 0 : free_in_llc(w, llc);

			if (have >= n && (found < 0 || have < best)) {
				best = have;
				found = (int)llc;
			}
		}
		if (found < 0) {
			*w->p = saved;
			memset(&w->taken, 0, sizeof(w->taken));
			w->n = 0;
			return false;
		}
		bits_add(&used, (unsigned)found);
		for (unsigned k = 0; k < n && (at = next_cpu(w, (unsigned)found)) >= 0; k++)
			take_cpu(w, (unsigned)at);
	}
	return true;
}

/* The CPU for the reactor: preferably in the same LLCs, then on a core that no vCPU uses. -1: none. */
static int service_cpu(const struct plan *w)
{
	int best = -1, best_score = -1;

	for (unsigned at = 0; at < w->host->n; at++) {
		const struct host_cpu *c = &w->host->cpu[at];
		bool core_is_taken = false;
		int score;

		if (!is_free(w, at))
			continue;
		for (unsigned i = 0; i < w->host->n; i++)
			core_is_taken |= w->host->cpu[i].core == c->core && bits_has(&w->taken, w->host->cpu[i].cpu);
		score = 2 * bits_has(&w->p->llcs, c->llc) + !core_is_taken;
		if (score > best_score) {
			best_score = score;
			best = (int)at;
		}
	}
	return best;
}

/* --- the modes ---------------------------------------------------------- */

static void allow_llcs(struct plan *w)
{
	for (unsigned at = 0; at < w->host->n; at++)
		if (w->host->cpu[at].allowed && bits_has(&w->p->llcs, w->host->cpu[at].llc))
			bits_add(&w->p->cpus, w->host->cpu[at].cpu);
}

static bool one_each(struct plan *w, unsigned extra)
{
	const struct placement_request *q = w->q;

	if (q->guest_llc && q->vcpus && q->guest_llc[q->vcpus - 1] && take_by_llc(w))
		return true;
	return take_near(w, q->vcpus, extra);
}

static int plan_performance(struct plan *w, char *why, size_t size)
{
	unsigned need = w->q->vcpus + 1;
	int service;

	if (w->host->n_allowed < need) {
		snprintf(why, size,
			 "performance mode: %u vCPUs and the reactor need %u CPUs, and this process may use %u; lower "
			 "--cpus, or use --mode default",
			 w->q->vcpus, need, w->host->n_allowed);
		return -ENODEV;
	}
	service = one_each(w, 1) ? service_cpu(w) : -1;
	if (service < 0) {
		snprintf(why, size, "performance mode: fewer than %u CPUs are in LLCs that no other machine uses",
			 need);
		return -EBUSY;
	}
	w->p->service = (int)w->host->cpu[service].cpu;
	bits_add(&w->p->llcs, w->host->cpu[service].llc);
	for (unsigned i = 0; i < w->n; i++)
		bits_add(&w->p->cpus, w->p->vcpu[i]);
	bits_add(&w->p->cpus, (unsigned)w->p->service);
	w->p->own_cpus = w->p->spare = true;
	return 0;
}

/* Spreads the vCPUs over all usable CPUs in turn; their threads may move to any of them. */
static int overcommit(struct plan *w, char *why, size_t size)
{
	const struct host_cpus *h = w->host;
	unsigned n = 0;

	memset(&w->p->llcs, 0, sizeof(w->p->llcs));
	w->n = 0;
	for (unsigned at = 0; at < h->n; at++)
		n += h->cpu[at].allowed && usable_llc(w, h->cpu[at].llc);
	if (!n) {
		snprintf(why, size, "every LLC that this process may use is held by a machine in performance mode");
		return -EBUSY;
	}
	for (unsigned i = w->q->turn % n, at = 0; w->n < w->q->vcpus; at = (at + 1) % h->n) {
		if (!h->cpu[at].allowed || !usable_llc(w, h->cpu[at].llc))
			continue;
		if (i) {
			i--;
			continue;
		}
		take_cpu(w, at);
	}
	for (unsigned at = 0; at < h->n; at++)
		if (h->cpu[at].allowed && usable_llc(w, h->cpu[at].llc))
			bits_add(&w->p->llcs, h->cpu[at].llc);
	return 0;
}

static int plan_default(struct plan *w, char *why, size_t size)
{
	int rc = 0;

	w->p->own_cpus = one_each(w, 0);
	for (unsigned at = 0; w->p->own_cpus && at < w->host->n; at++)
		w->p->spare |= bits_has(&w->p->llcs, w->host->cpu[at].llc) && is_free(w, at);
	if (!w->p->own_cpus) {
		memset(&w->taken, 0, sizeof(w->taken));
		rc = overcommit(w, why, size);
	}
	allow_llcs(w);
	return rc;
}

unsigned placement_shared_cpus(unsigned cap, unsigned allowed)
{
	unsigned share = cap ? cap : allowed * SHARED_PERCENT / 100;

	return share ? share : 1;
}

static int plan_shared(struct plan *w, char *why, size_t size)
{
	unsigned cap = placement_shared_cpus(w->q->cap, w->host->n_allowed);

	if (w->host->n_allowed < cap) {
		snprintf(why, size, "--cpu-cap %u: this process may use %u CPUs; use at most as many", cap,
			 w->host->n_allowed);
		return -ENODEV;
	}
	if (!take_near(w, cap, 0)) {
		snprintf(why, size,
			 "mode shared: fewer than %u CPUs are in LLCs that no machine in performance mode holds", cap);
		return -EBUSY;
	}
	w->p->cpus = w->taken;
	for (unsigned i = cap; i < w->q->vcpus; i++)
		w->p->vcpu[i] = w->p->vcpu[i % cap];
	return 0;
}

struct bits placement_worker_cpus(const struct placement *p)
{
	struct bits vcpus = { 0 }, left = { 0 };

	if (p->service >= 0) {
		bits_add(&left, (unsigned)p->service);
		return left;
	}
	if (p->mode == MODE_DEFAULT && !p->spare)
		return p->cpus;
	for (unsigned i = 0; i < p->n_vcpus; i++)
		bits_add(&vcpus, p->vcpu[i]);
	for (unsigned cpu = 0; cpu < BITS_MAX; cpu++)
		if (bits_has(&p->cpus, cpu) && !bits_has(&vcpus, cpu))
			bits_add(&left, cpu);
	return bits_count(&left) ? left : p->cpus;
}

int placement_plan(const struct host_cpus *h, const struct placement_request *q, const struct placement_busy *busy,
		   struct placement *p, char *why, size_t size)
{
	struct plan w = { .host = h, .q = q, .busy = busy, .p = p };
	int rc;

	memset(p, 0, sizeof(*p));
	p->mode = q->mode;
	p->n_vcpus = q->vcpus;
	p->service = -1;
	why[0] = '\0';
	if (q->mode == MODE_PERFORMANCE)
		rc = plan_performance(&w, why, size);
	else
		rc = q->mode == MODE_SHARED ? plan_shared(&w, why, size) : plan_default(&w, why, size);
	p->confined = !rc && !bits_equal(&p->cpus, &h->allowed);
	return rc;
}
