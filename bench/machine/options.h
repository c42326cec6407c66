/* SPDX-License-Identifier: GPL-2.0-only */
/* The options of a machine, which run, shell and bench have in common. What they ask for is checked word by word here,
 * and against this host by machine/resolve.h. */
#ifndef KTSTR_BENCH_MACHINE_OPTIONS_H
#define KTSTR_BENCH_MACHINE_OPTIONS_H

#include <argp.h>

#include "bench/machine/arguments.h"

/* An argp child whose input is a zeroed struct machine_arguments. */
extern const struct argp machine_options_argp;
/* In a parser, at ARGP_KEY_ARG: this word and all that follow it are the guest's command, its options too. */
void machine_command_take(struct machine_arguments *a, struct argp_state *state);

#endif
