/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine's reactor: whether it busy-waits, and its facts. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bench/base/file.h"
#include "bench/base/json.h"
#include "bench/host/claim.h"
#include "bench/host/facts.h"
#include "bench/machine/state.h"

void machine_reactor_prepare(struct machine *m)
{
	m->poll_ns = poll_choose(&m->o->poll, m->resolved->cpus, machine_host_spare(m->job.host), &m->poll_reason);
	if (reactor_features(m->r)->epoll) {
		m->poll_ns = 0;
		m->poll_reason = "there is no ring that a busy-wait could look at";
	}
	reactor_busy_wait(m->r, m->poll_ns);
}

/* --- facts ---------------------------------------------------------------- */

static bool read_of_task(const char *task, const char *file, char *line, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%.16s/%s", task, file);
	return !file_read_line(path, line, size);
}

/* Bounds of io-wq's workers; those that are still there, and their CPU time. They go after seconds without work. */
static json_t *workers_facts(const struct machine *m)
{
	const struct reactor_features *f = reactor_features(m->r);
	DIR *tasks = opendir("/proc/self/task");
	json_t *object = json_object();
	uint64_t alive = 0, cpu_ns = 0, ns;
	const struct dirent *e;
	char text[128];

	while (tasks && (e = readdir(tasks))) {
		if (!read_of_task(e->d_name, "comm", text, sizeof(text)) || strncmp(text, "iou-wrk", 7))
			continue;
		alive++;
		if (read_of_task(e->d_name, "schedstat", text, sizeof(text)) && sscanf(text, "%" SCNu64, &ns) == 1)
			cpu_ns += ns;
	}
	if (tasks)
		closedir(tasks);
	json_put_count(object, "bounded_max", f->workers_bounded);
	json_put_count(object, "unbounded_max", f->workers_unbounded);
	json_put_count(object, "alive", alive);
	json_put_count(object, "alive_cpu_ns", cpu_ns);
	return object;
}

static json_t *poll_facts(const struct machine *m)
{
	const struct reactor_counters *c = reactor_counters(m->r);
	json_t *object = json_object();

	json_put_count(object, "max_ns", m->poll_ns);
	json_object_set_new(object, "reason", json_string(m->poll_reason));
	json_put_count(object, "hits", c->polls_hit);
	json_put_count(object, "misses", c->polls_missed);
	json_put_count(object, "preempted", c->polls_preempted);
	json_put_count(object, "ns", c->poll_ns);
	return object;
}

/* How long handlers kept all others waiting; of the histogram what is not empty, as [from ns, how often]. */
json_t *machine_held_facts(const struct reactor_counters *c)
{
	json_t *object = json_object(), *buckets = json_array();

	for (unsigned i = 0; i < REACTOR_HELD_BUCKETS; i++)
		if (c->held[i])
			json_array_append_new(buckets, json_pack("[I I]", (json_int_t)1 << i, (json_int_t)c->held[i]));
	json_put_count(object, "max", c->held_max_ns);
	json_put_count(object, "over_10ms", c->held_long);
	json_object_set_new(object, "buckets", buckets);
	return object;
}

static uint64_t thread_cpu_ns(void)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

json_t *machine_reactor_facts(const struct machine *m)
{
	const struct reactor_features *f = reactor_features(m->r);
	const struct reactor_counters *c = reactor_counters(m->r);
	json_t *features = json_pack("{sb sb sb sb sb sb sb si si}", "single_issuer", f->single_issuer, "defer_taskrun",
				     f->defer_taskrun, "submit_all", f->submit_all, "coop_taskrun", f->coop_taskrun,
				     "no_iowait", f->no_iowait, "ring_fd", f->ring_fd, "epoll", f->epoll, "sq_entries",
				     (int)f->sq_entries, "cq_entries", (int)f->cq_entries);
	json_t *object = json_object();

	json_object_set_new(object, "features", features);
	json_put_count(object, "wakes", c->wakes);
	json_put_count(object, "enters", c->enters);
	json_put_count(object, "cqes", c->cqes);
	json_put_count(object, "cqes_max", c->cqes_max);
	json_object_set_new(object, "cqes_per_wake", json_real(c->wakes ? (double)c->cqes / (double)c->wakes : 0));
	json_put_count(object, "sqes", c->sqes);
	json_put_count(object, "stale", c->stale);
	json_put_count(object, "rearms", c->rearms);
	json_put_count(object, "overflows", c->overflows);
	json_put_count(object, "kernel_ns", c->kernel_ns);
	json_put_count(object, "handlers_ns", c->handlers_ns);
	json_object_set_new(object, "held_ns", machine_held_facts(c));
	json_put_count(object, "cpu_ns", thread_cpu_ns());
	json_object_set_new(object, "poll", poll_facts(m));
	json_object_set_new(object, "workers", workers_facts(m));
	return object;
}
