/* SPDX-License-Identifier: GPL-2.0-only */
/* A run of the device plane: keep the queue filled for a while, then see what it took. */

#include "bench/lab/plane/cell.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bench/lab/plane/device.h"

#define WARM_UP_NS_MIN 10000000ull

const char *const contender_names[CONTENDERS] = {
	"auto", "auto, no poll", "uring", "sync", "fio io_uring", "fio psync"
};

struct load {
	struct ring *ring;
	uint32_t type;
	unsigned depth;
	uint64_t blocks, seed;
	uint64_t done;
};

/* What the clocks and counters said at one moment. */
struct mark {
	uint64_t ns, done, process_ns, driver_ns, device_ns;
};

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts = { 0 };

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static struct mark mark_now(const struct load *l, const struct device *d)
{
	clockid_t device_clock = CLOCK_THREAD_CPUTIME_ID;

	pthread_getcpuclockid(d->thread, &device_clock);
	return (struct mark){ .ns = clock_ns(CLOCK_MONOTONIC),
			      .done = l->done,
			      .process_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID),
			      .driver_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID),
			      .device_ns = clock_ns(device_clock) };
}

static void post(struct load *l, unsigned slot)
{
	l->seed ^= l->seed << 13;
	l->seed ^= l->seed >> 7;
	l->seed ^= l->seed << 17;
	ring_post(l->ring, slot, l->type, l->seed % l->blocks);
	/* One at a time, as a driver does whose caller hands it one at a time. */
	ring_kick(l->ring);
}

/* Every request that is through makes room for another, until @deadline_ns. */
static int pump(struct load *l, uint64_t deadline_ns)
{
	int slot;

	do {
		unsigned n = 0;

		while (n < l->depth && (slot = ring_take(l->ring)) >= 0) {
			post(l, (unsigned)slot);
			n++;
		}
		if (n < l->depth && slot != -EAGAIN)
			return slot;
		if (!n)
			ring_sleep(l->ring);
		l->done += n;
	} while (monotonic_ns() < deadline_ns);
	return 0;
}

static int drain(struct load *l)
{
	for (unsigned left = l->depth; left;) {
		int slot = ring_take(l->ring);

		if (slot >= 0)
			left--;
		else if (slot == -EAGAIN)
			ring_sleep(l->ring);
		else
			return slot;
	}
	l->done += l->depth;
	return 0;
}

static int run(struct load *l, const struct device *d, uint64_t ns, struct mark *from, struct mark *to)
{
	uint64_t warm_up_ns = ns / 10 > WARM_UP_NS_MIN ? ns / 10 : WARM_UP_NS_MIN;
	int err;

	for (unsigned i = 0; i < l->depth; i++)
		post(l, i);
	err = pump(l, monotonic_ns() + warm_up_ns);
	if (err)
		return err;
	*from = mark_now(l, d);
	err = pump(l, from->ns + ns);
	*to = mark_now(l, d);
	return err ? err : drain(l);
}

static void account(struct sample *s, const struct mark *from, const struct mark *to, const struct load *l,
		    const struct device *d)
{
	double n = (double)(to->done - from->done), all = (double)l->done;
	double device = (double)(to->device_ns - from->device_ns), driver = (double)(to->driver_ns - from->driver_ns);
	double workers = (double)(to->process_ns - from->process_ns) - device - driver;

	if (n == 0)
		return;
	*s = (struct sample){
		.iops = n * 1e9 / (double)(to->ns - from->ns),
		.cpu_us = device / n / 1e3,
		.workers_us = workers > 0 ? workers / n / 1e3 : 0, /* the clocks are not read at once */
		.driver_us = driver / n / 1e3,
		.kicks = (double)l->ring->kicks / all,
		.interrupts = (double)d->interrupts / all,
		.enters = (double)d->reactor.enters / all,
		.poll_us = (double)d->reactor.poll_ns / all / 1e3,
		.in_flight_max = d->counters.in_flight_max,
		.allocations = d->allocations_counted ? (int64_t)d->allocations : -1,
	};
}

static int plane_measure(struct cell *c, enum contender who, unsigned round, uint64_t ns)
{
	static const enum blk_engine engines[] = { BLK_ENGINE_AUTO, BLK_ENGINE_AUTO, BLK_ENGINE_URING,
						   BLK_ENGINE_SYNC };
	const struct blk_config cfg = { .path = c->storage->path,
					.direct = c->storage->direct,
					.engine = engines[who] };
	struct load l = { .type = c->write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN,
			  .depth = c->depth,
			  .blocks = c->storage->size / BLOCK,
			  .seed = 88172645463325252ull + round };
	struct mark from, to;
	struct device d;
	struct ring ring;
	int err = ring_open(&ring), stopped;

	if (err) {
		snprintf(c->why[who], sizeof(c->why[who]), "no memory or eventfd: %s", strerror(-err));
		return err;
	}
	l.ring = &ring;
	err = device_start(&d, &ring, &cfg, who == AUTO || who == URING ? c->poll_ns : 0, NULL);
	snprintf(c->why[who], sizeof(c->why[who]), "%s", d.why);
	if (err)
		goto out;
	err = run(&l, &d, ns, &from, &to);
	stopped = device_stop(&d);
	if (!err)
		err = stopped;
	if (!err && d.counters.reads_completed + d.counters.writes_completed != l.done)
		err = -EIO;
	if (err)
		snprintf(c->why[who], sizeof(c->why[who]), "failed: a request's outcome is wrong: %s", strerror(-err));
	else
		account(&c->sample[round][who], &from, &to, &l, &d);
	memcpy(c->engine[who], d.engine, sizeof(d.engine));
	memcpy(c->reason[who], d.reason, sizeof(d.reason));
out:
	ring_close(&ring);
	return err;
}

bool cell_measure(struct cell *c, enum contender who, unsigned round, uint64_t ns)
{
	if (c->storage->fd < 0) {
		memcpy(c->why[who], c->storage->why, sizeof(c->why[who]));
		return false;
	}
	storage_settle(c->storage);
	if (is_fio(who))
		return !fio_measure(c, who, ns, &c->sample[round][who], c->why[who], sizeof(c->why[who]));
	return !plane_measure(c, who, round, ns);
}
