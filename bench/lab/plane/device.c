/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/lab/plane/device.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bench/lab/plane/alloc.h"
#include "reactor/container.h"

#define SQ_ENTRIES 256 /* as in the VMM */
#define SLOTS (BLK_REACTOR_SLOTS + 8)
#define PATIENCE_NS 10000000000ull

static void kicked(struct kick *k)
{
	virtio_mmio_kick(blk_device(container_of(k, struct device, kick)->blk), 0);
}

static void stopped(struct kick *k)
{
	reactor_stop(k->r);
}

/* What start and stop return is kept apart: device_start() reads its part while we run. */
static void announce(struct device *d, int err)
{
	if (d->is_up)
		return;
	d->is_up = true;
	d->start_error = err;
	sem_post(&d->up);
}

static int device_run(struct device *d, struct reactor *r)
{
	uint64_t before = allocations();
	int err = ring_attach(d->ring, blk_device(d->blk));

	if (err) {
		snprintf(d->why, sizeof(d->why), "the device refused the driver's set-up");
		return err;
	}
	snprintf(d->engine, sizeof(d->engine), "%s", blk_engine_used(d->blk));
	snprintf(d->reason, sizeof(d->reason), "%s", blk_engine_reason(d->blk));
	/* Creating it took some: else the linker wrapped nothing. */
	d->allocations_counted = before > 0;
	before = allocations();
	announce(d, 0);
	err = reactor_run(r);
	d->allocations = allocations() - before;
	d->counters = *blk_counters(d->blk);
	d->reactor = *reactor_counters(r);
	d->interrupts = blk_device(d->blk)->interrupts;
	return err;
}

static void *device_thread(void *arg)
{
	struct device *d = arg;
	struct reactor *r;
	/* The control is a serial thread with epoll and pread, as it was before there were rings. */
	int err = d->cfg.engine == BLK_ENGINE_SYNC ? reactor_create_epoll(&r, SLOTS)
						   : reactor_create(&r, SQ_ENTRIES, SLOTS);

	if (err) {
		snprintf(d->why, sizeof(d->why), "no io_uring: %s", strerror(-err));
		goto out;
	}
	reactor_busy_wait(r, d->poll_ns);
	err = blk_create(&d->blk, r, &d->cfg, d->why, sizeof(d->why));
	if (err)
		goto out_reactor;
	if (d->observer)
		blk_observe(d->blk, d->observer);
	err = kick_watch(r, &d->kick, d->ring->kick_fd, kicked);
	if (err)
		goto out_blk;
	err = kick_watch(r, &d->stop, d->stop_fd, stopped);
	if (err)
		goto out_kick;
	err = device_run(d, r);
	kick_unwatch(&d->stop);
out_kick:
	kick_unwatch(&d->kick);
out_blk:
	blk_destroy(d->blk, PATIENCE_NS);
out_reactor:
	reactor_destroy(r, PATIENCE_NS);
out:
	d->error = err;
	announce(d, err);
	return NULL;
}

static void join(struct device *d)
{
	pthread_join(d->thread, NULL);
	close(d->stop_fd);
	sem_destroy(&d->up);
}

int device_start(struct device *d, struct ring *ring, const struct blk_config *cfg, uint64_t poll_ns,
		 const struct blk_observer *observer)
{
	int err;

	*d = (struct device){ .ring = ring,
			      .cfg = *cfg,
			      .poll_ns = poll_ns,
			      .observer = observer,
			      .stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
	if (d->stop_fd < 0)
		return -errno;
	sem_init(&d->up, 0, 0);
	err = -pthread_create(&d->thread, NULL, device_thread, d);
	if (err) {
		snprintf(d->why, sizeof(d->why), "no thread: %s", strerror(-err));
		close(d->stop_fd);
		sem_destroy(&d->up);
		return err;
	}
	while (sem_wait(&d->up))
		;
	err = d->start_error;
	if (err)
		join(d);
	return err;
}

int device_stop(struct device *d)
{
	(void)!eventfd_write(d->stop_fd, 1);
	join(d);
	return d->error;
}
