/* SPDX-License-Identifier: GPL-2.0-only */
/* Where figures came from: the machine that measured them, for people. */

#include <inttypes.h>
#include <string.h>

#include "bench/base/size.h"
#include "bench/kernel/config.h"
#include "bench/result/facts.h"
#include "bench/result/report.h"

static const char *known(const char *text)
{
	return text ? text : "unknown";
}

static const char *duration_or_unknown(char *text, uint64_t ns)
{
	return ns == FACT_UNKNOWN ? "an unknown time" : duration_format(text, ns);
}

void report_scheduler(const json_t *environment, char *text, size_t size)
{
	const char *ops = json_string_value(json_object_get(environment, "sched_ext"));
	const char *kernel = json_string_value(json_object_get(environment, "kernel"));
	unsigned major = 0, minor = 0;

	if (ops) {
		snprintf(text, size, "%s (sched_ext)", ops);
		return;
	}
	if (!kernel || sscanf(kernel, "%u.%u", &major, &minor) != 2) {
		snprintf(text, size, "unknown");
		return;
	}
	/* EEVDF took the place of CFS in 6.6. */
	snprintf(text, size, "%s", major > 6 || (major == 6 && minor >= 6) ? "EEVDF" : "CFS");
}

static void print_ring(FILE *f, const struct facts *facts)
{
	const char *name;
	json_t *value;

	fprintf(f, "  ring       ");
	json_object_foreach((json_t *)facts->reactor.features, name, value)
	{
		if (json_is_true(value))
			fprintf(f, "%s ", name);
	}
	fprintf(f, "(%" PRIu64 " + %" PRIu64 " entries)\n", facts->reactor.sq_entries, facts->reactor.cq_entries);
}

static void print_exits(FILE *f, const struct facts *facts)
{
	const char *name, *comma = "";
	json_t *value;

	fprintf(f, "  exits      to user space: ");
	json_object_foreach((json_t *)facts->vmm.exits, name, value)
	{
		fprintf(f, "%s%" JSON_INTEGER_FORMAT " %s", comma, json_integer_value(value), name);
		comma = ", ";
	}
	if (facts->vmm.all_exits != FACT_UNKNOWN)
		fprintf(f, "; in all: %" PRIu64, facts->vmm.all_exits);
	fprintf(f, "\n             the guest reads device registers %s: %s\n",
		facts->vmm.registers_used ? "from memory, without an exit" : "by exits", facts->vmm.registers_why);
}

/* From when a request might begin until it was answered. */
static void print_request_times(FILE *f, const char *name, const struct facts_times *times)
{
	char p50[SIZE_TEXT], p99[SIZE_TEXT], max[SIZE_TEXT];

	if (!times->count || times->count == FACT_UNKNOWN)
		return;
	fprintf(f, "             a %s took the device %s (p50), %s (p99), %s at most\n", name,
		duration_format(p50, times->p50), duration_format(p99, times->p99), duration_format(max, times->max));
}

static void print_disk(FILE *f, unsigned i, const struct facts_disk *d)
{
	char size[SIZE_TEXT];

	fprintf(f, "  disk %u     %s %s, engine %s: %s\n", i, size_format(size, d->capacity),
		d->path ? d->path : "in memory", d->engine, d->engine_reason);
	fprintf(f,
		"             %" PRIu64 " reads, %" PRIu64 " writes, %" PRIu64 " flushes, %" PRIu64
		" interrupts, at most %" PRIu64 " in flight\n",
		d->reads, d->writes, d->flushes, d->interrupts, d->in_flight_max);
	if (d->sync_error)
		fprintf(f,
			"             fdatasync failed: %s; writes since the last good flush may be lost, and every "
			"flush since then failed\n",
			d->sync_error);
	print_request_times(f, "read", &d->read);
	print_request_times(f, "write", &d->write);
	print_request_times(f, "flush", &d->flush);
}

static void print_net(FILE *f, const struct facts *facts)
{
	if (facts->vmm.rx_truncated && facts->vmm.rx_truncated != FACT_UNKNOWN)
		fprintf(f,
			"  net        %" PRIu64 " frames were longer than the guest's buffers and were truncated; "
			"--net ...,mtu=N has it use larger ones\n",
			facts->vmm.rx_truncated);
}

static void print_reactor(FILE *f, const struct facts *facts)
{
	char cpu[SIZE_TEXT], bound[SIZE_TEXT], spun[SIZE_TEXT], held[SIZE_TEXT];

	fprintf(f,
		"  reactor    %" PRIu64 " wakes, %" PRIu64 " completions (%.2f per wake, at most %" PRIu64
		"), %s of CPU time\n",
		facts->reactor.wakes, facts->reactor.completions, facts->reactor.per_wake,
		facts->reactor.completions_max, duration_format(cpu, facts->reactor.cpu_ns));
	fprintf(f, "             handlers kept the rest waiting %s at most, %" PRIu64 " times longer than 10ms\n",
		duration_format(held, facts->reactor.held_max_ns), facts->reactor.held_long);
	if (!facts->reactor.poll_max_ns) {
		fprintf(f, "             no busy-wait: %s\n", facts->reactor.poll_reason);
		return;
	}
	fprintf(f,
		"             busy-wait of %s at most (%s): %" PRIu64 " found work, %" PRIu64 " did not, %s in all\n",
		duration_format(bound, facts->reactor.poll_max_ns), facts->reactor.poll_reason,
		facts->reactor.poll_hits, facts->reactor.poll_misses, duration_format(spun, facts->reactor.poll_ns));
}

static void print_resources(FILE *f, const struct facts *facts)
{
	uint64_t poll = facts->resources.halt_poll_ns;
	char text[SIZE_TEXT];

	fprintf(f, "  mode       %s, on CPUs %s%s", facts->resources.mode, facts->resources.cpus,
		facts->resources.overcommitted ? " with others" : "");
	if (facts->resources.reactor_cpu != FACT_UNKNOWN)
		fprintf(f, ", the reactor on %" PRIu64, facts->resources.reactor_cpu);
	fprintf(f, "; exits: PAUSE %s, HLT %s; halt polling %s\n", facts->resources.pause_exits ? "yes" : "no",
		facts->resources.hlt_exits ? "yes" : "no",
		poll == FACT_UNKNOWN ? "as KVM has it"
		: poll		     ? duration_format(text, poll)
				     : "off");
}

static void print_guest(FILE *f, const struct facts *facts)
{
	char text[SIZE_TEXT], scheduler[160], debug[512];

	report_scheduler(facts->guest.environment, scheduler, sizeof(scheduler));
	kernel_config_text(facts->guest.debug_options, debug, sizeof(debug));
	fprintf(f, "  kernel     %s%s%s\n", known(facts->guest.kernel), *debug ? "; a debug kernel: " : "", debug);
	fprintf(f, "  scheduler  %s\n", scheduler);
	/* How a sched_ext scheduler came: nothing for the kernel's own. */
	if (facts->guest.scheduler)
		fprintf(f, "             %s: enabled %s after its start\n", facts->guest.scheduler,
			duration_format(text, (uint64_t)(facts->guest.attach_ms * 1e6)));
	fprintf(f, "  guest      %" PRIu64 " CPUs (%s), %s; mitigations as the kernel has them\n", facts->guest.cpus,
		facts->guest.shape, size_format(text, facts->guest.memory));
	if (!facts->guest.cmpxchg16b)
		fprintf(f, "             no cmpxchg16b: sched_ext schedulers with arenas, task storage or cgroups may "
			   "fail with ENOMEM\n");
}

int report_provenance(FILE *f, const json_t *json, char *why, size_t size)
{
	char a[SIZE_TEXT], b[SIZE_TEXT], c[SIZE_TEXT];
	struct facts facts;
	int rc = facts_read(&facts, json, why, size);

	if (rc)
		return rc;
	fprintf(f, "\nmeasured with ktstr %s\n", known(facts.ktstr));
	print_guest(f, &facts);
	fprintf(f, "  host       %s\n", known(facts.host.kind));
	fprintf(f, "             Linux %s, %" PRIu64 " CPUs, %s\n", known(facts.host.kernel), facts.host.cpus,
		known(facts.host.cpu));
	print_resources(f, &facts);
	for (unsigned i = 0; i < facts.n_disks; i++)
		print_disk(f, i, &facts.disk[i]);
	print_net(f, &facts);
	print_ring(f, &facts);
	print_exits(f, &facts);
	print_reactor(f, &facts);
	fprintf(f, "  start      first KVM_RUN after %s, guest init after %s, command after %s\n",
		duration_or_unknown(a, facts.start_to.first_run), duration_or_unknown(b, facts.start_to.guest_init),
		duration_or_unknown(c, facts.start_to.command));
	if (facts.vmm.own_resident != FACT_UNKNOWN && facts.vmm.guest_resident != FACT_UNKNOWN)
		fprintf(f, "  memory     %s resident beside the guest's %s; its kernel and initrd were %s\n",
			size_format(a, facts.vmm.own_resident), size_format(b, facts.vmm.guest_resident),
			facts.vmm.images);
	return 0;
}
