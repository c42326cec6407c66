/* SPDX-License-Identifier: GPL-2.0-only */
/* The facts of a machine that ran, as JSON: schema "ktstr-machine/1". Times in ns, sizes in bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench/base/json.h"
#include "bench/host/claim.h"
#include "bench/host/facts.h"
#include "bench/kernel/config.h"
#include "bench/machine/shape.h"
#include "bench/machine/state.h"

static json_t *host_facts(const struct machine *m)
{
	json_t *host = json_object();
	char model[128];
	struct utsname u;

	uname(&u);
	host_cpu_model(model, sizeof(model));
	json_put_text(host, "kind", host_kind_text(&m->job.probe));
	json_object_set_new(host, "timings_of_hardware",
			    json_boolean(!host_is_nested() && m->job.probe.kind == KVM_HARDWARE));
	json_put_text(host, "kernel", u.release);
	json_put_text(host, "cpu", model);
	json_put_count(host, "cpus", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	json_object_set_new(host, "resources", machine_host_facts(m->job.host, m->vm));
	return host;
}

static json_t *guest_facts(const struct machine *m)
{
	json_t *guest = json_object(), *environment = NULL;
	struct vm_host_facts facts;

	json_put_text(guest, "kernel_image", m->resolved->image);
	json_object_set_new(guest, "kernel_debug_options", kernel_config_debug(m->resolved->image));
	json_put_count(guest, "cpus", m->resolved->cpus);
	vm_host_facts(m->vm, &facts);
	json_object_set_new(guest, "cmpxchg16b", json_boolean(facts.cx16));
	json_put_count(guest, "memory_bytes", m->resolved->memory);
	json_object_set_new(guest, "topology", machine_shape_facts(m->resolved, m->talk.topology_check));
	json_put_text(guest, "cmdline", m->boot.cmdline);
	if (m->talk.session.environment)
		environment = json_copy(m->talk.session.environment);
	/* Init's word is from before the scheduler came. */
	if (json_is_true(json_object_get(m->talk.scheduler, "held")))
		json_object_set(environment, "sched_ext", json_object_get(m->talk.scheduler, "ops"));
	json_object_set_new(guest, "environment", environment ? environment : json_null());
	if (m->talk.scheduler)
		json_object_set_new(m->talk.scheduler, "log", scheduler_output_facts(&m->talk.scheduler_output));
	json_object_set_new(guest, "scheduler", m->talk.scheduler ? json_incref(m->talk.scheduler) : json_null());
	return guest;
}

/* 0 (never happened) gives null, not a difference. */
static void put_span(json_t *object, const char *key, uint64_t from, uint64_t to)
{
	json_object_set_new(object, key, from && to >= from ? json_integer((json_int_t)(to - from)) : json_null());
}

static json_t *timings(const struct machine *m)
{
	uint64_t first_run = vm_first_run_ns(m->vm);
	json_t *t = json_object();

	put_span(t, "start_to_first_run", m->job.start_ns, first_run);
	put_span(t, "first_run_to_guest_init", first_run, m->talk.session.ready_ns);
	put_span(t, "start_to_guest_init", m->job.start_ns, m->talk.session.ready_ns);
	put_span(t, "start_to_command", m->job.start_ns, m->talk.session.payload_ns);
	put_span(t, "start_to_end", m->job.start_ns, m->ending.end_ns);
	return t;
}

static json_t *exits_facts(const struct machine *m)
{
	json_t *object = json_object();
	struct vm_exits e;

	vm_exits(m->vm, &e);
	json_put_count(object, "mmio", e.mmio);
	json_put_count(object, "pio", e.pio);
	json_put_count(object, "serial", e.serial);
	json_put_count(object, "hlt", e.hlt);
	json_put_count(object, "intr", e.intr);
	json_put_count(object, "other", e.other);
	json_put_count(object, "answered_by_reactor", e.mailbox);
	return object;
}

static json_t *device_facts(const struct virtio_device *d)
{
	json_t *object = json_object();

	json_put_count(object, "interrupts", d->interrupts);
	json_put_count(object, "guest_errors", d->guest_errors.count);
	json_put_count(object, "host_errors", d->host_errors.count);
	return object;
}

static json_t *disk_facts(const struct machine *m, unsigned i)
{
	json_t *object = device_facts(blk_device(m->blk[i]));

	machine_disk_facts(m, i, object);
	return object;
}

static json_t *net_facts(const struct machine *m)
{
	const struct net_counters *c = net_counters(m->net);
	json_t *object = device_facts(net_device(m->net));

	json_put_text(object, "backend", net_backend_name(m->net));
	json_put_count(object, "tx_packets", c->tx_packets);
	json_put_count(object, "tx_bytes", c->tx_bytes);
	json_put_count(object, "rx_packets", c->rx_packets);
	json_put_count(object, "rx_bytes", c->rx_bytes);
	json_put_count(object, "tx_dropped_no_rx_buffer", c->tx_dropped_no_rx_buffer);
	json_put_count(object, "tx_dropped_rx_poisoned", c->tx_dropped_rx_poisoned);
	json_put_count(object, "tx_chain_invalid", c->tx_chain_invalid);
	json_put_count(object, "tx_oversize_dropped", c->tx_oversize_dropped);
	json_put_count(object, "rx_chain_invalid", c->rx_chain_invalid);
	json_put_count(object, "rx_write_failed", c->rx_write_failed);
	json_put_count(object, "tx_add_used_failures", c->tx_add_used_failures);
	json_put_count(object, "rx_add_used_failures", c->rx_add_used_failures);
	json_put_count(object, "invalid_avail_idx_count", c->invalid_avail_idx_count);
	json_put_count(object, "tx_backend_errors", c->tx_backend_errors);
	json_put_count(object, "rx_backend_errors", c->rx_backend_errors);
	json_put_count(object, "rx_truncated", c->rx_truncated);
	json_put_count(object, "rx_oversize_dropped", c->rx_oversize_dropped);
	return object;
}

static json_t *console_facts(const struct machine *m)
{
	static const char *const names[CONSOLE_PORTS] = { "console", "bulk", "stats" };
	const struct console_counters *c = console_counters(m->console);
	json_t *object = device_facts(console_device(m->console));

	for (unsigned i = 0; i < CONSOLE_PORTS; i++)
		json_object_set_new(object, names[i],
				    json_pack("{sI sI sI}", "tx_bytes", (json_int_t)c->port[i].tx_bytes, "rx_bytes",
					      (json_int_t)c->port[i].rx_bytes, "backlog_max",
					      (json_int_t)c->port[i].backlog_max));
	json_put_count(object, "control_in", c->control_in);
	json_put_count(object, "control_out", c->control_out);
	json_put_count(object, "invalid_avail_idx_count", c->invalid_avail_idx_count);
	json_put_count(object, "ring_errors", c->ring_errors);
	return object;
}

static json_t *stream_facts(const struct machine *m)
{
	const struct session *s = &m->talk.session;
	json_t *object = json_object();

	json_put_count(object, "frames", s->parser.frames);
	json_put_count(object, "bad_crc", s->bad_crc);
	json_put_count(object, "unknown", s->parser.unknown);
	json_put_count(object, "malformed", s->malformed);
	json_put_count(object, "dropped", s->dropped);
	json_put_count(object, "stdin_bytes", s->stdin_bytes);
	json_put_count(object, "stdout_bytes", s->stdout_bytes);
	json_put_count(object, "stderr_bytes", s->stderr_bytes);
	json_put_count(object, "stdout_waiting_max", s->out.high_water);
	return object;
}

static void add_statistic(void *ctx, const char *name, bool per_vcpu, uint64_t value)
{
	json_put_count(ctx, name, value);
}

static bool is_guest_memory(const struct guest_memory *mem, uint64_t address)
{
	for (unsigned i = 0; i < mem->n; i++)
		if (address >= (uintptr_t)mem->region[i].hva &&
		    address - (uintptr_t)mem->region[i].hva < mem->region[i].size)
			return true;
	return false;
}

void machine_resident(struct machine *m)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	uint64_t kib;
	unsigned long start, end;
	bool in_guest = false;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			in_guest = is_guest_memory(vm_memory(m->vm), start);
		else if (sscanf(line, "Rss: %lu kB", &kib) == 1)
			*(in_guest ? &m->ending.guest_resident : &m->ending.own_resident) += kib << 10;
	}
	if (f)
		fclose(f);
}

static json_t *vmm_facts(const struct machine *m)
{
	json_t *vmm = json_object(), *disks = json_array(), *kvm = json_object();

	json_object_set_new(vmm, "register_page", register_page_facts(&m->registers));
	json_object_set_new(vmm, "guest_images", json_string(vm_images_mapped(m->vm) ? "mapped" : "copied"));
	json_object_set_new(vmm, "exits", exits_facts(m));
	json_object_set_new(vmm, "reactor", machine_reactor_facts(m));
	json_object_set_new(vmm, "console", console_facts(m));
	for (unsigned i = 0; i < m->o->n_disks; i++)
		json_array_append_new(disks, disk_facts(m, i));
	json_object_set_new(vmm, "disks", disks);
	json_object_set_new(vmm, "net", m->net ? net_facts(m) : json_null());
	json_object_set_new(vmm, "stream", m->talk.session_open ? stream_facts(m) : json_null());
	if (vm_stats_read(m->vm, add_statistic, kvm)) {
		json_decref(kvm);
		kvm = json_null();
	}
	json_put_count(vmm, "unshown_bytes", m->screen.unshown);
	json_object_set_new(vmm, "kvm_statistics", kvm);
	if (m->ending.own_resident) {
		json_put_count(vmm, "guest_resident_bytes", m->ending.guest_resident);
		json_put_count(vmm, "own_resident_bytes", m->ending.own_resident);
	}
	return vmm;
}

/* The scheduler's own name is known once it is attached. */
static json_t *fingerprint_facts(const struct machine *m)
{
	json_t *scheduler = json_object_get(m->boot.fingerprint, "scheduler");

	if (json_is_object(scheduler) && json_is_string(json_object_get(m->talk.scheduler, "ops")))
		json_object_set(scheduler, "ops", json_object_get(m->talk.scheduler, "ops"));
	return json_incref(m->boot.fingerprint);
}

json_t *machine_facts(struct machine *m, int code)
{
	json_t *facts = json_object(), *end = json_object();

	json_put_text(facts, "schema", "ktstr-machine/1");
	json_put_text(facts, "ktstr", KTSTR_VERSION);
	json_object_set_new(facts, "host", host_facts(m));
	json_object_set_new(facts, "guest", guest_facts(m));
	json_object_set_new(facts, "timings_ns", timings(m));
	if (m->boot.fingerprint)
		json_object_set_new(facts, "fingerprint", fingerprint_facts(m));
	json_put_text(end, "reason", vm_end_name(vm_state(m->vm)));
	json_put_text(end, "detail", m->ending.detail);
	json_put_count(end, "exit_code", (uint64_t)code);
	if (*vm_panic_text(m->vm))
		json_object_set_new(end, "panic", event_text(vm_panic_text(m->vm), strlen(vm_panic_text(m->vm))));
	else
		json_object_set_new(end, "panic", json_null());
	conversation_report(&m->talk.conversation, end);
	json_object_set_new(facts, "end", end);
	json_object_set_new(facts, "vmm", vmm_facts(m));
	return facts;
}
