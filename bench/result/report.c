/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/result/report.h"

#include <inttypes.h>
#include <string.h>

#include "bench/base/size.h"
#include "bench/kernel/config.h"

#define BAR 40
#define LABEL 12

static const struct quantile {
	const char *name;
	unsigned ppm;
	unsigned samples_min; /* fewer say nothing about it */
} quantiles[] = {
	{ "p50", 500000, 2 },	   { "p90", 900000, 10 },	{ "p99", 990000, 100 },
	{ "p99.9", 999000, 1000 }, { "p99.99", 999900, 10000 },
};
#define QUANTILES (sizeof(quantiles) / sizeof(*quantiles))
#define QUANTILES_SHOWN 4

/* --- results ------------------------------------------------------------ */

static bool histogram_read(struct hist *h, const json_t *json)
{
	json_int_t count, min, max, low, n;
	json_t *buckets, *pair;
	double sum;
	size_t i;

	hist_init(h);
	if (json_unpack((json_t *)json, "{sI sI sI sF so}", "count", &count, "min", &min, "max", &max, "sum", &sum,
			"buckets", &buckets))
		return false;
	json_array_foreach(buckets, i, pair)
	{
		if (json_unpack(pair, "[I I]", &low, &n) || low < 0 || n < 0)
			return false;
		hist_restore(h, (uint64_t)low, (uint64_t)n);
	}
	return count >= 0 && min >= 0 && max >= 0 &&
	       hist_restore_totals(h, (uint64_t)count, (uint64_t)min, (uint64_t)max, sum);
}

bool report_result_read(struct report_result *r, json_t *line)
{
	json_t *histogram;

	r->source = line;
	return !json_unpack(line, "{ss ss so}", "workload", &r->workload, "metric", &r->metric, "histogram",
			    &histogram) &&
	       histogram_read(&r->latency, histogram);
}

json_t *report_result_json(const struct report_result *r)
{
	json_t *object = json_copy(r->source), *percentiles = json_object();

	json_object_set_new(object, "samples", json_integer((json_int_t)r->latency.count));
	json_object_set_new(object, "min", json_integer((json_int_t)r->latency.min));
	json_object_set_new(object, "mean", json_real(hist_mean(&r->latency)));
	json_object_set_new(object, "max", json_integer((json_int_t)r->latency.max));
	for (unsigned i = 0; i < QUANTILES; i++)
		json_object_set_new(percentiles, quantiles[i].name,
				    r->latency.count < quantiles[i].samples_min
					    ? json_null()
					    : json_integer((json_int_t)hist_quantile(&r->latency, quantiles[i].ppm)));
	json_object_set_new(object, "percentiles", percentiles);
	return object;
}

void report_table(FILE *f, const struct report_result *const *results, unsigned n)
{
	char text[SIZE_TEXT];

	fprintf(f, "%-12s %-20s %10s", "workload", "metric", "N");
	for (unsigned q = 0; q < QUANTILES_SHOWN; q++)
		fprintf(f, " %9s", quantiles[q].name);
	fprintf(f, " %9s\n", "max");
	for (unsigned i = 0; i < n; i++) {
		const struct hist *h = &results[i]->latency;

		fprintf(f, "%-12s %-20s %10" PRIu64, results[i]->workload, results[i]->metric, h->count);
		for (unsigned q = 0; q < QUANTILES_SHOWN; q++)
			fprintf(f, " %9s",
				h->count < quantiles[q].samples_min
					? "n/a"
					: duration_format(text, hist_quantile(h, quantiles[q].ppm)));
		fprintf(f, " %9s\n", h->count ? duration_format(text, h->max) : "n/a");
	}
}

void report_histogram(FILE *f, const struct report_result *r)
{
	const struct hist *h = &r->latency;
	uint64_t most = 0, first = 1, last;
	char low[SIZE_TEXT], high[SIZE_TEXT];

	if (!h->count)
		return;
	while (first * 2 <= h->min)
		first *= 2;
	for (last = first; last <= h->max && last < UINT64_C(1) << HIST_VALUE_BITS; last *= 2)
		if (hist_between(h, last, last * 2) > most)
			most = hist_between(h, last, last * 2);
	fprintf(f, "\n%s, %s\n", r->workload, r->metric);
	for (uint64_t v = first; v < last || v == first; v *= 2) {
		uint64_t n = hist_between(h, v == first ? 0 : v, v * 2);
		unsigned bar = most ? (unsigned)((n * BAR + most - 1) / most) : 0;

		bar = bar > BAR ? BAR : bar;
		fprintf(f, "%*s .. %-*s %10" PRIu64 " |%.*s%*s|\n", LABEL - 2, duration_format(low, v), LABEL - 2,
			duration_format(high, v * 2), n, (int)bar, "########################################",
			(int)(BAR - bar), "");
	}
}

/* --- where they came from ----------------------------------------------- */

static const json_t *at(const json_t *object, const char *path)
{
	char key[64];

	while (object && *path) {
		size_t n = strcspn(path, ".");

		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		object = json_object_get(object, key);
		path += n + (path[n] == '.');
	}
	return object;
}

static const char *text_at(const json_t *object, const char *path)
{
	const char *text = json_string_value(at(object, path));

	return text ? text : "unknown";
}

static uint64_t number_at(const json_t *object, const char *path)
{
	return (uint64_t)json_integer_value(at(object, path));
}

void report_scheduler(const json_t *environment, char *text, size_t size)
{
	const char *ops = json_string_value(at(environment, "sched_ext"));
	unsigned major = 0, minor = 0;

	if (ops) {
		snprintf(text, size, "%s (sched_ext)", ops);
		return;
	}
	if (sscanf(text_at(environment, "kernel"), "%u.%u", &major, &minor) != 2) {
		snprintf(text, size, "unknown");
		return;
	}
	/* EEVDF took the place of CFS in 6.6. */
	snprintf(text, size, "%s", major > 6 || (major == 6 && minor >= 6) ? "EEVDF" : "CFS");
}

static void print_ring(FILE *f, const json_t *features)
{
	const char *name;
	json_t *value;

	fprintf(f, "  ring       ");
	json_object_foreach((json_t *)features, name, value) if (json_is_true(value)) fprintf(f, "%s ", name);
	fprintf(f, "(%" PRIu64 " + %" PRIu64 " entries)\n", number_at(features, "sq_entries"),
		number_at(features, "cq_entries"));
}

static void print_exits(FILE *f, const json_t *vmm)
{
	const char *name, *comma = "";
	json_t *value;

	fprintf(f, "  exits      to user space: ");
	json_object_foreach((json_t *)at(vmm, "exits"), name, value)
	{
		fprintf(f, "%s%" JSON_INTEGER_FORMAT " %s", comma, json_integer_value(value), name);
		comma = ", ";
	}
	if (at(vmm, "kvm_statistics.exits"))
		fprintf(f, "; in all: %" PRIu64, number_at(vmm, "kvm_statistics.exits"));
	fprintf(f, "\n             the guest reads device registers %s: %s\n",
		json_is_true(at(vmm, "register_page.used")) ? "from memory, without an exit" : "by exits",
		text_at(vmm, "register_page.why"));
}

/* Of the kind of request @path that a disk did: from when it might begin until it was answered. */
static void print_request_times(FILE *f, const json_t *disk, const char *name, const char *path)
{
	char p50[SIZE_TEXT], p99[SIZE_TEXT], max[SIZE_TEXT];
	const json_t *times = at(disk, path);

	if (!number_at(times, "count"))
		return;
	fprintf(f, "             a %s took the device %s (p50), %s (p99), %s at most\n", name,
		duration_format(p50, number_at(times, "p50")), duration_format(p99, number_at(times, "p99")),
		duration_format(max, number_at(times, "max")));
}

static void print_disks(FILE *f, const json_t *vmm)
{
	char size[SIZE_TEXT];
	json_t *disk;
	size_t i;

	json_array_foreach((json_t *)at(vmm, "disks"), i, disk)
	{
		const char *path = json_string_value(at(disk, "path"));

		fprintf(f, "  disk %zu     %s %s, engine %s: %s\n", i,
			size_format(size, number_at(disk, "capacity_bytes")), path ? path : "in memory",
			text_at(disk, "engine"), text_at(disk, "engine_reason"));
		fprintf(f,
			"             %" PRIu64 " reads, %" PRIu64 " writes, %" PRIu64 " flushes, %" PRIu64
			" interrupts, at most %" PRIu64 " in flight\n",
			number_at(disk, "reads_completed"), number_at(disk, "writes_completed"),
			number_at(disk, "flushes_completed"), number_at(disk, "interrupts"),
			number_at(disk, "in_flight_max"));
		if (json_is_string(at(disk, "sync_error")))
			fprintf(f,
				"             fdatasync failed: %s; writes since the last good flush may be lost, "
				"every "
				"flush since then failed\n",
				text_at(disk, "sync_error"));
		print_request_times(f, disk, "read", "latency_ns.read");
		print_request_times(f, disk, "write", "latency_ns.write");
		print_request_times(f, disk, "flush", "latency_ns.flush");
	}
}

static void print_net(FILE *f, const json_t *net)
{
	if (number_at(net, "rx_truncated"))
		fprintf(f,
			"  net        %" PRIu64
			" frames were longer than the guest's buffers and were truncated; --net ...,mtu=N "
			"has it use larger ones\n",
			number_at(net, "rx_truncated"));
}

static void print_reactor(FILE *f, const json_t *reactor)
{
	char cpu[SIZE_TEXT], bound[SIZE_TEXT], spun[SIZE_TEXT], held[SIZE_TEXT];

	fprintf(f,
		"  reactor    %" PRIu64 " wakes, %" PRIu64 " completions (%.2f a wake, at most %" PRIu64
		"), %s of CPU time\n",
		number_at(reactor, "wakes"), number_at(reactor, "cqes"), json_real_value(at(reactor, "cqes_per_wake")),
		number_at(reactor, "cqes_max"), duration_format(cpu, number_at(reactor, "cpu_ns")));
	fprintf(f, "             handlers kept the rest waiting %s at most, %" PRIu64 " times longer than 10ms\n",
		duration_format(held, number_at(reactor, "held_ns.max")), number_at(reactor, "held_ns.over_10ms"));
	if (!number_at(reactor, "poll.max_ns")) {
		fprintf(f, "             no busy-wait: %s\n", text_at(reactor, "poll.reason"));
		return;
	}
	fprintf(f,
		"             busy-wait of %s at most (%s): %" PRIu64 " found work, %" PRIu64 " did not, %s in all\n",
		duration_format(bound, number_at(reactor, "poll.max_ns")), text_at(reactor, "poll.reason"),
		number_at(reactor, "poll.hits"), number_at(reactor, "poll.misses"),
		duration_format(spun, number_at(reactor, "poll.ns")));
}

static void print_resources(FILE *f, const json_t *taken)
{
	const json_t *poll = at(taken, "halt_poll_ns"), *reactor = at(taken, "reactor_cpu");
	char text[SIZE_TEXT];

	fprintf(f, "  mode       %s, on CPUs %s%s", text_at(taken, "mode"), text_at(taken, "cpus"),
		json_is_true(at(taken, "overcommitted")) ? " with others" : "");
	if (json_is_integer(reactor))
		fprintf(f, ", the reactor on %" JSON_INTEGER_FORMAT, json_integer_value(reactor));
	fprintf(f, "; exits: PAUSE %s, HLT %s; halt polling %s\n",
		json_is_true(at(taken, "pause_exits")) ? "yes" : "no",
		json_is_true(at(taken, "hlt_exits")) ? "yes" : "no",
		!json_is_integer(poll)	   ? "as KVM has it"
		: json_integer_value(poll) ? duration_format(text, (uint64_t)json_integer_value(poll))
					   : "off");
}

/* How a sched_ext scheduler came: nothing for the kernel's own. */
static void report_attachment(FILE *f, const json_t *scheduler)
{
	const char *asked = json_string_value(json_object_get(scheduler, "asked"));
	double ms = json_number_value(json_object_get(scheduler, "attach_ms"));
	char text[SIZE_TEXT];

	if (asked)
		fprintf(f, "             %s: enabled %s after its start\n", asked,
			duration_format(text, (uint64_t)(ms * 1e6)));
}

void report_provenance(FILE *f, const json_t *facts)
{
	const json_t *vmm = at(facts, "vmm");
	char a[SIZE_TEXT], b[SIZE_TEXT], c[SIZE_TEXT], scheduler[160], debug[512];

	report_scheduler(at(facts, "guest.environment"), scheduler, sizeof(scheduler));
	fprintf(f, "\nmeasured with ktstr %s\n", text_at(facts, "ktstr"));
	kernel_config_text(at(facts, "guest.kernel_debug_options"), debug, sizeof(debug));
	fprintf(f, "  kernel     %s%s%s\n", text_at(facts, "guest.environment.kernel"),
		*debug ? "; a debug kernel: " : "", debug);
	fprintf(f, "  scheduler  %s\n", scheduler);
	report_attachment(f, at(facts, "guest.scheduler"));
	fprintf(f, "  guest      %" PRIu64 " CPUs (%s), %s; mitigations as the kernel has them\n",
		number_at(facts, "guest.cpus"), text_at(facts, "guest.topology.shape"),
		size_format(a, number_at(facts, "guest.memory_bytes")));
	if (json_is_false(at(facts, "guest.cmpxchg16b")))
		fprintf(f, "             no cmpxchg16b: sched_ext schedulers with arenas, task storage or cgroups may "
			   "fail "
			   "with ENOMEM\n");
	fprintf(f, "  host       %s\n", text_at(facts, "host.kind"));
	fprintf(f, "             Linux %s, %" PRIu64 " CPUs, %s\n", text_at(facts, "host.kernel"),
		number_at(facts, "host.cpus"), text_at(facts, "host.cpu"));
	print_resources(f, at(facts, "host.resources"));
	print_disks(f, vmm);
	print_net(f, at(vmm, "net"));
	print_ring(f, at(vmm, "reactor.features"));
	print_exits(f, vmm);
	print_reactor(f, at(vmm, "reactor"));
	fprintf(f, "  start      first KVM_RUN after %s, guest init after %s, command after %s\n",
		duration_format(a, number_at(facts, "timings_ns.start_to_first_run")),
		duration_format(b, number_at(facts, "timings_ns.start_to_guest_init")),
		duration_format(c, number_at(facts, "timings_ns.start_to_command")));
	fprintf(f, "  memory     %s resident beside the guest's %s; its kernel and initrd were %s\n",
		size_format(a, number_at(vmm, "own_resident_bytes")),
		size_format(b, number_at(vmm, "guest_resident_bytes")), text_at(vmm, "guest_images"));
}
