/* SPDX-License-Identifier: GPL-2.0-only */
/* What a machine may take of its host's CPUs, as options: --mode and what goes with it. */
#ifndef KTSTR_BENCH_HOST_OPTIONS_H
#define KTSTR_BENCH_HOST_OPTIONS_H

#include <argp.h>

#include "bench/spec/host.h"

/* The options, as an argp child whose input is struct host_options. */
extern const struct argp host_options_argp;
/* What the options leave open, and contradictions: 0, or an exit code after it said what is wrong. */
int host_options_check(struct host_options *o);

#endif
