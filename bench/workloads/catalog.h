/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What workloads there are and what can be asked of each: one table, read by the guest's ktstr-workload and by the
 * host's command line. A workload is asked for as NAME or NAME:OPTION=VALUE,... ("messaging:groups=2,pipe=1"), and what
 * is around it follows (bench/workloads/around.h).
 */
#ifndef KTSTR_WORKLOADS_CATALOG_H
#define KTSTR_WORKLOADS_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/workloads/around.h"

#define WORKLOAD_OPTIONS_MAX 8
#define WORKLOAD_FILE_MAX 256
#define WORKLOAD_LIST_MAX 16

enum workload_value {
	VALUE_NUMBER,
	VALUE_TIME, /* ns; written "200us" */
	VALUE_BYTES,
	VALUE_LIST, /* of numbers from min to max; written "100:300:100". At most one of a workload's options */
};

struct workload_option {
	const char *name, *what;
	enum workload_value kind;
	uint64_t preset, min, max; /* preset 0 may mean one for each CPU or the like: @what says so */
};

struct workload_kind {
	const char *name;
	const char *metric; /* of its latency histogram, in ns; less is better */
	const char *rate;   /* what rate_per_s counts; more is better */
	const char *what;
	/* Names that the tests of likewhatevs/ktstr have for the same model, with a comma between; "": none. */
	const char *aliases;
	bool disk; /* works on a file or block device: has the option "file" too, /dev/vda by default */
	struct workload_option option[WORKLOAD_OPTIONS_MAX]; /* the last has no name */
};

/* All of them; the last has no name. */
extern const struct workload_kind workload_kinds[];

struct workload_asked {
	const struct workload_kind *kind;
	uint64_t value[WORKLOAD_OPTIONS_MAX]; /* by the order of kind->option; of a list how many it has */
	uint64_t list[WORKLOAD_LIST_MAX];
	struct around_asked around;
	char file[WORKLOAD_FILE_MAX];
};

/* False: @word asks for nothing that there is, and @why says what is wrong with it and what to write. */
bool workload_parse(const char *word, struct workload_asked *out, char *why, size_t size);

#endif
