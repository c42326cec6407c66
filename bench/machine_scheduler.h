/* SPDX-License-Identifier: GPL-2.0-only */
/* --scheduler: the guest's command runs under bpf/loader.c, with a scheduler of ours or one that a program brings. */
#ifndef KTSTR_BENCH_MACHINE_SCHEDULER_H
#define KTSTR_BENCH_MACHINE_SCHEDULER_H

#include <limits.h>
#include <stdbool.h>

#include "bench/initramfs.h"
#include "bench/machine_options.h"

/* One of ours, or words of which the first has a '/' in it; else a usage error. */
void machine_scheduler_parse(struct machine_options *o, const char *arg);
/* The program on this machine; false: it is none. */
bool machine_scheduler_program(const struct machine_options *o, char host[PATH_MAX]);
/* That it is there, and the kernel may have sched_ext. 0, or an exit code after a word on stderr. */
int machine_scheduler_check(const struct machine_options *o);
/* What the guest needs of it, and @argv behind the loader's words. 0, or an exit code after a word on stderr. */
int machine_scheduler_argv(struct initramfs *in, const struct machine_options *o, char *const *argv);

#endif
