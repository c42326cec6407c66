/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the machine is to run, and what it may take of its host's CPUs. */
#ifndef KTSTR_BENCH_SPEC_HOST_H
#define KTSTR_BENCH_SPEC_HOST_H

#include <stdbool.h>
#include <stdint.h>

#define HALT_POLL_MAX_NS 1000000000u

/*
 * HOST_TRY, undocumented: direct, whatever the probe says, to time a start up to the point where such a KVM gives up.
 */
enum host_choice { HOST_AUTO, HOST_DIRECT, HOST_NESTED, HOST_TRY };
extern const char *const host_choice_names[HOST_TRY + 1];
/* See bench/host/placement.h. */
enum host_mode { MODE_DEFAULT, MODE_PERFORMANCE, MODE_SHARED };
extern const char *const host_mode_names[MODE_SHARED + 1];

struct host_options {
	enum host_mode mode;
	bool mode_given;
	bool no_perf_mode;
	unsigned cap; /* CPUs; 0: not given */
	uint64_t wait_ns;
	bool bypass_locks;
	bool halt_poll_given;
	uint32_t halt_poll_ns;
};

#endif
