/* SPDX-License-Identifier: GPL-2.0-only */
/* The verbs of the ktstr command: argv[0] is its name,
 * argv[-1] the program's. Each returns the process's exit code. */
#ifndef KTSTR_BENCH_VERBS_H
#define KTSTR_BENCH_VERBS_H

#include <argp.h>
#include <stdint.h>

/* CLOCK_MONOTONIC when main() began. */
extern uint64_t process_start_ns;

enum {
	VERB_MACHINE = 1, /* has the machine's options: settings of the environment and without a section are its */
	VERB_COMMAND = 2, /* what stands behind the first word is a command's, its options too */
	VERB_HIDDEN = 4,  /* for the build */
};

struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
	const struct argp *argp;
	unsigned flags;
};
/* All of them; the last has no name. */
extern const struct verb verbs[];
/* What --help and the manual say beside the tables. */
extern const char verbs_what[], verbs_examples[], verbs_exit_codes[];

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
