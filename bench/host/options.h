/* SPDX-License-Identifier: GPL-2.0-only */
/* The options for the host's CPUs: --mode and those that refine it. */
#ifndef KTSTR_BENCH_HOST_OPTIONS_H
#define KTSTR_BENCH_HOST_OPTIONS_H

#include <argp.h>

#include "bench/spec/host.h"

/* The options, as an argp child whose input is struct host_options. */
extern const struct argp host_options_argp;
/* Copies @asked and decides its mode. 0, or an exit code after a message if the options contradict each other. */
int host_options_resolve(const struct host_options *asked, struct host_options *out);

#endif
