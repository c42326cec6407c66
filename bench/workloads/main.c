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
#include <time.h>
#include <unistd.h>

#include "bench/base/size.h"
#include "bench/workloads/workload.h"

#define POLL_NS 10000000ull
#define EXIT_USAGE 64
#define EXIT_INTERNAL 70

static const struct workload *const workloads[] = {
	&wakeup_workload,      &messaging_workload,    &pipe_workload,		 &futex_workload,   &fork_workload,
	&yield_workload,       &fair_workload,	       &affinity_churn_workload, &compute_workload, &periodic_workload,
	&io_randread_workload, &io_randwrite_workload, &io_fsync_workload,
};
#define WORKLOADS (sizeof(workloads) / sizeof(*workloads))
#define RUNS_MAX 16

/* xorshift64: the same seed gives the same offsets. */
uint64_t random_next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

uint64_t random_start(uint64_t seed, unsigned index)
{
	return (seed + index) * UINT64_C(0x9e3779b97f4a7c15) | 1;
}

unsigned cpus_online(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (unsigned)n : 1;
}

void run_fail(struct run *run, int error)
{
	int none = 0;

	atomic_compare_exchange_strong(&run->error, &none, error);
}

void run_figure(struct run *run, const char *name, const char *unit, bool more_is_better, double value)
{
	if (run->n_figures < FIGURES_MAX)
		run->figure[run->n_figures++] = (struct figure){ name, unit, more_is_better, value };
}

static void wait_until(struct run *run, uint64_t deadline)
{
	struct timespec t = { 0 };

	for (uint64_t now; (now = now_ns()) < deadline && !run->error;) {
		t.tv_nsec = (long)(deadline - now < POLL_NS ? deadline - now : POLL_NS);
		nanosleep(&t, NULL);
	}
}

void run_wait(struct run *run)
{
	const struct options *o = run->options;
	uint64_t start;

	wait_until(run, now_ns() + o->warmup_ns);
	window_begin(&run->window);
	start = run->window.begin_ns;
	run->phase = PHASE_MEASURE;
	for (unsigned i = 1; i <= WORKLOAD_CAP && !run->error; i++) {
		wait_until(run, start + i * o->duration_ns);
		if (!run->samples || run->samples(run) >= WORKLOAD_SAMPLES_MIN)
			break;
	}
	run->phase = PHASE_STOP;
	window_end(&run->window);
	run->measured_ns = run->window.end_ns - start;
}

static void print_config(const struct workload_asked *asked, FILE *f)
{
	const char *comma = "";

	if (asked->kind->disk) {
		fputs("\"file\":", f);
		print_quoted(asked->file, f);
		comma = ",";
	}
	for (unsigned i = 0; i < WORKLOAD_OPTIONS_MAX && asked->kind->option[i].name; i++, comma = ",")
		fprintf(f, "%s\"%s\":%" PRIu64, comma, asked->kind->option[i].name, asked->value[i]);
}

static void print_result(const struct run *run, FILE *f)
{
	const struct workload_kind *kind = run->asked->kind;
	double seconds = (double)run->measured_ns / 1e9;

	fprintf(f, "{\"workload\":\"%s\",\"metric\":\"%s\",\"unit\":\"ns\",\"seed\":%" PRIu64 ",\"config\":{",
		kind->name, kind->metric, run->options->seed);
	print_config(run->asked, f);
	fprintf(f, "},\"warmup_ns\":%" PRIu64 ",\"duration_ns\":%" PRIu64 ",\"measured_ns\":%" PRIu64,
		run->options->warmup_ns, run->options->duration_ns, run->measured_ns);
	fputs(",\"window\":", f);
	window_print(&run->window, f);
	fprintf(f, ",\"rate_per_s\":%.3f,\"rate_of\":\"%s\",\"figures\":[",
		seconds > 0 ? (double)run->latency.count / seconds : 0, kind->rate);
	for (unsigned i = 0; i < run->n_figures; i++)
		fprintf(f, "%s{\"name\":\"%s\",\"unit\":\"%s\",\"more_is_better\":%s,\"value\":%.17g}", i ? "," : "",
			run->figure[i].name, run->figure[i].unit, run->figure[i].more_is_better ? "true" : "false",
			run->figure[i].value);
	fputs("],\"histogram\":", f);
	hist_write_json(&run->latency, f);
	fputs("}\n", f);
	fflush(f);
}

struct arguments {
	struct options options;
	bool marks;
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
	case ARGP_KEY_ARG:
		take_workload(a, state, arg);
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "no workload named");
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
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "WORKLOAD[:OPTION=VALUE,...]...",
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
	for (unsigned i = 0; i < a.n_runs && !code; i++) {
		const struct workload *w = find_workload(&a.run[i]);

		memset(&run, 0, sizeof(run));
		run.options = &a.options;
		run.asked = &a.run[i];
		run.window = (struct window){ .marks = a.marks ? metrics : NULL, .workload = w->name, .index = i };
		fprintf(stderr, "ktstr-workload: %s\n", w->name);
		code = w->run(&run);
		if (!code && run.error) {
			fprintf(stderr, "ktstr-workload: %s: %s\n", w->name, strerror(run.error));
			code = EXIT_INTERNAL;
		}
		if (!code)
			print_result(&run, metrics);
	}
	return code;
}
