/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The throttle by the wall clock: a driver that keeps its queue filled, a disk
 * in memory, and a limit. First the burst is spent; then a window is timed from
 * one completion to another. Lateness is the device's own account of each
 * grant: from the moment when the tokens were there to the one when it acted.
 */

#include "bench/lab/plane/throttle.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/base/hist.h"
#include "bench/base/size.h"
#include "bench/lab/plane/device.h"

#define DEPTH 8u
#define DISK_BYTES (16ull << 20)
#define SPEND_NS_MAX 20000000000ull /* a machine that is too slow for the limit never spends the burst */
#define LATE_GOAL_NS 1000000ull

enum { EXIT_USAGE = 64, EXIT_UNAVAILABLE = 69, EXIT_INTERNAL = 70 };

static const char usage[] = "usage: ktstr-plane throttle [OPTION...]\n\n"
			    "Keeps a throttled disk in memory busy, 4 KiB reads 8 deep, once its burst is spent.\n\n"
			    "  --seconds=TIME  the window of each case (10s)\n"
			    "  --json=FILE     the results for programs\n";

struct limit {
	const char *name;
	struct blk_config cfg;
	double per_second; /* requests of BLOCK bytes that should go through */
	unsigned burst;	   /* requests that pass before that, rounded up */
};

#define MIB (1ull << 20)
static const struct limit limits[] = {
	{ "iops=200", { .iops = 200 }, 200, 200 },
	{ "iops=3000", { .iops = 3000 }, 3000, 3000 },
	{ "bps=4M", { .bps = 4 * MIB }, 1024, 1024 },
	{ "bps=4M,bps-burst=5M", { .bps = 4 * MIB, .bps_burst = 5 * MIB }, 1024, 1280 },
	/* A token every 50 us. */
	{ "iops=20000", { .iops = 20000 }, 20000, 20000 },
	{ "iops=1", { .iops = 1 }, 1, 1 },
	/* No request fits the burst: each leaves a debt. */
	{ "bps=2k", { .bps = 2048 }, 0.5, 2 },
};
#define LIMITS (sizeof(limits) / sizeof(*limits))

struct result {
	uint64_t requests, ns; /* from the first completion of the window to the last */
	uint64_t gap_max_ns;   /* between two completions */
	uint64_t stalls;
	struct hist late;
	char why[256];
};

static void granted(void *ctx, uint64_t late_ns)
{
	hist_record(ctx, late_ns);
}

/* Post @slot again, or for the first time. */
static void post(struct ring *r, unsigned slot)
{
	ring_post(r, slot, VIRTIO_BLK_T_IN, slot);
	ring_kick(r);
}

/* One completion, its place refilled; 0 or a negative errno. */
static int next_completion(struct ring *r)
{
	int slot;

	while ((slot = ring_take(r)) == -EAGAIN)
		ring_sleep(r);
	if (slot < 0)
		return slot;
	post(r, (unsigned)slot);
	return 0;
}

static int window(struct ring *r, const struct limit *l, uint64_t window_ns, struct result *out)
{
	uint64_t start_ns, last_ns, now_ns;
	double taken = 0;
	int err;

	start_ns = monotonic_ns();
	for (unsigned i = 0; i < DEPTH; i++)
		post(r, i);
	/* Until all is taken that there can have been, the burst and what came since. */
	do {
		err = next_completion(r);
		if (err)
			return err;
		taken++;
		now_ns = monotonic_ns();
	} while (taken + 1 < l->burst + l->per_second * (double)(now_ns - start_ns) / 1e9 &&
		 now_ns - start_ns < SPEND_NS_MAX);
	start_ns = last_ns = monotonic_ns();
	do {
		err = next_completion(r);
		if (err)
			return err;
		now_ns = monotonic_ns();
		if (now_ns - last_ns > out->gap_max_ns)
			out->gap_max_ns = now_ns - last_ns;
		last_ns = now_ns;
		out->requests++;
	} while (now_ns - start_ns < window_ns);
	out->ns = last_ns - start_ns;
	return 0;
}

static int measure(const struct limit *l, uint64_t window_ns, struct result *out)
{
	const struct blk_observer observer = { .granted = granted, .ctx = &out->late };
	struct blk_config cfg = l->cfg;
	struct device d;
	struct ring ring;
	int err = ring_open(&ring), stopped;

	hist_init(&out->late);
	if (err) {
		snprintf(out->why, sizeof(out->why), "no memory or eventfd: %s", strerror(-err));
		return EXIT_UNAVAILABLE;
	}
	cfg.size = DISK_BYTES;
	err = device_start(&d, &ring, &cfg, 0, &observer);
	if (err) {
		snprintf(out->why, sizeof(out->why), "%.200s", d.why);
		ring_close(&ring);
		return EXIT_UNAVAILABLE;
	}
	err = window(&ring, l, window_ns, out);
	stopped = device_stop(&d);
	ring_close(&ring);
	out->stalls = d.counters.throttled_count;
	if (err || stopped) {
		snprintf(out->why, sizeof(out->why), "a request's outcome is wrong: %s",
			 strerror(err ? -err : -stopped));
		return EXIT_INTERNAL;
	}
	return 0;
}

/* --- report --------------------------------------------------------------- */

static double rate_of(const struct result *r)
{
	return r->ns ? (double)r->requests * 1e9 / (double)r->ns : 0;
}

static void print_row(const struct limit *l, const struct result *r)
{
	char p50[SIZE_TEXT], p99[SIZE_TEXT], p999[SIZE_TEXT], max[SIZE_TEXT], gap[SIZE_TEXT];

	printf("%-20s %8llu %10.4g %10.4g %+7.2f%% %8llu %8s %8s %8s %8s %9s\n", l->name,
	       (unsigned long long)r->requests, l->per_second, rate_of(r), (rate_of(r) / l->per_second - 1) * 100,
	       (unsigned long long)r->stalls, duration_format(p50, hist_quantile(&r->late, 500000)),
	       duration_format(p99, hist_quantile(&r->late, 990000)),
	       duration_format(p999, hist_quantile(&r->late, 999000)), duration_format(max, r->late.max),
	       duration_format(gap, r->gap_max_ns));
	fflush(stdout);
}

static void print_lateness(const struct hist *all)
{
	char low[SIZE_TEXT], high[SIZE_TEXT];

	printf("\nlateness of all %llu grants (p99.9 %s; goal, on an idle machine: at most 1 ms)\n",
	       (unsigned long long)all->count, duration_format(low, hist_quantile(all, 999000)));
	for (uint64_t from = 0, to = 4096; from <= all->max; from = to, to *= 2) {
		uint64_t n = hist_between(all, from, to);

		if (n)
			printf("  %8s .. %8s %10llu %8.4f%%\n", duration_format(low, from), duration_format(high, to),
			       (unsigned long long)n, (double)n * 100 / (double)all->count);
	}
	printf("  above the goal: %llu\n", (unsigned long long)(all->count - hist_between(all, 0, LATE_GOAL_NS)));
}

static json_t *json_of(const struct limit *l, const struct result *r)
{
	return json_pack("{s:s, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "limit", l->name, "set_per_second",
			 l->per_second, "per_second", rate_of(r), "requests", (json_int_t)r->requests, "window_ns",
			 (json_int_t)r->ns, "stalls", (json_int_t)r->stalls, "gap_max_ns", (json_int_t)r->gap_max_ns,
			 "grants", (json_int_t)r->late.count, "late_p50_ns",
			 (json_int_t)hist_quantile(&r->late, 500000), "late_p999_ns",
			 (json_int_t)hist_quantile(&r->late, 999000), "late_max_ns", (json_int_t)r->late.max);
}

static int parse(int argc, char **argv, uint64_t *window_ns, const char **json)
{
	static const struct option known[] = {
		{ "seconds", 1, NULL, 's' }, { "json", 1, NULL, 'j' }, { "help", 0, NULL, 'h' }, { 0 }
	};
	int key;

	while ((key = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		if (key == 's' &&
		    (duration_parse(optarg, window_ns) || *window_ns < 1000000 || *window_ns > 600000000000ull)) {
			fprintf(stderr, "ktstr-plane: --seconds=%s: wants 1ms to 10m; see --help\n", optarg);
			return EXIT_USAGE;
		}
		if (key == 'j')
			*json = optarg;
		if (key == 'h') {
			fputs(usage, stdout);
			exit(0);
		}
		if (key == '?')
			return EXIT_USAGE;
	}
	if (optind < argc) {
		fprintf(stderr, "ktstr-plane throttle: %s: no arguments are wanted; see --help\n", argv[optind]);
		return EXIT_USAGE;
	}
	return 0;
}

int throttle_main(int argc, char **argv)
{
	static struct result result[LIMITS];
	static struct hist all;
	uint64_t window_ns = 10000000000ull;
	const char *path = NULL;
	json_t *json = json_array();
	int code = parse(argc, argv, &window_ns, &path);

	if (code)
		goto out;
	hist_init(&all);
	printf("%-20s %8s %10s %10s %8s %8s %8s %8s %8s %8s %9s\n", "limit", "N", "set/s", "got/s", "off", "stalls",
	       "late p50", "p99", "p99.9", "max", "gap max");
	for (unsigned i = 0; i < LIMITS && !code; i++) {
		code = measure(&limits[i], window_ns, &result[i]);
		if (code) {
			fprintf(stderr, "ktstr-plane: %s: %s\n", limits[i].name, result[i].why);
			goto out;
		}
		print_row(&limits[i], &result[i]);
		hist_merge(&all, &result[i].late);
		json_array_append_new(json, json_of(&limits[i], &result[i]));
	}
	print_lateness(&all);
	if (path && json_dump_file(json, path, JSON_INDENT(1) | JSON_REAL_PRECISION(9))) {
		fprintf(stderr, "ktstr-plane: %s: can't be written: %s\n", path, strerror(errno));
		code = EXIT_INTERNAL;
	}
out:
	json_decref(json);
	return code;
}
