/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A backing in memory that fails as it is told: the plan is asked at every
 * call, by its number. Held operations complete when the test says so, in any
 * order.
 */
#ifndef KTSTR_TESTS_VIRTIO_FAULT_BACKING_H
#define KTSTR_TESTS_VIRTIO_FAULT_BACKING_H

#include <pthread.h>

#include "virtio/blk/backing.h"
#include "virtio/virtqueue.h"

enum fault_kind { FAULT_READ, FAULT_WRITE, FAULT_SYNC, FAULT_ERASE, FAULT_KINDS };

struct fault {
	int error;    /* negative errno: fail with it */
	bool limited; /* transfer at most @limit bytes, 0 too */
	size_t limit;
	bool hold; /* not now: until fault_finish() */
};

struct fault_backing {
	struct backing b;
	uint8_t *data;
	size_t data_size; /* end of the storage: reads beyond are short */
	/* Asked before each call, @call counting from 0; NULL: no faults. */
	struct fault (*plan)(struct fault_backing *f, enum fault_kind kind, unsigned call, size_t want);
	const struct backing_op *asked; /* whose call it is */
	void *ctx;
	bool hold[FAULT_KINDS]; /* by kind: hold everything */
	unsigned calls, calls_of[FAULT_KINDS], closed, cancels;
	enum backing_erase erased; /* how, the last time */
	pthread_t last_thread;
	unsigned n_held;
	struct fault_op {
		struct backing_op *op;
		enum fault_kind kind;
		struct iovec *iov;
		unsigned n;
		uint64_t offset, len; /* len: of what is erased */
		struct fault fault;
	} held[VIRTQ_SIZE_MAX];
};

/* @size bytes of storage that is all there; lives until fault_free(). */
void fault_init(struct fault_backing *f, size_t size);
void fault_free(struct fault_backing *f);
/* Complete held operation @i: with @error when negative, else by its plan. */
void fault_finish(struct fault_backing *f, unsigned i, int error);
/* All of them, oldest first or newest first. Those held anew meanwhile too. */
void fault_finish_all(struct fault_backing *f);
/* Index of the first held operation of @kind, or -1. */
int fault_find(const struct fault_backing *f, enum fault_kind kind);

#endif
