/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ktstr-frames: virtio-net's loopback, driven by a guest of our own that boots on any /dev/kvm. Each way to handle a
 * kick in turn, in one run: what counts is the ratio of a round to the same round of the first way.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/base/size.h"
#include "bench/lab/frames/way.h"
#include "bench/spec/poll.h"

enum { EXIT_USAGE = 64, EXIT_UNAVAILABLE = 69, EXIT_INTERNAL = 70 };

#define ROUNDS_MAX 99

static const struct load loads[] = { { 1, 60, 0 }, { 1, 1514, 0 }, { 16, 60, 0 }, { 128, 60, 0 }, { 128, 1514, 0 } };
#define LOADS (sizeof(loads) / sizeof(*loads))

static const char usage[] =
	"usage: ktstr-frames [OPTION...] GUEST\n\n"
	"Times frames from a guest to its host and back. GUEST is guest.elf of this program's build directory.\n\n"
	"  --seconds=TIME  for each run (0.5s)\n"
	"  --rounds=N      1..99 (5)\n"
	"  --json=FILE     all rounds, for programs\n";

struct results {
	unsigned rounds;
	uint64_t ns;
	struct sample sample[LOADS][WAYS][ROUNDS_MAX];
	char why[WAYS][512]; /* not measured any more */
};

static double median(double *v, unsigned n)
{
	for (unsigned i = 1; i < n; i++)
		for (unsigned j = i; j && v[j - 1] > v[j]; j--) {
			double t = v[j];

			v[j] = v[j - 1];
			v[j - 1] = t;
		}
	return n ? n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2 : 0;
}

/* Of the member of struct sample at @offset, over the rounds. */
static double median_of(const struct results *r, unsigned l, enum way w, size_t offset)
{
	double v[ROUNDS_MAX];

	for (unsigned i = 0; i < r->rounds; i++)
		v[i] = *(const double *)((const char *)&r->sample[l][w][i] + offset);
	return median(v, r->rounds);
}
#define MEDIAN(r, l, w, member) median_of(r, l, w, offsetof(struct sample, member))

/*
 * Round by round against the first way: median, least and most. Of round trips, less is better: their p50, which is
 * less of a matter of what else the machine does than the mean is; of streams, frames a second.
 */
static double ratio(const struct results *r, unsigned l, enum way w, double *low, double *high)
{
	double v[ROUNDS_MAX], mid;

	for (unsigned i = 0; i < r->rounds; i++) {
		const struct sample *a = &r->sample[l][w][i], *b = &r->sample[l][WAY_EXIT][i];

		v[i] = loads[l].window == 1 ? a->p50_us / b->p50_us : a->frames_per_s / b->frames_per_s;
	}
	mid = median(v, r->rounds);
	*low = v[0];
	*high = v[r->rounds - 1];
	return mid;
}

static uint64_t allocations_of(const struct results *r, unsigned l, enum way w)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < r->rounds; i++)
		n += r->sample[l][w][i].allocations;
	return n;
}

static void print_row(const struct results *r, unsigned l, enum way w)
{
	double low, high, mid = ratio(r, l, w, &low, &high), outside = MEDIAN(r, l, w, outside_us);
	char text[64] = "";

	if (loads[l].window == 1)
		snprintf(text, sizeof(text), "%8.1f %8.1f %8.1f", MEDIAN(r, l, w, mean_us), MEDIAN(r, l, w, p50_us),
			 MEDIAN(r, l, w, p99_us));
	printf("%6u %6u  %-22s %9.0f %26s %6.2f ", loads[l].window, loads[l].bytes, way_names[w],
	       MEDIAN(r, l, w, frames_per_s), text, MEDIAN(r, l, w, exits));
	if (outside < 0)
		printf("%8s", "?");
	else
		printf("%8.2f", outside);
	printf(" %8.2f %8.2f %6.2f %6llu  %.2f (%.2f .. %.2f)\n", MEDIAN(r, l, w, vcpu_cpu_us),
	       MEDIAN(r, l, w, reactor_cpu_us), MEDIAN(r, l, w, interrupts),
	       (unsigned long long)allocations_of(r, l, w), mid, low, high);
}

static void report_print(const struct results *r)
{
	printf("%6s %6s  %-22s %9s %8s %8s %8s %6s %8s %8s %8s %6s %6s  %s\n", "window", "bytes", "kick handled",
	       "frames/s", "mean us", "p50 us", "p99 us", "exits", "outside", "vCPU us", "react us", "irqs", "allocs",
	       "ratio");
	for (unsigned l = 0; l < LOADS; l++)
		for (enum way w = 0; w < WAYS; w++)
			if (!r->why[w][0])
				print_row(r, l, w);
	for (enum way w = 0; w < WAYS; w++)
		if (r->why[w][0])
			printf("%s: not measured: %s\n", way_names[w], r->why[w]);
	printf("\nbusy-wait, as --poll auto has it where a CPU is to spare: at most %.0f us", POLL_AUTO_NS / 1e3);
	printf("\nexits: to user space a frame; outside: us a frame that the vCPU was not in KVM_RUN; vCPU, react: CPU "
	       "us a frame\n"
	       "of the vCPU's thread (the guest's in it) and the reactor's; allocs: in all, after the guest had "
	       "started\n");
}

static json_t *sample_json(const struct sample *s)
{
	return json_pack("{sf sf sf sf sf sf sf sf sf sf sI}", "frames", s->frames, "frames_per_s", s->frames_per_s,
			 "mean_us", s->mean_us, "p50_us", s->p50_us, "p99_us", s->p99_us, "exits", s->exits,
			 "outside_us", s->outside_us, "vcpu_cpu_us", s->vcpu_cpu_us, "reactor_cpu_us",
			 s->reactor_cpu_us, "interrupts", s->interrupts, "allocations", (json_int_t)s->allocations);
}

static int write_json(const struct results *r, const char *path)
{
	json_t *j = json_pack("{ss sI sI s[]}", "schema", "ktstr-frames/2", "ns", (json_int_t)r->ns, "busy_wait_ns",
			      (json_int_t)POLL_AUTO_NS, "cells");
	int err;

	for (unsigned l = 0; l < LOADS; l++)
		for (enum way w = 0; w < WAYS; w++) {
			json_t *rounds = json_array();

			for (unsigned i = 0; i < r->rounds && !r->why[w][0]; i++)
				json_array_append_new(rounds, sample_json(&r->sample[l][w][i]));
			json_array_append_new(json_object_get(j, "cells"),
					      json_pack("{si si ss so}", "window", (int)loads[l].window, "bytes",
							(int)loads[l].bytes, "way", way_names[w], "rounds", rounds));
		}
	err = json_dump_file(j, path, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
	json_decref(j);
	if (err)
		fprintf(stderr, "ktstr-frames: %s: can't be written: %s\n", path, strerror(errno));
	return err;
}

static void stuck(int signo)
{
	static const char text[] = "ktstr-frames: a run does not end: a kick or an interrupt was lost\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(EXIT_INTERNAL);
}

/* Where a way finds caches and CPUs depends on who ran before it: each round begins with another one. */
static void measure(struct results *r, const char *guest)
{
	for (unsigned i = 0; i < r->rounds; i++)
		for (unsigned l = 0; l < LOADS; l++)
			for (unsigned k = 0; k < WAYS; k++) {
				enum way w = (i + k) % WAYS;
				struct load load = loads[l];

				if (w == WAY_POLL || w == WAY_PAGE_POLL)
					load.busy_wait_ns = POLL_AUTO_NS;
				if (r->why[w][0])
					continue;
				alarm((unsigned)(r->ns / 1000000000) + 60);
				way_measure(w, guest, &load, r->ns, &r->sample[l][w][i], r->why[w], sizeof(r->why[w]));
				alarm(0);
			}
}

static void __attribute__((noreturn)) bad_usage(const char *what, const char *wanted)
{
	fprintf(stderr, "ktstr-frames: %s: %s; see --help\n", what, wanted);
	exit(EXIT_USAGE);
}

static const char *parse(struct results *r, const char **json, int argc, char **argv)
{
	static const struct option known[] = {
		{ "seconds", 1, NULL, 's' }, { "rounds", 1, NULL, 'r' }, { "json", 1, NULL, 'j' },
		{ "help", 0, NULL, 'h' },    { NULL, 0, NULL, 0 },
	};
	uint64_t rounds = 5;
	int key;

	r->ns = 500000000;
	while ((key = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		if (key == 's' && (duration_parse(optarg, &r->ns) || r->ns < 1000000 || r->ns > 600000000000ull))
			bad_usage(optarg, "--seconds wants 1ms to 10m");
		if (key == 'r' && number_parse(optarg, 1, ROUNDS_MAX, &rounds))
			bad_usage(optarg, "--rounds wants 1 to 99");
		if (key == 'j')
			*json = optarg;
		if (key == 'h') {
			fputs(usage, stdout);
			exit(0);
		}
		if (key == '?')
			exit(EXIT_USAGE);
	}
	if (argc - optind != 1)
		bad_usage("GUEST", "one is wanted");
	r->rounds = (unsigned)rounds;
	return argv[optind];
}

int main(int argc, char **argv)
{
	static struct results r;
	const char *json = NULL, *guest = parse(&r, &json, argc, argv);

	signal(SIGALRM, stuck);
	measure(&r, guest);
	if (r.why[WAY_EXIT][0]) {
		fprintf(stderr, "ktstr-frames: %s: %s\n", way_names[WAY_EXIT], r.why[WAY_EXIT]);
		return EXIT_UNAVAILABLE;
	}
	report_print(&r);
	return json && write_json(&r, json) ? EXIT_INTERNAL : 0;
}
