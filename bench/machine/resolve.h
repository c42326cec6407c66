/* SPDX-License-Identifier: GPL-2.0-only */
/* From what is asked of a machine to what it will be: by name and by looking at the files, before any VM exists. */
#ifndef KTSTR_BENCH_MACHINE_RESOLVE_H
#define KTSTR_BENCH_MACHINE_RESOLVE_H

#include "bench/machine/resolved.h"

/*
 * Find the kernel; check kernel, initrd, disks and files; decide what was left open. @spec must outlive @r. 0, or an
 * exit code after it said on stderr what is wrong.
 */
int machine_resolve(const struct machine_spec *spec, struct machine_resolved *r);
/* Whether there is a command for run or shell, and a program for it. 0, or an exit code after a line on stderr. */
int machine_command_check(const struct machine_spec *spec);
/* Whether the kernel can be booted, as far as that can be known before. 0, or an exit code after a line on stderr. */
int machine_kernel_check(const struct machine_resolved *r);

#endif
