/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A job file of ktstr bench: what is measured and how, as its options and words.
 *   # a comment
 *   cpus = 4               an option by its long name; one that takes no value: yes or no
 *   duration = 10s
 *   command = fio x.fio    instead of sections: what stands after --, quoted as for a shell
 *   [wakeup]               a workload, which runs after those before it
 *   workers = 4            its options
 *   [load]                 or one by any name,
 *   workload = messaging   which says first what it is
 */
#ifndef KTSTR_BENCH_CLI_JOB_H
#define KTSTR_BENCH_CLI_JOB_H

#define JOB_OPTIONS_MAX 128
#define JOB_WORKLOADS_MAX 16
#define JOB_COMMAND_MAX 256 /* words */

struct job_option {
	char *name, *value;
	char *origin; /* FILE:LINE */
};

struct job_file {
	struct job_option option[JOB_OPTIONS_MAX];
	unsigned n_options;
	char *workload[JOB_WORKLOADS_MAX]; /* "wakeup:workers=4" */
	unsigned n_workloads;
	char **command; /* NULL-terminated; NULL: none */
};

/* Lives as long as the process, which ends with EXIT_USAGE, FILE and LINE for what is wrong. Options are not checked.
 */
void job_read(const char *path, struct job_file *job);

#endif
