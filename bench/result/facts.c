/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/result/facts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/base/why.h"

enum kind { TEXT, COUNT, REAL, FLAG, OBJECT, ARRAY };

/* The key has a value; it is there, but null may say that nobody knows; or what is above it may be null or without it.
 */
enum need { VALUE, OR_NULL, OPTIONAL };

struct row {
	const char *path;
	enum kind kind;
	enum need need;
	size_t offset;
};

#define ROW(path, kind, need, member)                                                                                  \
	{                                                                                                              \
		path, kind, need, offsetof(struct facts, member)                                                       \
	}
#define DISK(path, kind, need, member)                                                                                 \
	{                                                                                                              \
		path, kind, need, offsetof(struct facts_disk, member)                                                  \
	}
#define TIMES(path, member)                                                                                            \
	DISK(path ".count", COUNT, OPTIONAL, member.count), DISK(path ".p50", COUNT, OPTIONAL, member.p50),            \
		DISK(path ".p99", COUNT, OPTIONAL, member.p99), DISK(path ".max", COUNT, OPTIONAL, member.max)

/* Text is null where it was not UTF-8. */
static const struct row rows[] = {
	ROW("ktstr", TEXT, OR_NULL, ktstr),
	ROW("host.kind", TEXT, OR_NULL, host.kind),
	ROW("host.kernel", TEXT, OR_NULL, host.kernel),
	ROW("host.cpu", TEXT, OR_NULL, host.cpu),
	ROW("host.cpus", COUNT, VALUE, host.cpus),
	ROW("host.resources.mode", TEXT, VALUE, resources.mode),
	ROW("host.resources.cpus", TEXT, VALUE, resources.cpus),
	ROW("host.resources.overcommitted", FLAG, VALUE, resources.overcommitted),
	ROW("host.resources.pause_exits", FLAG, VALUE, resources.pause_exits),
	ROW("host.resources.hlt_exits", FLAG, VALUE, resources.hlt_exits),
	ROW("host.resources.reactor_cpu", COUNT, OR_NULL, resources.reactor_cpu),
	ROW("host.resources.halt_poll_ns", COUNT, OR_NULL, resources.halt_poll_ns),
	ROW("guest.kernel_debug_options", ARRAY, OR_NULL, guest.debug_options),
	ROW("guest.cpus", COUNT, VALUE, guest.cpus),
	ROW("guest.memory_bytes", COUNT, VALUE, guest.memory),
	ROW("guest.cmpxchg16b", FLAG, VALUE, guest.cmpxchg16b),
	ROW("guest.topology.shape", TEXT, VALUE, guest.shape),
	ROW("guest.environment", OBJECT, OR_NULL, guest.environment),
	ROW("guest.environment.kernel", TEXT, OPTIONAL, guest.kernel),
	ROW("guest.environment.sched_ext", TEXT, OPTIONAL, guest.sched_ext),
	ROW("guest.scheduler.asked", TEXT, OPTIONAL, guest.scheduler),
	ROW("guest.scheduler.attach_ms", REAL, OPTIONAL, guest.attach_ms),
	ROW("timings_ns.start_to_first_run", COUNT, OR_NULL, start_to.first_run),
	ROW("timings_ns.start_to_guest_init", COUNT, OR_NULL, start_to.guest_init),
	ROW("timings_ns.start_to_command", COUNT, OR_NULL, start_to.command),
	ROW("vmm.guest_images", TEXT, VALUE, vmm.images),
	ROW("vmm.register_page.used", FLAG, VALUE, vmm.registers_used),
	ROW("vmm.register_page.why", TEXT, VALUE, vmm.registers_why),
	ROW("vmm.exits", OBJECT, VALUE, vmm.exits),
	ROW("vmm.kvm_statistics.exits", COUNT, OPTIONAL, vmm.all_exits),
	ROW("vmm.own_resident_bytes", COUNT, OPTIONAL, vmm.own_resident),
	ROW("vmm.guest_resident_bytes", COUNT, OPTIONAL, vmm.guest_resident),
	ROW("vmm.net.rx_truncated", COUNT, OPTIONAL, vmm.rx_truncated),
	ROW("vmm.reactor.features", OBJECT, VALUE, reactor.features),
	ROW("vmm.reactor.features.sq_entries", COUNT, VALUE, reactor.sq_entries),
	ROW("vmm.reactor.features.cq_entries", COUNT, VALUE, reactor.cq_entries),
	ROW("vmm.reactor.wakes", COUNT, VALUE, reactor.wakes),
	ROW("vmm.reactor.cqes", COUNT, VALUE, reactor.completions),
	ROW("vmm.reactor.cqes_max", COUNT, VALUE, reactor.completions_max),
	ROW("vmm.reactor.cqes_per_wake", REAL, VALUE, reactor.per_wake),
	ROW("vmm.reactor.cpu_ns", COUNT, VALUE, reactor.cpu_ns),
	ROW("vmm.reactor.held_ns.max", COUNT, VALUE, reactor.held_max_ns),
	ROW("vmm.reactor.held_ns.over_10ms", COUNT, VALUE, reactor.held_long),
	ROW("vmm.reactor.poll.max_ns", COUNT, VALUE, reactor.poll_max_ns),
	ROW("vmm.reactor.poll.reason", TEXT, VALUE, reactor.poll_reason),
	ROW("vmm.reactor.poll.hits", COUNT, VALUE, reactor.poll_hits),
	ROW("vmm.reactor.poll.misses", COUNT, VALUE, reactor.poll_misses),
	ROW("vmm.reactor.poll.ns", COUNT, VALUE, reactor.poll_ns),
	ROW("vmm.disks", ARRAY, VALUE, disk_list),
};

static const struct row disk_rows[] = {
	DISK("path", TEXT, OR_NULL, path),
	DISK("engine", TEXT, VALUE, engine),
	DISK("engine_reason", TEXT, VALUE, engine_reason),
	DISK("sync_error", TEXT, OR_NULL, sync_error),
	DISK("capacity_bytes", COUNT, VALUE, capacity),
	DISK("reads_completed", COUNT, VALUE, reads),
	DISK("writes_completed", COUNT, VALUE, writes),
	DISK("flushes_completed", COUNT, VALUE, flushes),
	DISK("interrupts", COUNT, VALUE, interrupts),
	DISK("in_flight_max", COUNT, VALUE, in_flight_max),
	TIMES("latency_ns.read", read),
	TIMES("latency_ns.write", write),
	TIMES("latency_ns.flush", flush),
};

#define ROWS (sizeof(rows) / sizeof(*rows))
#define DISK_ROWS (sizeof(disk_rows) / sizeof(*disk_rows))

/* NULL: there is no such key. */
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

/* NULL: @json is of this kind, and its value is at @to. Else what it must be. */
static const char *take(enum kind kind, const json_t *json, char *to)
{
	const char *text = json_string_value(json);
	uint64_t count = (uint64_t)json_integer_value(json);
	double real = json_number_value(json);
	bool flag = json_is_true(json);

	switch (kind) {
	case TEXT:
		memcpy(to, &text, sizeof(text));
		return text ? NULL : "a string";
	case COUNT:
		memcpy(to, &count, sizeof(count));
		return json_is_integer(json) && json_integer_value(json) >= 0 ? NULL : "a whole number from 0";
	case REAL:
		memcpy(to, &real, sizeof(real));
		return json_is_number(json) ? NULL : "a number";
	case FLAG:
		memcpy(to, &flag, sizeof(flag));
		return json_is_boolean(json) ? NULL : "true or false";
	case OBJECT:
		memcpy(to, &json, sizeof(json));
		return json_is_object(json) ? NULL : "an object";
	default:
		memcpy(to, &json, sizeof(json));
		return json_is_array(json) ? NULL : "an array";
	}
}

static int read_rows(const struct row *r, size_t n, const json_t *json, void *object, const char *place, char *why,
		     size_t size)
{
	const uint64_t unknown = FACT_UNKNOWN;

	for (; n--; r++) {
		const json_t *value = at(json, r->path);
		char *to = (char *)object + r->offset;
		const char *expected;

		if ((!value && r->need == OPTIONAL) || (json_is_null(value) && r->need != VALUE)) {
			if (r->kind == COUNT)
				memcpy(to, &unknown, sizeof(unknown));
			continue;
		}
		if (!value)
			return why_fail(why, size, -EINVAL, "%s%s: is missing", place, r->path);
		expected = take(r->kind, value, to);
		if (expected)
			return why_fail(why, size, -EINVAL, "%s%s: is not %s", place, r->path, expected);
	}
	return 0;
}

int facts_read(struct facts *f, const json_t *json, char *why, size_t size)
{
	char place[32];
	int rc;

	*f = (struct facts){ 0 };
	rc = read_rows(rows, ROWS, json, f, "", why, size);
	if (!rc && json_array_size(f->disk_list) > FACTS_DISKS_MAX)
		rc = why_fail(why, size, -EINVAL, "vmm.disks: has more than %d", FACTS_DISKS_MAX);
	for (; !rc && f->n_disks < json_array_size(f->disk_list); f->n_disks++) {
		snprintf(place, sizeof(place), "vmm.disks[%u].", f->n_disks);
		rc = read_rows(disk_rows, DISK_ROWS, json_array_get(f->disk_list, f->n_disks), &f->disk[f->n_disks],
			       place, why, size);
	}
	return rc;
}

const char *facts_key(unsigned i, bool *required)
{
	static char path[96];
	const struct row *r = i < ROWS ? &rows[i] : i - ROWS < DISK_ROWS ? &disk_rows[i - ROWS] : NULL;

	if (!r)
		return NULL;
	*required = r->need != OPTIONAL;
	snprintf(path, sizeof(path), "%s%s", i < ROWS ? "" : "vmm.disks[0].", r->path);
	return path;
}
