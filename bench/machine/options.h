/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What run and bench have in common on their command lines: the machine. All
 * of it is checked, by name and by looking at the files, before any VM exists.
 */
#ifndef KTSTR_BENCH_MACHINE_OPTIONS_H
#define KTSTR_BENCH_MACHINE_OPTIONS_H

#include <argp.h>
#include <limits.h>
#include <stdbool.h>

#include "bench/spec/machine.h"

/* Set what is not asked for; @o is zeroed. */
void machine_options_init(struct machine_options *o);
/* The options, as an argp child whose input is struct machine_options. */
extern const struct argp machine_options_argp;
/*
 * Find the kernel; look at kernel, initrd, disks and files. Returns 0, or an
 * exit code after it said on stderr what is wrong.
 */
int machine_options_check(struct machine_options *o);
/* Whether the kernel can be booted, as far as that can be told before. 0, or an exit code after a word on stderr. */
int machine_kernel_check(const struct machine_options *o);

#endif
