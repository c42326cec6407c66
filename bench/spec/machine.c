/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The keys of a spec. A key is its option's name, with _ for - and the unit at its end; what belongs together is an
 * object.
 */

#include "bench/spec/machine.h"

#include <string.h>

#include "bench/base/bits.h"
#include "bench/spec/field.h"
#include "bench/spec/topology.h"

#define N(names) (sizeof(names) / sizeof(*(names)))
#define SIZE(type, member) sizeof(((type *)NULL)->member)
#define ROW(type, member, key_, kind_) .key = key_, .kind = kind_, .offset = offsetof(type, member)
#define GIVEN(type, member) .has_given = true, .given_offset = offsetof(type, member)

/* --- values that are more than a type --------------------------------------- */

static const char *check_any(const char *text, char why[FIELD_WHY])
{
	return NULL;
}

static const char *check_append(const char *text, char why[FIELD_WHY])
{
	return strlen(text) <= MACHINE_APPEND_MAX ? NULL : "is longer than a kernel takes; write at most 3000 bytes";
}

static const char *check_env(const char *text, char why[FIELD_WHY])
{
	if (*text == '=' || !strchr(text, '='))
		return "is not NAME=VALUE; write it as \"LC_ALL=C\"";
	return strncmp(text, "KTSTR_", 6) ? NULL : "names that begin with KTSTR_ are ktstr's own; use another";
}

static const char *check_tap(const char *text, char why[FIELD_WHY])
{
	return nic_tap_check(text) ? "is not the name of a network interface; it has 1 to 15 characters and no /"
				   : NULL;
}

static const char *check_topology(const char *text, char why[FIELD_WHY])
{
	struct topology t;

	return topology_parse(text, &t, why) ? why : NULL;
}

static const char *disk_rules(const void *object, const char **key)
{
	return disk_contradiction(object, key);
}

static const char *backing_rules(const void *object, const char **key)
{
	const struct vm_backing *b = object;

	*key = b->bind == VM_BIND_NONE ? "host_nodes_mode" : "host_nodes";
	if ((b->bind == VM_BIND_NONE) == !b->n_host_nodes)
		return NULL;
	return b->bind == VM_BIND_NONE
		       ? "is missing; say how host_nodes is meant: \"bind\", \"preferred\" or \"interleave\""
		       : "is missing; list the nodes, such as [0, 1]";
}

/* --- tables ------------------------------------------------------------------ */

#define BACKING(member, key, kind) ROW(struct vm_backing, member, key, kind)
static const struct field backing_fields[] = {
	{ BACKING(pages, "hugepages", FIELD_NAME), .names = vm_pages_names, .n = N(vm_pages_names) },
	{ BACKING(prefault, "prefault", FIELD_BOOL) },
	{ BACKING(lock, "mlock", FIELD_BOOL) },
	{ BACKING(mergeable, "mergeable", FIELD_BOOL) },
	{ BACKING(dontdump, "dontdump", FIELD_BOOL) },
	{ BACKING(collapse, "collapse", FIELD_BOOL) },
	{ BACKING(bind, "host_nodes_mode", FIELD_NAME), .names = vm_bind_names, .n = N(vm_bind_names) },
	{ BACKING(host_node, "host_nodes", FIELD_NUMBERS), .size = sizeof(uint16_t), .max = VM_HOST_NODES_MAX - 1,
	  .n = TOPOLOGY_NODES_MAX, .count_offset = offsetof(struct vm_backing, n_host_nodes) },
	{ .rules = backing_rules },
};

#define NIC(member, key, kind) ROW(struct nic, member, key, kind)
static const struct field net_fields[] = {
	{ NIC(tap, "tap", FIELD_CHARS), .size = IF_NAMESIZE, .check = check_tap },
	{ NIC(mac, "mac", FIELD_MAC) },
	{ NIC(mtu, "mtu", FIELD_NUMBER), .size = sizeof(uint16_t), .min = NET_MTU_MIN, .max = UINT16_MAX },
	{ 0 },
};

#define DISK(member, key, kind) ROW(struct disk, member, key, kind)
#define RATE(member)                                                                                                   \
	{                                                                                                              \
		DISK(member, #member, FIELD_NUMBER), .size = sizeof(uint64_t), .max = INT64_MAX                        \
	}
static const struct field disk_fields[] = {
	{ DISK(path, "path", FIELD_CHARS), .size = PATH_MAX },
	{ DISK(size, "size_bytes", FIELD_NUMBER), .size = sizeof(uint64_t), .min = VIRTIO_BLK_SECTOR_SIZE,
	  .max = INT64_MAX, .multiple = VIRTIO_BLK_SECTOR_SIZE },
	{ DISK(read_only, "read_only", FIELD_BOOL) },
	{ DISK(engine, "engine", FIELD_NAME), .names = disk_engines, .n = N(disk_engines) },
	{ DISK(direct, "direct", FIELD_BOOL) },
	{ DISK(discard, "discard", FIELD_BOOL) },
	RATE(iops),
	RATE(bps),
	RATE(iops_burst),
	RATE(bps_burst),
	{ DISK(serial, "serial", FIELD_CHARS), .size = DISK_SERIAL_MAX + 1 },
	{ .rules = disk_rules },
};

static const struct field file_fields[] = {
	{ ROW(struct file_pair, host, "host", FIELD_TEXT), .required = true },
	{ ROW(struct file_pair, guest, "guest", FIELD_TEXT) },
	{ 0 },
};

static const struct field wake_fields[] = {
	{ ROW(struct wake_request, kind, "wake", FIELD_NAME), .required = true, .names = wake_names, .n = WAKE_KINDS },
	{ ROW(struct wake_request, at_ns, "at_ns", FIELD_NUMBER), .size = sizeof(uint64_t), .max = INT64_MAX },
	{ 0 },
};

#define SPEC(member, key, kind) ROW(struct machine_spec, member, key, kind)
#define TEXT(member, key)                                                                                              \
	{                                                                                                              \
		SPEC(member, key, FIELD_TEXT)                                                                          \
	}
#define FLAG(member, key)                                                                                              \
	{                                                                                                              \
		SPEC(member, key, FIELD_BOOL)                                                                          \
	}
#define NUMBER(member, key, ...)                                                                                       \
	{                                                                                                              \
		SPEC(member, key, FIELD_NUMBER), .size = SIZE(struct machine_spec, member), __VA_ARGS__                \
	}
#define WORDS(member, key, ...)                                                                                        \
	{                                                                                                              \
		SPEC(member, key, FIELD_WORDS), .n = MACHINE_LIST_MAX, __VA_ARGS__                                     \
	}
#define NAME(member, key, table)                                                                                       \
	{                                                                                                              \
		SPEC(member, key, FIELD_NAME), .names = table, .n = N(table)                                           \
	}
#define ARRAY(member, count, key, table)                                                                               \
	{                                                                                                              \
		SPEC(member, key, FIELD_OBJECTS), .fields = table, .size = SIZE(struct machine_spec, member[0]),       \
						  .n = N(((struct machine_spec *)NULL)->member),                       \
						  .count_offset = offsetof(struct machine_spec, count)                 \
	}

const struct field machine_fields[] = {
	/* in: the machine */
	NAME(host, "host", host_choice_names),
	TEXT(kernel, "kernel"),
	TEXT(initrd, "initrd"),
	{ SPEC(append, "append", FIELD_TEXT), .check = check_append },
	TEXT(scheduler, "scheduler"),
	NUMBER(cpus, "cpus", .min = 1, .max = VM_CPUS_MAX),
	NUMBER(memory, "memory_bytes", .min = VM_MEMORY_MIN, .max = MACHINE_MEMORY_MAX, .multiple = 4096),
	{ SPEC(shape.text, "topology", FIELD_TEXT), .check = check_topology },
	{ SPEC(shape.unchecked, "topology_check", FIELD_NOT) },
	{ SPEC(shape.backing, "backing", FIELD_OBJECT), .fields = backing_fields },
	ARRAY(disk, n_disks, "disks", disk_fields),
	{ SPEC(nic, "net", FIELD_OBJECT), .fields = net_fields, GIVEN(struct machine_spec, nic.wanted) },
	NAME(register_page, "register_page", register_choice_names),
	NUMBER(poll.max_ns, "poll_ns", .max = POLL_NS_MAX, GIVEN(struct machine_spec, poll.fixed)),
	/* what goes in and out */
	{ SPEC(command, "command", FIELD_WORDS), .n = SIZE_MAX, .check = check_any },
	FLAG(shell, "shell"),
	{ SPEC(guest.env, "env", FIELD_WORDS), .n = MACHINE_LIST_MAX, .check = check_env },
	TEXT(guest.cwd, "cwd"),
	ARRAY(file, n_files, "files", file_fields),
	WORDS(modules, "modules"),
	FLAG(guest.all_modules, "all_modules"),
	WORDS(outputs, "outputs"),
	NUMBER(timeout_ns, "timeout_ns", .min = 1, .max = INT64_MAX),
	TEXT(stats, "stats"),
	TEXT(scheduler_log, "scheduler_log"),
	TEXT(conversation.events, "events"),
	NUMBER(conversation.scx_stats_ns, "scx_stats_ns", .min = 1, .max = INT64_MAX),
	ARRAY(conversation.wakes, conversation.n_wakes, "wakes", wake_fields),
	FLAG(console, "console"),
	FLAG(verbose, "verbose"),
	/* the host's CPUs */
	{ SPEC(host_cpus.mode, "mode", FIELD_NAME), .names = host_mode_names, .n = N(host_mode_names),
	  GIVEN(struct machine_spec, host_cpus.mode_given) },
	FLAG(host_cpus.no_perf_mode, "no_perf_mode"),
	NUMBER(host_cpus.cap, "cpu_cap", .min = 1, .max = BITS_MAX),
	NUMBER(host_cpus.wait_ns, "wait_ns", .max = INT64_MAX),
	FLAG(host_cpus.bypass_locks, "bypass_llc_locks"),
	NUMBER(host_cpus.halt_poll_ns, "halt_poll_ns", .max = HALT_POLL_MAX_NS,
	       GIVEN(struct machine_spec, host_cpus.halt_poll_given)),
	{ 0 },
};

int machine_spec_copy(struct machine_spec *to, const struct machine_spec *from)
{
	return fields_copy(machine_fields, sizeof(*to), to, from);
}

void machine_spec_free(struct machine_spec *spec)
{
	fields_free(machine_fields, sizeof(*spec), spec);
}
