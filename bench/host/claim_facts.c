/* SPDX-License-Identifier: GPL-2.0-only */
/* What was claimed, and what came of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/base/file.h"
#include "bench/host/claim_state.h"
#include "bench/host/facts.h"

static json_t *list_of(const struct bits *b)
{
	char text[256];

	return json_string(bits_format(b, text, sizeof(text)));
}

static json_t *placement_facts(const struct host_options *o, const struct host_cpus *cpus, const struct placement *p)
{
	json_t *vcpus = json_array(), *facts;

	for (unsigned i = 0; i < p->n_vcpus && p->mode == MODE_PERFORMANCE; i++)
		json_array_append_new(vcpus, json_integer(p->vcpu[i]));
	facts = json_pack("{ss ss so so so sb sb}", "mode", host_mode_name(p->mode), "where",
			  host_is_nested() ? "the nested host" : "this machine", "llcs", list_of(&p->llcs), "cpus",
			  list_of(&p->cpus), "vcpu_cpus", vcpus, "overcommitted",
			  p->mode != MODE_PERFORMANCE && !p->own_cpus, "spare_cpu", p->spare);
	json_object_set_new(facts, "reactor_cpu", p->service < 0 ? json_null() : json_integer(p->service));
	json_object_set_new(facts, "allowed_cpus", list_of(&cpus->allowed));
	json_object_set_new(facts, "locks",
			    json_string(o->bypass_locks		      ? "bypassed"
					: p->mode == MODE_PERFORMANCE ? "exclusive"
								      : "shared"));
	return facts;
}

/* Microseconds per second that real-time threads may run; -1: no limit; null: unknown. */
static json_t *rt_runtime(void)
{
	char line[32];

	if (file_read_line("/proc/sys/kernel/sched_rt_runtime_us", line, sizeof(line)))
		return json_null();
	return json_integer(atoll(line));
}

json_t *machine_host_facts(struct machine_host *h, const struct vm *vm)
{
	json_t *facts = placement_facts(h->o, &h->cpus, &h->p), *files = json_array();
	struct vm_host_facts had;
	struct vm_host asked;

	vm_host_facts(vm, &had);
	machine_host_vm(h, &asked);
	for (unsigned i = 0; i < h->locks.n; i++)
		json_array_append_new(
			files, json_sprintf("%s-%u", lock_kind_name(h->locks.lock[i].kind), h->locks.lock[i].number));
	json_object_set_new(facts, "lock_files", files);
	/* Another machine may have started to use the same CPUs since. */
	json_object_set_new(facts, "shared_at_end", json_boolean(machine_host_shared(h)));
	json_object_set_new(facts, "memory_prefault", json_boolean(h->p.mode == MODE_PERFORMANCE));
	json_object_set_new(facts, "waited_ns", json_integer((json_int_t)h->waited_ns));
	json_object_set_new(facts, "vcpu_policy", json_string(asked.fifo_priority ? "fifo 1" : "other"));
	json_object_set_new(facts, "reactor_policy", json_string(h->raised ? "fifo 2" : "other"));
	json_object_set_new(facts, "ring_workers_confined", json_boolean(h->workers_moved));
	json_object_set_new(facts, "sched_rt_runtime_us", rt_runtime());
	/* null: the default, KVM's module parameter. */
	json_object_set_new(facts, "halt_poll_ns", had.halt_poll_set ? json_integer(asked.halt_poll_ns) : json_null());
	json_object_set_new(facts, "pause_exits", json_boolean(!had.pause_kept));
	json_object_set_new(facts, "hlt_exits", json_boolean(!had.hlt_kept));
	json_object_set_new(facts, "realtime_hint", json_boolean(had.realtime));
	json_object_set_new(facts, "steal_time", json_boolean(had.steal_time));
	return facts;
}

/* What lock_take() would find busy, read from /proc/locks instead. */
static void read_busy(struct placement_busy *busy)
{
	struct lock_holder *list = NULL;
	int n = locks_read(&list);

	for (int i = 0; i < n; i++) {
		bits_add(list[i].kind == LOCK_LLC ? &busy->llc : &busy->cpu, list[i].number);
		if (list[i].kind == LOCK_LLC && list[i].exclusive)
			bits_add(&busy->llc_exclusive, list[i].number);
	}
	free(list);
}

json_t *machine_host_preview(const struct host_options *o, const struct topology *t, char *why, size_t size)
{
	unsigned llcs[BITS_MAX];
	const struct placement_request q = placement_request_of(o, t, llcs);
	struct placement *p = malloc(sizeof(*p));
	struct placement_busy busy = { 0 };
	struct host_cpus cpus = { 0 };
	json_t *facts = NULL;

	snprintf(why, size, "/sys lists no CPUs");
	if (!o->bypass_locks)
		read_busy(&busy);
	if (p && !host_cpus_read(&cpus, "/sys", NULL) && !placement_plan(&cpus, &q, &busy, p, why, size))
		facts = placement_facts(o, &cpus, p);
	host_cpus_free(&cpus);
	free(p);
	return facts;
}

bool machine_host_shared(struct machine_host *h)
{
	return locks_shared(&h->locks, LOCK_CPU);
}

void machine_host_cpus(const struct machine_host *h, struct bits *cpus)
{
	*cpus = h->p.cpus;
	if (h->p.mode != MODE_PERFORMANCE)
		return;
	memset(cpus, 0, sizeof(*cpus));
	for (unsigned i = 0; i < h->p.n_vcpus; i++)
		bits_add(cpus, h->p.vcpu[i]);
}

bool machine_host_pinned(const struct machine_host *h)
{
	return h->p.mode == MODE_PERFORMANCE;
}
