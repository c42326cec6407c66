/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compute: each thread walks through memory of its own, a cache line after the other in an order that no prefetcher
 * knows. A sample is one pass. What scheduling costs here is what the thread finds cold, and where it is moved to.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "bench/workloads/crew.h"

enum { THREADS, SET };

#define LINE 64u

struct line {
	uint32_t next;
	uint32_t count;
	uint8_t rest[LINE - 8];
};

/* One circle through all lines (Sattolo). */
static struct line *make_circle(uint64_t *random, uint32_t n)
{
	struct line *lines = aligned_alloc(LINE, (size_t)n * LINE);

	for (uint32_t i = 0; lines && i < n; i++)
		lines[i] = (struct line){ .next = i };
	for (uint32_t i = n - 1; lines && i > 0; i--) {
		uint32_t k = (uint32_t)(random_next(random) % i), next = lines[i].next;

		lines[i].next = lines[k].next;
		lines[k].next = next;
	}
	return lines;
}

static void work(struct hand *h)
{
	uint32_t n = (uint32_t)(h->run->asked->value[SET] / LINE), at = 0;
	struct line *lines = make_circle(&h->random, n);
	int cpu = sched_getcpu();
	double moves = 0;

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
		here = sched_getcpu();
		moves += here != cpu && h->run->phase == PHASE_MEASURE;
		cpu = here;
	}
	h->figure = moves;
	free(lines);
}

static void sum(struct run *run, struct hand *hands, unsigned n)
{
	double moves = 0;

	for (unsigned i = 0; i < n; i++)
		moves += hands[i].figure;
	/* Seen between passes: one that went and came back within a pass is not. */
	run_figure(run, "migrations_seen", "", false, moves);
}

static int compute_run(struct run *run)
{
	unsigned asked = (unsigned)run->asked->value[THREADS];
	struct crew crew = { .n = asked ? asked : cpus_online(), .work = work, .sum = sum };

	return crew_run(run, &crew);
}

const struct workload compute_workload = { "compute", compute_run };
