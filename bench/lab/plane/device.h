/* SPDX-License-Identifier: GPL-2.0-only */
/* The device's end: one virtio-blk on a reactor thread of its own, as in a VMM. */
#ifndef KTSTR_BENCH_LAB_PLANE_DEVICE_H
#define KTSTR_BENCH_LAB_PLANE_DEVICE_H

#include <pthread.h>
#include <semaphore.h>

#include "bench/lab/plane/ring.h"
#include "reactor/reactor.h"
#include "virtio/blk.h"

struct device {
	struct ring *ring;
	struct blk_config cfg;
	uint64_t poll_ns;
	const struct blk_observer *observer;
	pthread_t thread;
	sem_t up;
	int stop_fd;
	struct kick kick, stop;
	struct blk *blk;

	/* Right after device_start(). */
	bool is_up;
	int start_error;
	char why[256];
	char engine[16], reason[96];
	bool allocations_counted;
	/* Right after device_stop(). */
	int error;
	struct blk_counters counters;
	struct reactor_counters reactor;
	uint64_t interrupts;
	uint64_t allocations; /* after DRIVER_OK, by the device's thread */
};

/* Create the device of @cfg on @ring and drive it to DRIVER_OK; its reactor
 * busy-waits at most @poll_ns, and has no ring where the engine is the serial
 * one. @observer may be NULL. 0, or a negative errno with the reason in d->why;
 * then nothing is left to stop. */
int device_start(struct device *d, struct ring *ring, const struct blk_config *cfg, uint64_t poll_ns,
		 const struct blk_observer *observer);
/* Nothing is in flight. 0, or the negative errno that ended the reactor. */
int device_stop(struct device *d);

#endif
