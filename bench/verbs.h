/* SPDX-License-Identifier: GPL-2.0-only */
/* The verbs of the ktstr command: argv[0] is its name,
 * argv[-1] the program's. Each returns the process's exit code. */
#ifndef KTSTR_BENCH_VERBS_H
#define KTSTR_BENCH_VERBS_H

#include <stdint.h>

/* CLOCK_MONOTONIC when main() began. */
extern uint64_t process_start_ns;

int verb_run(int argc, char **argv);
int verb_shell(int argc, char **argv);
int verb_bench(int argc, char **argv);
int verb_doctor(int argc, char **argv);
int verb_kernel(int argc, char **argv);
int verb_nested(int argc, char **argv);

#endif
