/* SPDX-License-Identifier: GPL-2.0-only */
/* The sub-verbs of ktstr bench, a row each; argv[0] is the sub-verb's name. Each returns the process's exit code. */
#ifndef KTSTR_BENCH_VERB_BENCH_VERBS_H
#define KTSTR_BENCH_VERB_BENCH_VERBS_H

#include "bench/cli/verb.h"

/* The last has no name. A new one also has its line in bench/meson.build, for its page. */
extern const struct verb bench_verbs[];

int verb_bench_run(int argc, char **argv);
int verb_bench_compare(int argc, char **argv);
int verb_bench_report(int argc, char **argv);
int verb_bench_export(int argc, char **argv);
int verb_bench_show(int argc, char **argv);
int verb_bench_baseline(int argc, char **argv);
int verb_bench_bisect(int argc, char **argv);
int verb_bench_doctor(int argc, char **argv);
int verb_bench_list(int argc, char **argv);

extern const struct argp bench_run_argp, bench_compare_argp, bench_report_argp, bench_export_argp, bench_show_argp,
	bench_baseline_argp, bench_bisect_argp, bench_doctor_argp, bench_list_argp;

#endif
