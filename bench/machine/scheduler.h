/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * --scheduler: the guest's command runs under bpf/loader.c, with a scheduler of
 * ours, a BPF object's, or a program. Its text is the name of
 * one of ours, or a file, or words quoted as for a shell (bpf/words.h), of which
 * the first is a path or a program of PATH.
 */
#ifndef KTSTR_BENCH_MACHINE_SCHEDULER_H
#define KTSTR_BENCH_MACHINE_SCHEDULER_H

#include <limits.h>
#include <stdbool.h>

#include "bench/initramfs/archive.h"
#include "bench/machine/resolved.h"

#define SCHEDULER_LOADER_IN_GUEST "/ktstr/ktstr-scx"

/* @arg for @scheduler; a usage error where it names nothing. */
void machine_scheduler_parse(char **scheduler, const char *arg);
/* The program or object on this machine; false: it is neither. */
bool machine_scheduler_program(const struct machine_spec *o, char host[PATH_MAX]);
/* What to call it: one of ours, or the file's name, in @name. */
const char *machine_scheduler_name(const struct machine_spec *o, char name[PATH_MAX]);
/* Whether a file is a BPF object, which is loaded and not executed. */
bool machine_scheduler_is_object(const char *host);
/* That it is there, and the kernel may have sched_ext. 0, or an exit code after a line on stderr. */
int machine_scheduler_check(struct machine_resolved *r);
/* The guest's command is the loader's words and @argv; machine/programs.h copies the programs. 0, or an exit code after
 * a line on stderr. */
int machine_scheduler_argv(struct initramfs *in, const struct machine_spec *o, const char *const *argv);

#endif
