/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Disk requests by io_uring: several in flight, or by a timetable. A sample is from the submission to when the thread
 * sees the completion; by a timetable it begins when the request was due, so what waits for a free place in the queue,
 * or for the thread, counts in full.
 */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>

#include "bench/workloads/disk.h"

#define NEVER UINT64_MAX

struct place {
	uint64_t start_ns;
	unsigned left; /* completions until it is done: a write and its fsync are two */
	uint8_t *buf;
};

struct flight {
	struct hand *h;
	struct disk *d;
	struct io_uring ring;
	struct place *place;
	unsigned in_flight, to_submit;
	uint64_t due_ns; /* of the next request of the timetable */
};

static void prepare(struct flight *f, struct place *p, uint64_t start_ns)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&f->ring);
	off_t offset = disk_offset(f->h, f->d);

	p->start_ns = start_ns;
	p->left = 1 + f->d->sync;
	if (f->d->write)
		io_uring_prep_write(sqe, f->d->fd, p->buf, DISK_BLOCK, (uint64_t)offset);
	else
		io_uring_prep_read(sqe, f->d->fd, p->buf, DISK_BLOCK, (uint64_t)offset);
	io_uring_sqe_set_data(sqe, p);
	if (f->d->sync) {
		sqe->flags |= IOSQE_IO_LINK;
		sqe = io_uring_get_sqe(&f->ring);
		io_uring_prep_fsync(sqe, f->d->fd, IORING_FSYNC_DATASYNC);
		/* The low bit tells it from the write: places are aligned. */
		io_uring_sqe_set_data(sqe, (void *)((uintptr_t)p | 1));
	}
	f->in_flight++;
	f->to_submit++;
}

/* Fill the free places with what may begin. */
static void prepare_all(struct flight *f)
{
	for (unsigned i = 0; i < f->d->depth; i++) {
		uint64_t now;

		if (f->place[i].left)
			continue;
		now = now_ns();
		if (f->d->interval_ns && f->due_ns > now)
			return;
		prepare(f, &f->place[i], f->d->interval_ns ? f->due_ns : now);
		f->due_ns += f->d->interval_ns;
	}
}

static int take(struct flight *f, const struct io_uring_cqe *cqe)
{
	uintptr_t data = (uintptr_t)io_uring_cqe_get_data(cqe);
	struct place *p = (struct place *)(data & ~(uintptr_t)1);

	if (cqe->res < 0)
		return -cqe->res;
	if (!(data & 1) && cqe->res != (int)DISK_BLOCK)
		return EIO;
	if (--p->left)
		return 0;
	f->in_flight--;
	hand_sample(f->h, now_ns() - p->start_ns);
	hand_turn(f->h);
	return 0;
}

/* 0, or the errno of a request. */
static int wait_some(struct flight *f)
{
	uint64_t now = now_ns(), until = f->d->interval_ns && f->in_flight < f->d->depth ? f->due_ns : NEVER;
	struct __kernel_timespec t = { 0 };
	struct io_uring_cqe *cqe;
	int rc;

	f->to_submit = 0;
	if (until == NEVER) {
		rc = io_uring_submit_and_wait(&f->ring, 1);
	} else {
		until = until > now ? until - now : 0;
		t.tv_sec = (long long)(until / 1000000000u);
		t.tv_nsec = (long long)(until % 1000000000u);
		rc = io_uring_submit_and_wait_timeout(&f->ring, &cqe, 1, &t, NULL);
	}
	if (rc < 0 && rc != -ETIME && rc != -EINTR)
		return -rc;
	while (!io_uring_peek_cqe(&f->ring, &cqe)) {
		rc = take(f, cqe);
		io_uring_cqe_seen(&f->ring, cqe);
		if (rc)
			return rc;
	}
	return 0;
}

static int fly(struct flight *f)
{
	int error = 0;

	f->due_ns = now_ns() + f->d->interval_ns;
	while (!error && !hand_stops(f->h)) {
		prepare_all(f);
		error = wait_some(f);
	}
	/* The timetable is over: what is in flight comes back. */
	f->due_ns = NEVER;
	while (!error && f->in_flight) {
		struct io_uring_cqe *cqe;

		error = -io_uring_wait_cqe(&f->ring, &cqe);
		if (error == EINTR)
			error = 0;
		else if (!error) {
			error = take(f, cqe);
			io_uring_cqe_seen(&f->ring, cqe);
		}
	}
	return error;
}

void disk_work_ring(struct hand *h)
{
	struct disk *d = h->ctx;
	struct flight f = { .h = h, .d = d, .place = calloc(d->depth, sizeof(*f.place)) };
	uint8_t *buf = aligned_alloc(DISK_BLOCK, (size_t)d->depth * DISK_BLOCK);
	int error = f.place && buf ? -io_uring_queue_init(2 * d->depth, &f.ring, 0) : ENOMEM;

	if (!error) {
		memset(buf, (int)h->index, (size_t)d->depth * DISK_BLOCK);
		for (unsigned i = 0; i < d->depth; i++)
			f.place[i].buf = buf + (size_t)i * DISK_BLOCK;
		error = fly(&f);
		/* Ends what is still in flight, if it failed. */
		io_uring_queue_exit(&f.ring);
	}
	if (error)
		run_fail(h->run, error);
	free(buf);
	free(f.place);
}
