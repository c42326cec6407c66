/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ktstr-workload [OPTIONS] WORKLOAD...: runs them one after the other and puts
 * one line of JSON for each on the descriptor KTSTR_METRIC_FD (else stdout).
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/base/size.h"
#include "bench/workloads/workload.h"

#define POLL_NS 10000000ull
#define EXIT_USAGE 64
#define EXIT_INTERNAL 70

static const struct workload *const workloads[] = { &wakeup_workload, &io_randread_workload };
#define WORKLOADS (sizeof(workloads) / sizeof(*workloads))
#define RUNS_MAX 16

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* xorshift64: the same seed gives the same offsets. */
uint64_t random_next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
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
	start = now_ns();
	run->phase = PHASE_MEASURE;
	for (unsigned i = 1; i <= WORKLOAD_CAP && !run->error; i++) {
		wait_until(run, start + i * o->duration_ns);
		if (run->samples >= WORKLOAD_SAMPLES_MIN)
			break;
	}
	run->phase = PHASE_STOP;
	run->measured_ns = now_ns() - start;
}

static void print_result(const struct workload *w, const struct run *run, FILE *f)
{
	double seconds = (double)run->measured_ns / 1e9;

	fprintf(f, "{\"workload\":\"%s\",\"metric\":\"%s\",\"unit\":\"ns\",\"seed\":%" PRIu64 ",\"config\":{", w->name,
		w->metric, run->options->seed);
	w->print_config(run, f);
	fprintf(f, "},\"warmup_ns\":%" PRIu64 ",\"duration_ns\":%" PRIu64 ",\"measured_ns\":%" PRIu64,
		run->options->warmup_ns, run->options->duration_ns, run->measured_ns);
	fprintf(f, ",\"rate_per_s\":%.3f,\"histogram\":", seconds > 0 ? (double)run->latency.count / seconds : 0);
	hist_write_json(&run->latency, f);
	fputs("}\n", f);
	fflush(f);
}

struct arguments {
	struct options options;
	const struct workload *run[RUNS_MAX];
	unsigned n_runs;
};

static uint64_t take_number(struct argp_state *state, const char *name, const char *arg, uint64_t min, uint64_t max)
{
	uint64_t n = 0;

	if (number_parse(arg, min, max, &n))
		argp_error(state, "--%s %s: not a number from %" PRIu64 " to %" PRIu64, name, arg, min, max);
	return n;
}

static void take_workload(struct arguments *a, struct argp_state *state, const char *name)
{
	for (unsigned i = 0; i < WORKLOADS && a->n_runs < RUNS_MAX; i++) {
		if (strcmp(workloads[i]->name, name))
			continue;
		a->run[a->n_runs++] = workloads[i];
		return;
	}
	argp_error(state, "%s: no such workload (or more than %d)", name, RUNS_MAX);
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
		o->messengers = (unsigned)take_number(state, "messengers", arg, 1, 256);
		break;
	case 'w':
		o->workers = (unsigned)take_number(state, "workers", arg, 1, 4096);
		break;
	case 'o':
		o->operations = (unsigned)take_number(state, "operations", arg, 0, 1000000);
		break;
	case 't':
		o->threads = (unsigned)take_number(state, "threads", arg, 1, 256);
		break;
	case 'f':
		o->file = arg;
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
	{ "messengers", 'm', "N", 0, "wakeup: message threads (one for 16 CPUs)", 1 },
	{ "workers", 'w', "N", 0, "wakeup: workers of each message thread (one for each CPU)", 1 },
	{ "operations", 'o', "N", 0, "wakeup: multiplications of small matrices between two waits (5)", 1 },
	{ "threads", 't', "N", 0, "io-randread: threads with one read in flight each (1)", 2 },
	{ "file", 'f', "PATH", 0, "io-randread: file or block device (/dev/vda)", 2 },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "WORKLOAD...",
	.doc = "Measure latencies in a guest.\vWorkloads: wakeup (threads that wake each other; how long until the "
	       "woken "
	       "runs), io-randread (4 KiB direct reads at random offsets; how long each takes). The result is a line "
	       "of JSON on the descriptor KTSTR_METRIC_FD, or on stdout.",
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
	struct arguments a = { .options = { .duration_ns = 5000000000u,
					    .warmup_ns = UINT64_MAX,
					    .seed = 1,
					    .operations = 5,
					    .threads = 1,
					    .file = "/dev/vda" } };
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
	for (unsigned i = 0; i < a.n_runs && !code; i++) {
		memset(&run, 0, sizeof(run));
		run.options = &a.options;
		fprintf(stderr, "ktstr-workload: %s\n", a.run[i]->name);
		code = a.run[i]->run(&run);
		if (!code && run.error) {
			fprintf(stderr, "ktstr-workload: %s: %s\n", a.run[i]->name, strerror(run.error));
			code = EXIT_INTERNAL;
		}
		if (!code)
			print_result(a.run[i], &run, metrics);
	}
	return code;
}
