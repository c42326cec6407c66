/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The facts of a machine that ran (schema "ktstr-machine/1") as values with types, as far as reports print them. They
 * are read from the JSON once, by one table with a row for each value; a key that is missing or has another type is an
 * error that names it, and never a silent "unknown".
 */
#ifndef KTSTR_BENCH_RESULT_FACTS_H
#define KTSTR_BENCH_RESULT_FACTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FACTS_DISKS_MAX 32
#define FACT_UNKNOWN UINT64_MAX /* a count that is null */

struct facts_times {
	uint64_t count, p50, p99, max; /* ns; count FACT_UNKNOWN: not watched */
};

struct facts_disk {
	const char *path; /* NULL: in memory */
	const char *engine, *engine_reason, *sync_error;
	uint64_t capacity, reads, writes, flushes, interrupts, in_flight_max;
	struct facts_times read, write, flush;
};

/* Text is borrowed from the JSON; NULL where that has null. */
struct facts {
	const char *ktstr;
	struct {
		const char *kind, *kernel, *cpu;
		uint64_t cpus;
	} host;
	struct {
		const char *mode, *cpus;
		bool overcommitted, pause_exits, hlt_exits;
		uint64_t reactor_cpu, halt_poll_ns;
	} resources;
	struct {
		const char *kernel, *sched_ext, *shape, *scheduler;
		const json_t *debug_options, *environment; /* an array and an object, or NULL */
		uint64_t cpus, memory;
		double attach_ms;
		bool cmpxchg16b;
	} guest;
	struct {
		const json_t *exits; /* an object of counts */
		uint64_t all_exits, own_resident, guest_resident, rx_truncated;
		const char *images, *registers_why;
		bool registers_used;
	} vmm;
	struct {
		const json_t *features; /* an object */
		uint64_t sq_entries, cq_entries, wakes, completions, completions_max, cpu_ns, held_max_ns, held_long;
		double per_wake;
		uint64_t poll_max_ns, poll_hits, poll_misses, poll_ns;
		const char *poll_reason;
	} reactor;
	struct {
		uint64_t first_run, guest_init, command;
	} start_to;
	const json_t *disk_list;
	struct facts_disk disk[FACTS_DISKS_MAX];
	unsigned n_disks;
};

/* 0; or -EINVAL and @why, one line that begins with the key. @f lives as long as @json. */
int facts_read(struct facts *f, const json_t *json, char *why, size_t size);

/* For tests: the dotted path of row @i of the table, and whether its key must be there; NULL: there are no more. Those
 * of a disk come last and begin with "disks[0].". */
const char *facts_key(unsigned i, bool *required);

#endif
