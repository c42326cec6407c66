/* SPDX-License-Identifier: GPL-2.0-only */
/* Requests to a file or block device; between disk.c and disk_ring.c. */
#ifndef KTSTR_WORKLOADS_DISK_H
#define KTSTR_WORKLOADS_DISK_H

#include "bench/workloads/crew.h"

#define DISK_BLOCK 4096u

struct disk {
	int fd;
	uint64_t blocks;
	bool write, sync;
	unsigned depth;	      /* requests in flight of each thread */
	uint64_t interval_ns; /* of the timetable of each thread; 0: as fast as they come back */
};

static inline off_t disk_offset(struct hand *h, const struct disk *d)
{
	return (off_t)(hand_random(h) % d->blocks * DISK_BLOCK);
}

/* A hand's work with io_uring. */
void disk_work_ring(struct hand *h);

#endif
