/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/lab/plane/report.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* --- medians and ratios ---------------------------------------------------- */

struct spread {
	unsigned n;
	double low, median, high;
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct spread spread_of(double *v, unsigned n)
{
	if (!n)
		return (struct spread){ 0 };
	qsort(v, n, sizeof(*v), compare);
	return (struct spread){ .n = n, .low = v[0], .median = (v[(n - 1) / 2] + v[n / 2]) / 2, .high = v[n - 1] };
}

static double field(const struct sample *s, size_t offset)
{
	double value;

	memcpy(&value, (const char *)s + offset, sizeof(value));
	return value;
}

/* Of one field of a contender's samples, over the rounds. */
static struct spread of(const struct results *r, const struct cell *c, enum contender who, size_t offset)
{
	double v[ROUNDS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < r->rounds; i++)
		if (c->sample[i][who].iops > 0)
			v[n++] = field(&c->sample[i][who], offset);
	return spread_of(v, n);
}

#define median(r, c, who, name) (of(r, c, who, offsetof(struct sample, name)).median)

/* Auto against what is asked for. BEST_FIO: the faster of fio's in that round. */
enum rival {
	AGAINST_STILL = STILL,
	AGAINST_URING = URING,
	AGAINST_SYNC = SYNC,
	AGAINST_FIO_URING = FIO_URING,
	AGAINST_BEST_FIO = CONTENDERS
};

static double rival_iops(const struct sample *s, enum rival rival)
{
	if (rival != AGAINST_BEST_FIO)
		return s[rival].iops;
	return s[FIO_URING].iops > s[FIO_PSYNC].iops ? s[FIO_URING].iops : s[FIO_PSYNC].iops;
}

/* The ratios of each round: what drifts slower than a round falls out. */
static struct spread ratio(const struct results *r, const struct cell *c, enum rival rival)
{
	double v[ROUNDS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < r->rounds; i++) {
		double other = rival_iops(c->sample[i], rival);

		if (other > 0 && c->sample[i][AUTO].iops > 0)
			v[n++] = c->sample[i][AUTO].iops / other;
	}
	return spread_of(v, n);
}

static const char *operation(const struct cell *c)
{
	return c->write ? "randwrite" : "randread";
}

/* --- goals ------------------------------------------------------------------ */

static const struct goal {
	const char *name;
	int storage;	/* -1: any */
	unsigned depth; /* 0: any */
	enum rival rival;
	double least;
} goals[] = {
	{ "auto / sync", -1, 0, AGAINST_SYNC, 1.0 },
	{ "auto / fio io_uring", STORAGE_DISK, 32, AGAINST_FIO_URING, 0.90 },
	{ "auto / sync", STORAGE_DISK, 32, AGAINST_SYNC, 3.0 },
	{ "auto / sync", STORAGE_TMPFS, 1, AGAINST_SYNC, 2.0 },
	{ "auto / better fio", STORAGE_TMPFS, 32, AGAINST_BEST_FIO, 0.60 },
};

#define N_GOALS (sizeof(goals) / sizeof(*goals))

static bool applies(const struct goal *g, const struct cell *c)
{
	return (g->storage < 0 || !strcmp(c->storage->name, storage_names[g->storage])) &&
	       (!g->depth || g->depth == c->depth);
}

static int64_t most_allocations(const struct results *r)
{
	int64_t most = -1;

	for (unsigned i = 0; i < r->n_cells; i++)
		for (unsigned round = 0; round < r->rounds; round++)
			for (int who = AUTO; who <= SYNC; who++) {
				const struct sample *s = &r->cell[i].sample[round][who];

				if (s->iops > 0 && s->allocations > most)
					most = s->allocations;
			}
	return most;
}

static void print_goal(FILE *f, const struct goal *g, const struct cell *c, struct spread s)
{
	fprintf(f, "%-6s %-5s %-9s %3u  %-20s %5.2f  goal %4.2f",
		!s.n		       ? "-"
		: s.median >= g->least ? "met"
				       : "MISSED",
		c->storage->name, operation(c), c->depth, g->name, s.median, g->least);
	if (s.n && s.median < g->least)
		fprintf(f, "  %4.1f%% below", (1 - s.median / g->least) * 100);
	if (s.n > 1)
		fprintf(f, "  rounds %.2f..%.2f", s.low, s.high);
	fputc('\n', f);
}

static void print_goals(FILE *f, const struct results *r)
{
	int64_t most = most_allocations(r);

	fprintf(f, "\nGoals (median of the rounds' ratios)\n");
	for (unsigned g = 0; g < N_GOALS; g++)
		for (unsigned i = 0; i < r->n_cells; i++)
			if (applies(&goals[g], &r->cell[i]))
				print_goal(f, &goals[g], &r->cell[i], ratio(r, &r->cell[i], goals[g].rival));
	if (most < 0)
		fprintf(f, "-      allocations after DRIVER_OK: not counted\n");
	else
		fprintf(f, "%-6s allocations after DRIVER_OK: at most %lld in a run\n", most ? "MISSED" : "met",
			(long long)most);
}

/* --- table ------------------------------------------------------------------ */

static void print_k(FILE *f, double iops)
{
	if (iops > 0)
		fprintf(f, " %8.1f", iops / 1e3);
	else
		fprintf(f, " %8s", "-");
}

static void print_ratio(FILE *f, struct spread s)
{
	if (s.n)
		fprintf(f, " %6.2f", s.median);
	else
		fprintf(f, " %6s", "-");
}

static void print_speeds(FILE *f, const struct results *r)
{
	fprintf(f,
		"k IOPS, 4 KiB; auto against the others\n%-5s %-9s %3s %8s %8s %8s %8s %8s %8s  %6s %6s %6s %6s %6s  "
		"%s\n",
		"on", "operation", "QD", "auto", "no poll", "uring", "sync", "fio-ring", "fio-psyn", "/sync", "/still",
		"/uring", "/f-rng", "/f-max", "auto is");
	for (unsigned i = 0; i < r->n_cells; i++) {
		const struct cell *c = &r->cell[i];

		fprintf(f, "%-5s %-9s %3u", c->storage->name, operation(c), c->depth);
		for (int who = 0; who < CONTENDERS; who++)
			print_k(f, median(r, c, who, iops));
		fputc(' ', f);
		print_ratio(f, ratio(r, c, AGAINST_SYNC));
		print_ratio(f, ratio(r, c, AGAINST_STILL));
		print_ratio(f, ratio(r, c, AGAINST_URING));
		print_ratio(f, ratio(r, c, AGAINST_FIO_URING));
		print_ratio(f, ratio(r, c, AGAINST_BEST_FIO));
		fprintf(f, "  %s\n", c->engine[AUTO]);
	}
}

static uint64_t most_in_flight(const struct results *r, const struct cell *c, enum contender who)
{
	uint64_t most = 0;

	for (unsigned i = 0; i < r->rounds; i++)
		if (c->sample[i][who].in_flight_max > most)
			most = c->sample[i][who].in_flight_max;
	return most;
}

static void print_costs(FILE *f, const struct results *r)
{
	fprintf(f,
		"\nCPU us a request (reactor + io-wq workers; fio: its thread, workers not seen); "
		"counts a request\n%-5s %-9s %3s %13s %13s %13s %13s %8s %8s  %6s %6s %6s  %s\n",
		"on", "operation", "QD", "auto", "no poll", "uring", "sync", "fio-ring", "fio-psyn", "kicks", "irqs",
		"enters", "in flight: auto, no poll, uring, sync");
	for (unsigned i = 0; i < r->n_cells; i++) {
		const struct cell *c = &r->cell[i];

		fprintf(f, "%-5s %-9s %3u", c->storage->name, operation(c), c->depth);
		for (int who = AUTO; who <= SYNC; who++)
			fprintf(f, " %7.2f+%5.2f", median(r, c, who, cpu_us), median(r, c, who, workers_us));
		for (int who = FIO_URING; who < CONTENDERS; who++)
			fprintf(f, " %8.2f", median(r, c, who, cpu_us));
		fprintf(f, "  %6.3f %6.3f %6.3f ", median(r, c, AUTO, kicks), median(r, c, AUTO, interrupts),
			median(r, c, AUTO, enters));
		for (int who = AUTO; who <= SYNC; who++)
			fprintf(f, " %llu", (unsigned long long)most_in_flight(r, c, who));
		fputc('\n', f);
	}
}

static void print_reasons(FILE *f, const struct results *r)
{
	for (unsigned i = 0; i < r->n_cells; i++) {
		const struct cell *c = &r->cell[i];

		for (int who = 0; who < CONTENDERS; who++)
			if (c->why[who][0])
				fprintf(f, "skipped: %s %s %u %s: %s\n", c->storage->name, operation(c), c->depth,
					contender_names[who], c->why[who]);
	}
}

static void host_line(const struct results *r, char *text, size_t size)
{
	struct utsname u = { 0 };

	uname(&u);
	snprintf(text, size, "Linux %s, %ld CPUs, load average %.2f before and %.2f after", u.release,
		 sysconf(_SC_NPROCESSORS_ONLN), r->load[0], r->load[1]);
}

void report_print(FILE *f, const struct results *r)
{
	char host[256];

	host_line(r, host, sizeof(host));
	fprintf(f, "ktstr-plane: %u round%s of %.2f s a cell, in turn; medians. %s\n", r->rounds,
		r->rounds == 1 ? "" : "s", r->seconds, host);
	fprintf(f, "busy-wait of auto and uring: at most %.0f us (%s)\n", (double)r->poll_ns / 1e3, r->poll_reason);
	print_speeds(f, r);
	print_costs(f, r);
	print_goals(f, r);
	print_reasons(f, r);
}

/* --- JSON ------------------------------------------------------------------- */

static json_t *sample_json(const struct sample *s, enum contender who)
{
	json_t *j = json_pack("{s:f, s:f}", "iops", s->iops, "cpu_us", s->cpu_us);

	if (is_fio(who))
		return j;
	json_object_set_new(j, "workers_cpu_us", json_real(s->workers_us));
	json_object_set_new(j, "driver_cpu_us", json_real(s->driver_us));
	json_object_set_new(j, "kicks", json_real(s->kicks));
	json_object_set_new(j, "interrupts", json_real(s->interrupts));
	json_object_set_new(j, "enters", json_real(s->enters));
	json_object_set_new(j, "poll_us", json_real(s->poll_us));
	json_object_set_new(j, "in_flight_max", json_integer((json_int_t)s->in_flight_max));
	json_object_set_new(j, "allocations", s->allocations < 0 ? json_null() : json_integer(s->allocations));
	return j;
}

static json_t *contender_json(const struct results *r, const struct cell *c, enum contender who)
{
	json_t *rounds = json_array(), *j = json_pack("{s:f}", "iops", median(r, c, who, iops));

	for (unsigned i = 0; i < r->rounds; i++)
		if (c->sample[i][who].iops > 0)
			json_array_append_new(rounds, sample_json(&c->sample[i][who], who));
	json_object_set_new(j, "rounds", rounds);
	if (c->engine[who][0]) {
		json_object_set_new(j, "engine", json_string(c->engine[who]));
		json_object_set_new(j, "reason", json_string(c->reason[who]));
	}
	if (c->why[who][0])
		json_object_set_new(j, "skipped", json_string(c->why[who]));
	return j;
}

static json_t *goal_json(const struct goal *g, const struct cell *c, struct spread s)
{
	json_t *j = json_pack("{s:s, s:s, s:i, s:s, s:f}", "storage", c->storage->name, "operation", operation(c),
			      "depth", (int)c->depth, "ratio", g->name, "goal", g->least);

	if (!s.n)
		return j;
	json_object_set_new(j, "median", json_real(s.median));
	json_object_set_new(j, "low", json_real(s.low));
	json_object_set_new(j, "high", json_real(s.high));
	json_object_set_new(j, "met", json_boolean(s.median >= g->least));
	return j;
}

json_t *report_json(const struct results *r)
{
	json_t *cells = json_array(), *met = json_array();
	char host[256];

	host_line(r, host, sizeof(host));
	for (unsigned i = 0; i < r->n_cells; i++) {
		const struct cell *c = &r->cell[i];
		json_t *by = json_object();

		for (int who = 0; who < CONTENDERS; who++)
			json_object_set_new(by, contender_names[who], contender_json(r, c, who));
		json_array_append_new(cells, json_pack("{s:s, s:s, s:i, s:o}", "storage", c->storage->name, "operation",
						       operation(c), "depth", (int)c->depth, "contenders", by));
		for (unsigned g = 0; g < N_GOALS; g++)
			if (applies(&goals[g], c))
				json_array_append_new(met, goal_json(&goals[g], c, ratio(r, c, goals[g].rival)));
	}
	return json_pack("{s:s, s:s, s:i, s:f, s:I, s:s, s:o, s:o}", "program", "ktstr-plane " KTSTR_VERSION, "host",
			 host, "rounds", (int)r->rounds, "seconds", r->seconds, "poll_ns", (json_int_t)r->poll_ns,
			 "poll_reason", r->poll_reason, "cells", cells, "goals", met);
}
