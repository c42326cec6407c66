/* SPDX-License-Identifier: GPL-2.0-only */
/* What a machine may take of its host's CPUs, as options: --mode and what goes with it. */
#ifndef KTSTR_BENCH_HOST_OPTIONS_H
#define KTSTR_BENCH_HOST_OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/placement.h"

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

/* The options, as an argp child whose input is struct host_options. */
extern const struct argp host_options_argp;
/* What the options leave open, and contradictions: 0, or an exit code after it said what is wrong. */
int host_options_check(struct host_options *o);

#endif
