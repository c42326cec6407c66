/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compute: each thread walks through memory of its own, a cache line after the other in an order that no prefetcher
 * knows. A sample is one pass. What scheduling costs here is what the thread finds cold, and where it is moved to.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "bench/workloads/crew.h"
#include "bench/workloads/places.h"

enum { THREADS, SET };

#define LINE 64u

struct line {
	uint32_t next;
	uint32_t count;
	uint8_t rest[LINE - 8];
};

/* One circle through all lines (Sattolo). */
static struct line *make_circle(struct hand *h, uint32_t n)
{
	struct line *lines = aligned_alloc(LINE, (size_t)n * LINE);

	for (uint32_t i = 0; lines && i < n; i++)
		lines[i] = (struct line){ .next = i };
	for (uint32_t i = n - 1; lines && i > 0; i--) {
		uint32_t k = (uint32_t)(hand_random(h) % i), next = lines[i].next;

		lines[i].next = lines[k].next;
		lines[k].next = next;
	}
	return lines;
}

struct floor {
	struct places places;
	_Atomic uint64_t moves[DISTANCES];
};

static void work(struct hand *h)
{
	struct floor *floor = h->ctx;
	uint32_t n = (uint32_t)(h->run->asked->value[SET] / LINE), at = 0;
	struct line *lines = make_circle(h, n);
	int cpu = sched_getcpu();

	if (!lines) {
		run_fail(h->run, ENOMEM);
		return;
	}
	while (!hand_stops(h)) {
		uint64_t start = now_ns();
		int here;

		for (uint32_t i = 0; i < n; i++) {
			lines[at].count++;
			at = lines[at].next;
		}
		hand_sample(h, now_ns() - start);
		hand_turn(h);
		here = sched_getcpu();
		if (here != cpu && hand_counts(h))
			floor->moves[places_distance(&floor->places, cpu, here)]++;
		cpu = here;
	}
	free(lines);
}

static int compute_run(struct run *run)
{
	static const char *const names[DISTANCES] = { "migrations_smt", "migrations_llc", "migrations_node",
						      "migrations_far" };
	unsigned asked = (unsigned)run->asked->value[THREADS];
	struct floor *floor = calloc(1, sizeof(*floor));
	struct crew crew = { .n = asked ? asked : cpus_online(), .work = work, .ctx = floor };
	uint64_t all = 0;
	int code;

	if (!floor) {
		fprintf(stderr, "ktstr-workload: compute: out of memory\n");
		return 70;
	}
	places_read(&floor->places, "");
	code = crew_run(run, &crew);
	for (unsigned i = 0; i < DISTANCES; i++) {
		run_figure(run, names[i], "", false, (double)floor->moves[i]);
		all += floor->moves[i];
	}
	/* Seen between passes: one that went and came back within a pass is not. */
	run_figure(run, "migrations_seen", "", false, (double)all);
	free(floor);
	return code;
}

const struct workload compute_workload = { "compute", compute_run };
