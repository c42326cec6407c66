/* SPDX-License-Identifier: GPL-2.0-only */
/* What one boot of ktstr bench measured: from the guest's lines to the table, the JSON file and the exit code. */
#ifndef KTSTR_BENCH_VERB_BENCH_RESULT_H
#define KTSTR_BENCH_VERB_BENCH_RESULT_H

#include "bench/machine/job.h"
#include "bench/result/command.h"
#include "bench/result/report.h"
#include "bench/result/validity.h"
#include "bench/verb/bench_noise.h"

#define WORKLOADS_MAX 8

struct bench_result {
	const char *json;     /* --json, or NULL */
	unsigned n_workloads; /* that were asked for */
	struct report_result *result[WORKLOADS_MAX];
	json_t *line[WORKLOADS_MAX];
	unsigned n;
	bool bad_line;
	bool is_command;   /* a program instead of workloads */
	bool parser_asked; /* the user named it: finding nothing is a failure */
	struct command_result command;
	uint64_t begin_ns[WORKLOADS_MAX],
		end_ns[WORKLOADS_MAX]; /* when the marks of the windows came; 0: they did not */
	int answers;		       /* where marks are answered: the guest's stdin */
	struct validity validity;
	double max_dilation; /* of a vCPU whose run counts; 0: any */
	struct noise *noise; /* of machine_result, until the end */
};

/* Set up @job so that lines and windows of the guest come to @b. 0, or an exit code after a line on stderr. */
int bench_result_attach(struct bench_result *b, struct machine_job *job);
/*
 * After the machine's end: decide whether the run counts, print the table where it does, write the file in any case,
 * and free all. Returns the exit code.
 */
int bench_result_finish(struct bench_result *b, struct machine_result *machine);
/* Without a machine: the reason, which was said on stderr, goes into the file. The exit code. */
int bench_result_skip(struct bench_result *b, const char *reason);

#endif
