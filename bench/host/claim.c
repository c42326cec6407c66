/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/host/claim_state.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/base/file.h"
#include "bench/base/say.h"
#include "bench/base/size.h"
#include "bench/host/facts.h"

#define HALT_POLL_NS 200000u
#define VCPU_PRIORITY 1
#define REACTOR_PRIORITY 2
#define TURN_PATIENCE_NS 10000000000ull /* to wait for ktstr-take.lock, which is held for milliseconds */
#define RETRY_NS 100000000		/* between attempts to get the locks */
#define WHY 512

/* --- locks -------------------------------------------------------------- */

static void mark_busy(struct machine_host *h, enum lock_kind kind, unsigned number)
{
	if (kind == LOCK_CPU) {
		bits_add(&h->busy.cpu, number);
		/* In shared modes a CPU may have several users. A holder of the whole LLC excludes them. */
		for (unsigned at = 0; !h->p.own_cpus && at < h->cpus.n; at++)
			if (h->cpus.cpu[at].cpu == number)
				bits_add(&h->busy.llc_exclusive, h->cpus.cpu[at].llc);
		return;
	}
	bits_add(&h->busy.llc, number);
	if (h->p.mode != MODE_PERFORMANCE)
		bits_add(&h->busy.llc_exclusive, number);
}

static void file_error(const char *name, int error)
{
	const char *remedy = error == -EMFILE || error == -ENFILE ? say_limit(-error)
			     : error == -ELOOP ? "remove the symbolic link, or set KTSTR_LOCK_DIR to another directory"
			     : error == -ENOSPC || error == -EDQUOT
				     ? "free space there, or set KTSTR_LOCK_DIR to another directory"
				     : "set KTSTR_LOCK_DIR to a directory that all users can write";

	say_error("%s/ktstr-%s: %s; %s, or use --bypass-llc-locks", locks_dir(), name, strerror(-error), remedy);
}

/* ktstr holds it for milliseconds: a process that keeps it is stopped, or is not ktstr. */
static void say_turn_late(void)
{
	pid_t taker = locks_taker();
	char who[32] = "another process";

	if (taker > 0)
		snprintf(who, sizeof(who), "pid %d", (int)taker);
	say_error("%s/ktstr-take.lock: %s has held it for %d s, in which no other machine can take its CPUs; end or "
		  "continue that process, or use --bypass-llc-locks",
		  locks_dir(), who, (int)(TURN_PATIENCE_NS / 1000000000u));
}

static int lock_each(struct machine_host *h, enum lock_kind kind, const struct bits *numbers, const char *about)
{
	bool exclusive = h->p.mode == MODE_PERFORMANCE;
	char name[32];

	for (unsigned i = 0; i < BITS_MAX; i++) {
		int rc = bits_has(numbers, i) ? lock_take(&h->locks, kind, i, exclusive, about) : 0;

		/* Our plan needs the CPU for itself, but another machine uses it. */
		if (!rc && bits_has(numbers, i) && kind == LOCK_CPU && h->p.own_cpus &&
		    !h->locks.lock[h->locks.n - 1].alone)
			rc = -EBUSY;
		if (rc == -EBUSY)
			mark_busy(h, kind, i);
		if (rc && rc != -EBUSY) {
			snprintf(name, sizeof(name), "%s-%u.lock", lock_kind_name(kind), i);
			file_error(name, rc);
		}
		if (rc)
			return rc;
	}
	return 0;
}

static int lock_all(struct machine_host *h)
{
	struct bits cpus = h->p.cpus;
	char about[64];
	int rc;

	if (h->o->bypass_locks)
		return 0;
	snprintf(about, sizeof(about), "mode=%s vcpus=%u", host_mode_name(h->p.mode), h->p.n_vcpus);
	if (h->p.mode == MODE_DEFAULT) {
		memset(&cpus, 0, sizeof(cpus));
		for (unsigned i = 0; i < h->p.n_vcpus; i++)
			bits_add(&cpus, h->p.vcpu[i]);
	}
	rc = lock_each(h, LOCK_LLC, &h->p.llcs, about);
	if (!rc)
		rc = lock_each(h, LOCK_CPU, &cpus, about);
	if (rc)
		locks_drop(&h->locks);
	return rc;
}

/* Plans and locks; where a lock is held, plans again without it, until all locks are held or no plan is left. */
static int plan_and_lock(struct machine_host *h, const struct placement_request *q, char why[WHY])
{
	int rc = h->o->bypass_locks ? 0 : locks_begin(&h->locks, TURN_PATIENCE_NS);

	memset(&h->busy, 0, sizeof(h->busy));
	if (rc == -EBUSY) {
		say_turn_late();
		return -ETIMEDOUT;
	}
	if (rc) {
		file_error("take.lock", rc);
		return rc;
	}
	do {
		rc = placement_plan(&h->cpus, q, &h->busy, &h->p, why, WHY);
		if (rc)
			break;
		rc = lock_all(h);
	} while (rc == -EBUSY);
	locks_end(&h->locks);
	return rc;
}

/* Names the holder of the first busy LLC. */
static void say_busy(const struct machine_host *h, const char *why)
{
	char holder[256] = "";

	for (unsigned i = 0; i < h->cpus.n_llcs && !*holder; i++)
		if (bits_has(&h->busy.llc, i) || bits_has(&h->busy.llc_exclusive, i))
			lock_holder_text(LOCK_LLC, i, holder, sizeof(holder));
	say_error("skipped: %s%s%s; wait with --wait 10m, or see ktstr locks", why, *holder ? ": " : "", holder);
}

struct placement_request placement_request_of(const struct host_options *o, const struct topology *t,
					      unsigned llcs[BITS_MAX])
{
	struct topology_cpu cpu;

	for (unsigned i = 0; i < t->n_cpus; i++) {
		topology_cpu(t, i, &cpu);
		llcs[i] = cpu.llc;
	}
	return (struct placement_request){ .mode = o->mode,
					   .vcpus = t->n_cpus,
					   .guest_llc = llcs,
					   .threads = t->threads,
					   .cap = o->cap,
					   .turn = (unsigned)getpid() };
}

static int take_locks(struct machine_host *h, const struct topology *t)
{
	const struct timespec pause = { .tv_nsec = RETRY_NS };
	unsigned llcs[BITS_MAX];
	const struct placement_request q = placement_request_of(h->o, t, llcs);
	uint64_t from = monotonic_ns();
	char why[WHY] = "";
	int rc;

	while ((rc = plan_and_lock(h, &q, why)) == -EBUSY && monotonic_ns() - from < h->o->wait_ns)
		nanosleep(&pause, NULL);
	h->waited_ns = monotonic_ns() - from;
	if (!rc)
		return 0;
	if (rc == -EBUSY)
		say_busy(h, why);
	else if (*why)
		say_error("%s%s", h->o->mode == MODE_PERFORMANCE ? "skipped: " : "", why);
	return rc == -EBUSY || h->o->mode == MODE_PERFORMANCE ? EXIT_SKIPPED : EXIT_UNAVAILABLE;
}

/* --- this thread -------------------------------------------------------- */

static int raise_priority(struct machine_host *h)
{
	const struct sched_param param = { .sched_priority = REACTOR_PRIORITY };

	h->old_policy = sched_getscheduler(0);
	if (h->old_policy < 0 || sched_getparam(0, &h->old_param) || sched_setscheduler(0, SCHED_FIFO, &param))
		return -errno;
	h->raised = true;
	return 0;
}

static void lower_priority(struct machine_host *h)
{
	if (h->raised)
		sched_setscheduler(0, h->old_policy, &h->old_param);
	h->raised = false;
}

/* Checks early that the priority can be raised later. */
static int check_priority(struct machine_host *h)
{
	int rc = raise_priority(h);

	lower_priority(h);
	if (!rc)
		return 0;
	say_error("skipped: performance mode: SCHED_FIFO: %s; raise the limit (ulimit -r %d), or use --mode default",
		  strerror(-rc), REACTOR_PRIORITY);
	return EXIT_SKIPPED;
}

int machine_host_take(struct machine_host **out, const struct host_options *o, const struct topology *t)
{
	struct machine_host *h = calloc(1, sizeof(*h));
	int rc;

	if (!h) {
		say_error("out of memory");
		return EXIT_INTERNAL;
	}
	assert(t->n_cpus);
	h->o = o;
	rc = host_cpus_read(&h->cpus, "/sys", NULL);
	if (rc) {
		say_error("/sys/devices/system/cpu: lists no CPUs: %s; mount /sys", strerror(-rc));
		rc = EXIT_UNAVAILABLE;
	}
	if (!rc && o->mode == MODE_PERFORMANCE)
		rc = check_priority(h);
	if (!rc)
		rc = take_locks(h, t);
	if (rc) {
		machine_host_free(h);
		return rc;
	}
	for (unsigned i = 0; i < t->n_cpus; i++)
		h->vcpu_cpu[i] = (int)h->p.vcpu[i];
	*out = h;
	return 0;
}

static const struct host_cpu *cpu_of(const struct machine_host *h, unsigned number)
{
	for (unsigned at = 0; at < h->cpus.n; at++)
		if (h->cpus.cpu[at].cpu == number)
			return &h->cpus.cpu[at];
	return &h->cpus.cpu[0];
}

void machine_host_memory(const struct machine_host *h, const struct topology *t, struct vm_backing *b)
{
	struct topology_cpu guest;

	if (h->p.mode != MODE_PERFORMANCE)
		return;
	b->prefault = true;
	if (b->bind != VM_BIND_NONE || h->cpus.n_nodes < 2)
		return;
	/* A node without CPUs goes where the first vCPU is. */
	b->bind = VM_BIND_STRICT;
	b->n_host_nodes = t->n_nodes;
	for (unsigned n = 0; n < t->n_nodes; n++)
		b->host_node[n] = (uint16_t)cpu_of(h, h->p.vcpu[0])->node;
	for (unsigned i = 0; i < t->n_cpus; i++) {
		topology_cpu(t, i, &guest);
		if (guest.package_first == i)
			b->host_node[guest.package] = (uint16_t)cpu_of(h, h->p.vcpu[i])->node;
	}
}

void machine_host_vm(const struct machine_host *h, struct vm_host *out)
{
	memset(out, 0, sizeof(*out));
	if (h->p.mode == MODE_PERFORMANCE) {
		out->vcpu_cpu = h->vcpu_cpu;
		out->fifo_priority = VCPU_PRIORITY;
		out->keep_exits = out->realtime = true;
	}
	out->set_halt_poll = h->o->halt_poll_given || h->p.mode != MODE_PERFORMANCE;
	out->halt_poll_ns = h->o->halt_poll_given ? h->o->halt_poll_ns : h->p.spare ? HALT_POLL_NS : 0;
}

bool machine_host_spare(const struct machine_host *h)
{
	return h->p.spare;
}

int machine_host_apply(struct machine_host *h, struct reactor *r)
{
	struct bits cpus = h->p.cpus, workers = placement_worker_cpus(&h->p);
	int rc = 0;

	if (h->p.service >= 0) {
		memset(&cpus, 0, sizeof(cpus));
		bits_add(&cpus, (unsigned)h->p.service);
	}
	if (h->p.confined || h->p.service >= 0) {
		rc = affinity_get(&h->old_cpus);
		if (!rc)
			rc = affinity_set(&cpus);
		h->moved = !rc;
	}
	/* The ring's workers inherit the cpuset, not this thread's affinity. */
	if (!rc && (h->moved || !bits_equal(&workers, &h->p.cpus)))
		h->workers_moved = !reactor_worker_cpus(r, &workers, sizeof(workers));
	if (!rc && h->p.mode == MODE_PERFORMANCE)
		rc = raise_priority(h);
	if (rc)
		say_error("mode %s: CPUs and priority: %s; use --mode default", host_mode_name(h->p.mode),
			  strerror(-rc));
	return rc ? EXIT_UNAVAILABLE : 0;
}

void machine_host_free(struct machine_host *h)
{
	if (!h)
		return;
	lower_priority(h);
	if (h->moved)
		affinity_set(&h->old_cpus);
	locks_drop(&h->locks);
	host_cpus_free(&h->cpus);
	free(h);
}
