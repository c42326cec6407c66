/* SPDX-License-Identifier: GPL-2.0-only */
/* What a machine may take of its host's CPUs, as options: --mode and what goes with it. */
#ifndef KTSTR_BENCH_HOST_OPTIONS_H
#define KTSTR_BENCH_HOST_OPTIONS_H

#include <argp.h>

#include "bench/spec/host.h"

/* The options, as an argp child whose input is struct host_options. */
extern const struct argp host_options_argp;
/* @asked with its mode decided. 0; or an exit code, after a line on stderr, where its options contradict each other. */
int host_options_resolve(const struct host_options *asked, struct host_options *out);

#endif
