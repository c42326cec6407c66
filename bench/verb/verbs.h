/* SPDX-License-Identifier: GPL-2.0-only */
/* The verbs of the ktstr command: argv[0] is its name, argv[-1] the program's. Each returns the process's exit code. */
#ifndef KTSTR_BENCH_VERB_VERBS_H
#define KTSTR_BENCH_VERB_VERBS_H

#include <argp.h>
#include <stdint.h>

/* CLOCK_MONOTONIC when main() began. */
extern uint64_t process_start_ns;

int verb_run(int argc, char **argv);
int verb_shell(int argc, char **argv);
int verb_bench(int argc, char **argv);
int verb_doctor(int argc, char **argv);
int verb_kernel(int argc, char **argv);
int verb_topo(int argc, char **argv);
int verb_locks(int argc, char **argv);
int verb_nested(int argc, char **argv);
int verb_manual(int argc, char **argv);

extern const struct argp run_argp, shell_argp, bench_argp, doctor_argp, kernel_argp, locks_argp, topo_argp, nested_argp,
	manual_argp;

#endif
