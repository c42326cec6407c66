/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ktstr-workload [OPTIONS] WORKLOAD...: runs them one after the other and puts
 * one line of JSON for each on the descriptor KTSTR_METRIC_FD (else stdout).
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/base/size.h"
#include "bench/workloads/command.h"
#include "bench/workloads/workload.h"

#define EXIT_USAGE 64
#define EXIT_UNAVAILABLE 69
#define EXIT_INTERNAL 70

static const struct workload *const workloads[] = {
	&wakeup_workload,      &messaging_workload,    &pipe_workload,		 &futex_workload,    &fork_workload,
	&yield_workload,       &fair_workload,	       &affinity_churn_workload, &compute_workload,  &periodic_workload,
	&io_randread_workload, &io_randwrite_workload, &io_fsync_workload,	 &io_tmpfs_workload, &net_workload,
};
#define WORKLOADS (sizeof(workloads) / sizeof(*workloads))
#define RUNS_MAX 16

struct arguments {
	struct options options;
	bool marks, is_command;
	struct command command;
	struct workload_asked run[RUNS_MAX];
	unsigned n_runs;
};

static uint64_t take_number(struct argp_state *state, const char *name, const char *arg, uint64_t min, uint64_t max)
{
	uint64_t n = 0;

	if (number_parse(arg, min, max, &n))
		argp_error(state, "--%s %s: not a number from %" PRIu64 " to %" PRIu64, name, arg, min, max);
	return n;
}

static void take_workload(struct arguments *a, struct argp_state *state, const char *word)
{
	char why[512];

	if (a->n_runs == RUNS_MAX)
		argp_error(state, "%s: one more than %d workloads", word, RUNS_MAX);
	else if (!workload_parse(word, &a->run[a->n_runs++], why, sizeof(why)))
		argp_error(state, "%s", why);
}

static const struct workload *find_workload(const struct workload_asked *asked)
{
	for (unsigned i = 0; i < WORKLOADS; i++)
		if (!strcmp(workloads[i]->name, asked->kind->name))
			return workloads[i];
	return NULL;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	struct options *o = &a->options;

	switch (key) {
	case 'd':
		if (duration_parse(arg, &o->duration_ns) || !o->duration_ns)
			argp_error(state, "--duration %s: not a duration such as 5s", arg);
		break;
	case 'W':
		if (duration_parse(arg, &o->warmup_ns))
			argp_error(state, "--warmup %s: not a duration such as 500ms", arg);
		break;
	case 's':
		o->seed = take_number(state, "seed", arg, 1, INT64_MAX);
		break;
	case 'm':
		a->marks = true;
		break;
	case 'c':
		a->is_command = true;
		break;
	case 'p':
		if (a->command.n_parse == COMMAND_PARSE_MAX)
			argp_error(state, "--parse %s: one more than %d", arg, COMMAND_PARSE_MAX);
		a->command.parse[a->command.n_parse++] = arg;
		break;
	case ARGP_KEY_ARG:
		if (a->is_command) {
			a->command.argv = state->argv + state->next - 1;
			state->next = state->argc;
			break;
		}
		take_workload(a, state, arg);
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "no workload or command named");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_option options[] = {
	{ "duration", 'd', "TIME", 0, "Measure that long (5s), longer for want of 1000 samples, ten times at most", 0 },
	{ "warmup", 'W', "TIME", 0, "Discard what is seen that long before (a tenth of the duration)", 0 },
	{ "seed", 's', "N", 0, "Of all that is random (1)", 0 },
	{ "marks", 'm', NULL, 0,
	  "Write a line of JSON before and after each measurement, and wait until it is answered by a line on stdin",
	  0 },
	{ "command", 'c', NULL, 0, "The words are a program and its arguments, which is measured from outside", 0 },
	{ "parse", 'p', "FILES", 0, "Files of that program (a pattern) whose text goes to the host; may be repeated",
	  0 },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "WORKLOAD[:OPTION=VALUE,...]...\n--command -- CMD [ARG...]",
	.doc = "Measure latencies in a guest.\vThe workloads and their options are those of ktstr bench --help. The "
	       "result is a "
	       "line of JSON on the descriptor KTSTR_METRIC_FD, or on stdout.",
};

const char *argp_program_version = "ktstr-workload " KTSTR_VERSION;

static FILE *metrics_open(void)
{
	const char *fd = getenv("KTSTR_METRIC_FD");
	uint64_t n;

	if (!fd)
		return stdout;
	return number_parse(fd, 0, 1 << 20, &n) ? NULL : fdopen((int)n, "w");
}

/* One of them. 0, or an exit code after a line on stderr. */
static int run_one(struct run *run, FILE *metrics)
{
	const struct workload *w = find_workload(run->asked);
	char why[1024] = "out of memory";
	int code = EXIT_UNAVAILABLE;

	fprintf(stderr, "ktstr-workload: %s\n", w->name);
	if (!setting_open(&run->setting, &run->asked->around, why, sizeof(why))) {
		fprintf(stderr, "ktstr-workload: %s: %s\n", w->name, why);
	} else {
		code = w->run(run);
		if (!code && run->error) {
			fprintf(stderr, "ktstr-workload: %s: %s\n", w->name, strerror(run->error));
			code = EXIT_INTERNAL;
		}
		if (!code && !setting_holds(&run->setting)) {
			fprintf(stderr, "ktstr-workload: %s: a process of +bg ended before the workload did\n",
				w->name);
			code = EXIT_INTERNAL;
		}
	}
	setting_close(&run->setting);
	if (!code)
		print_result(run, metrics);
	return code;
}

int main(int argc, char **argv)
{
	struct arguments a = { .options = { .duration_ns = 5000000000u, .warmup_ns = UINT64_MAX, .seed = 1 } };
	static struct run run;
	FILE *metrics;
	int code = 0;

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (a.options.warmup_ns == UINT64_MAX)
		a.options.warmup_ns = a.options.duration_ns / 10;
	metrics = metrics_open();
	if (!metrics) {
		fprintf(stderr, "ktstr-workload: KTSTR_METRIC_FD: not an open descriptor\n");
		return EXIT_USAGE;
	}
	/* Of a channel whose reader was told to go. */
	signal(SIGPIPE, SIG_IGN);
	if (a.is_command) {
		a.command.metrics = metrics;
		a.command.marks = a.marks;
		return command_run(&a.command);
	}
	for (unsigned i = 0; i < a.n_runs && !code; i++) {
		const struct workload *w = find_workload(&a.run[i]);

		memset(&run, 0, sizeof(run));
		run.options = &a.options;
		run.asked = &a.run[i];
		run.window = (struct window){ .marks = a.marks ? metrics : NULL, .workload = w->name, .index = i };
		code = run_one(&run, metrics);
		free(run.worker);
	}
	return code;
}
