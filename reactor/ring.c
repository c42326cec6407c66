/* SPDX-License-Identifier: GPL-2.0-only */
/* The ring: set-up, slots, io_uring_enter, dispatch of completions. */
#include "reactor/reactor.h"

#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>

#include "reactor/internal.h"

/* Missing from the oldest liburing that is supported. */
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif
#ifndef IORING_SQ_TASKRUN
#define IORING_SQ_TASKRUN (1U << 2)
#endif
#ifndef IORING_ENTER_NO_IOWAIT
#define IORING_ENTER_NO_IOWAIT (1U << 7)
#endif
#ifndef IORING_FEAT_NO_IOWAIT
#define IORING_FEAT_NO_IOWAIT (1U << 17)
#endif

/* In order of preference; the first that the kernel accepts is used. */
static const unsigned setup_flags[] = {
	IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_TASKRUN_FLAG,
	IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_TASKRUN_FLAG,
	IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_TASKRUN_FLAG,
	IORING_SETUP_SUBMIT_ALL,
	0,
};

static int ring_setup(struct io_uring *ring, struct reactor_features *f, unsigned sq, unsigned cq)
{
	int rc = -EINVAL;

	for (size_t i = 0; i < sizeof setup_flags / sizeof *setup_flags && rc == -EINVAL; i++) {
		struct io_uring_params p = {
			.flags = setup_flags[i] | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
			.cq_entries = cq,
		};

		rc = io_uring_queue_init_params(sq, ring, &p);
		if (rc)
			continue;
		f->single_issuer = p.flags & IORING_SETUP_SINGLE_ISSUER;
		f->defer_taskrun = p.flags & IORING_SETUP_DEFER_TASKRUN;
		f->coop_taskrun = p.flags & IORING_SETUP_COOP_TASKRUN;
		f->submit_all = p.flags & IORING_SETUP_SUBMIT_ALL;
		f->no_iowait = p.features & IORING_FEAT_NO_IOWAIT;
		f->sq_entries = p.sq_entries;
		f->cq_entries = p.cq_entries;
	}
	return rc;
}

static void limit_workers(struct reactor *r)
{
	unsigned bound[2] = { REACTOR_WORKERS_BOUNDED, REACTOR_WORKERS_UNBOUNDED };

	/* The call returns the old limits, and zeroes change nothing. Not before Linux 5.15. */
	if (io_uring_register_iowq_max_workers(&r->ring, bound))
		return;
	bound[0] = bound[1] = 0;
	if (io_uring_register_iowq_max_workers(&r->ring, bound))
		return;
	r->features.workers_bounded = bound[0];
	r->features.workers_unbounded = bound[1];
}

/* What is common to ring and epoll: room for @batch CQEs, and slots. */
static int reactor_new(struct reactor **out, unsigned in_flight_max, unsigned batch)
{
	struct reactor *r = calloc(1, sizeof *r + (in_flight_max + 1) * sizeof r->slot[0]);

	if (!r)
		return -ENOMEM;
	r->batch = calloc(batch, sizeof *r->batch);
	if (!r->batch) {
		free(r);
		return -ENOMEM;
	}
	/* Slot 0 is never given out: user_data 0 marks the ring's own requests. */
	r->n_slots = in_flight_max + 1;
	r->fresh_slot = 1;
	r->deferred_tail = &r->deferred;
	*out = r;
	return 0;
}

static void reactor_free(struct reactor *r)
{
	free(r->late);
	free(r->batch);
	free(r);
}

int reactor_create_epoll(struct reactor **out, unsigned in_flight_max)
{
	struct reactor *r;
	int rc = reactor_new(&r, in_flight_max, in_flight_max * 2);

	if (rc)
		return rc;
	r->features.epoll = true;
	r->features.cq_entries = in_flight_max * 2;
	rc = epoll_open(&r->epoll, r->n_slots);
	if (rc) {
		reactor_free(r);
		return rc;
	}
	*out = r;
	return 0;
}

int reactor_create(struct reactor **out, unsigned sq_entries, unsigned in_flight_max)
{
	struct reactor_features features = { 0 };
	struct io_uring ring;
	struct reactor *r;
	/* Multishot polls add CQEs beyond what is in flight: twice the room. */
	int rc = ring_setup(&ring, &features, sq_entries, in_flight_max * 2);

	if (rc)
		return rc;
	rc = reactor_new(&r, in_flight_max, features.cq_entries);
	if (rc) {
		io_uring_queue_exit(&ring);
		return rc;
	}
	r->ring = ring;
	r->features = features;
	r->max_late = 2 * in_flight_max; /* an operation, and its cancellation */
	r->late = malloc(r->max_late * sizeof(*r->late));
	if (!r->late) {
		io_uring_queue_exit(&r->ring);
		reactor_free(r);
		return -ENOMEM;
	}
	io_uring_ring_dontfork(&r->ring);
	limit_workers(r);
	r->features.ring_fd = io_uring_register_ring_fd(&r->ring) == 1;
	if (r->features.ring_fd)
		r->enter_flags = IORING_ENTER_REGISTERED_RING;
	/* Otherwise a thread that waits with a poll armed is counted as iowait. */
	if (r->features.no_iowait)
		r->enter_flags |= IORING_ENTER_NO_IOWAIT;
	/* ring_enter() moves the SQ tail itself, so the index array must be the identity. */
	if (r->ring.sq.array)
		for (unsigned i = 0; i < r->features.sq_entries; i++)
			r->ring.sq.array[i] = i;
	*out = r;
	return 0;
}

const struct reactor_features *reactor_features(const struct reactor *r)
{
	return &r->features;
}

const struct reactor_counters *reactor_counters(const struct reactor *r)
{
	return &r->counters;
}

int reactor_worker_cpus(struct reactor *r, const void *cpus, size_t size)
{
	if (r->epoll)
		return 0; /* epoll has no workers */
	return io_uring_register_iowq_aff(&r->ring, size, cpus);
}

void reactor_fatal(struct reactor *r, int error)
{
	if (!r->fatal)
		r->fatal = error;
	r->stop = true;
}

void reactor_count_rearm(struct reactor *r)
{
	r->counters.rearms++;
}

static void submit_late(struct reactor *r)
{
	struct io_uring_sqe *sqe;
	unsigned n = 0;

	while (n < r->n_late && (sqe = io_uring_get_sqe(&r->ring)))
		*sqe = r->late[n++];
	r->n_late -= n;
	memmove(r->late, r->late + n, r->n_late * sizeof(*r->late));
}

/* Without liburing's wrapper, since version 2.3 can't pass NO_IOWAIT. */
static int enter_uring(struct reactor *r, unsigned flags, unsigned min, uint64_t timeout_ns)
{
	struct io_uring_sq *sq = &r->ring.sq;
	unsigned to_submit;
	struct __kernel_timespec ts = {
		.tv_sec = (int64_t)(timeout_ns / NS_PER_S),
		.tv_nsec = (int64_t)(timeout_ns % NS_PER_S),
	};
	struct io_uring_getevents_arg arg = { .ts = (uint64_t)(uintptr_t)&ts };
	bool timed;
	int rc;

	if (r->n_late)
		submit_late(r);
	if (r->n_late)
		min = 0; /* these are to go with the next call, not after a wait */
	timed = min && timeout_ns != UINT64_MAX;

	/* Release: the SQEs are written before the kernel sees the tail; pairs
	 * with the kernel's load of it in io_uring_enter. */
	__atomic_store_n(sq->ktail, sq->sqe_tail, __ATOMIC_RELEASE);
	sq->sqe_head = sq->sqe_tail;
	to_submit = sq->sqe_tail - __atomic_load_n(sq->khead, __ATOMIC_ACQUIRE);

	rc = io_uring_enter2((unsigned)r->ring.enter_ring_fd, to_submit, min,
			     flags | r->enter_flags | (timed ? IORING_ENTER_EXT_ARG : 0),
			     timed ? (sigset_t *)&arg : NULL, timed ? sizeof arg : 0);
	if (rc > 0)
		r->counters.sqes += (unsigned)rc;
	if (__atomic_load_n(sq->kflags, __ATOMIC_RELAXED) & IORING_SQ_CQ_OVERFLOW)
		r->counters.overflows++;
	/* EINTR and ETIME: no completion came. EBUSY and EAGAIN: take completions first; the SQEs that are left go
	 * with the next enter. */
	if (rc == -EINTR || rc == -ETIME || rc == -EBUSY || rc == -EAGAIN)
		return 0;
	return rc < 0 ? rc : 0;
}

static int ring_enter_kernel(struct reactor *r, unsigned flags, unsigned min, uint64_t timeout_ns)
{
	uint64_t before = monotonic_ns(), after;
	int rc = r->epoll ? epoll_enter(r->epoll, min, timeout_ns) : enter_uring(r, flags, min, timeout_ns);

	r->counters.enters++;
	after = monotonic_ns();
	r->counters.kernel_ns += after - before;
	/* The handlers that come next begin now. */
	if (!r->dispatching)
		r->clock_ns = after;
	return rc;
}

int ring_enter(struct reactor *r, unsigned min, uint64_t timeout_ns)
{
	return ring_enter_kernel(r, IORING_ENTER_GETEVENTS, min, timeout_ns);
}

int ring_submit(struct reactor *r)
{
	return ring_enter_kernel(r, 0, 0, UINT64_MAX);
}

bool ring_has_completed(const struct reactor *r)
{
	return r->epoll ? r->epoll->n_done : io_uring_cq_ready(&r->ring);
}

bool ring_stirs(const struct reactor *r)
{
	/* With DEFER_TASKRUN or COOP_TASKRUN completions are task work until the next enter, and the kernel sets a flag
	 * (IORING_SETUP_TASKRUN_FLAG). Without them they come to the CQ by themselves. */
	return r->n_late || r->ring.sq.sqe_tail != r->ring.sq.sqe_head || io_uring_cq_ready(&r->ring) ||
	       __atomic_load_n(r->ring.sq.kflags, __ATOMIC_RELAXED) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

static void dispatch_cqe(struct reactor *r, const struct io_uring_cqe *cqe)
{
	uint32_t index = (uint32_t)cqe->user_data, generation = (uint32_t)(cqe->user_data >> 32);
	struct slot *s = &r->slot[index];
	bool final = !(cqe->flags & IORING_CQE_F_MORE);

	assert(index < r->n_slots);
	if (final) {
		assert(r->in_flight > 0);
		r->in_flight--;
	}
	if (index == 0)
		return;
	if (!s->c || s->generation != generation) {
		r->counters.stale++;
		return;
	}
	if (final)
		s->c->in_flight--;
	if (!r->draining)
		s->c->done(s->c, cqe->res, cqe->flags);
}

static unsigned take_cqes(struct reactor *r)
{
	unsigned n = 0, head;
	struct io_uring_cqe *cqe;

	if (r->epoll)
		return epoll_take(r->epoll, r->batch, r->features.cq_entries);
	io_uring_for_each_cqe(&r->ring, head, cqe)
	{
		if (n == r->features.cq_entries)
			break;
		r->batch[n++] = *cqe;
	}
	io_uring_cq_advance(&r->ring, n);
	return n;
}

int ring_reap(struct reactor *r)
{
	/* The CQ is emptied before any handler runs: a handler may submit, and a multishot poll must not find the CQ
	 * full. */
	unsigned n = take_cqes(r);

	if (n) {
		r->counters.wakes++;
		r->counters.cqes += n;
		if (n > r->counters.cqes_max)
			r->counters.cqes_max = n;
	}
	for (unsigned i = 0; i < n; i++)
		dispatch_cqe(r, &r->batch[i]);
	return (int)n;
}

int reactor_attach(struct reactor *r, struct completion *c, completion_fn done)
{
	uint32_t index = r->free_slot ? r->free_slot : r->fresh_slot;
	struct slot *s = &r->slot[index];

	if (index == r->n_slots)
		return -ENOSPC;
	if (index == r->fresh_slot)
		r->fresh_slot++;
	else
		r->free_slot = s->next_free;
	s->c = c;
	*c = (struct completion){ .done = done, .slot = index, .generation = s->generation };
	return 0;
}

void reactor_detach(struct reactor *r, struct completion *c)
{
	struct slot *s = &r->slot[c->slot];

	if (!c->slot)
		return;
	assert(s->c == c);
	if (r->epoll)
		(void)epoll_cancel(r->epoll, c->slot); /* the slot's next owner begins afresh */
	s->c = NULL;
	s->generation++;
	s->next_free = r->free_slot;
	r->free_slot = c->slot;
	c->slot = 0;
}

int reactor_destroy(struct reactor *r, uint64_t patience_ns)
{
	uint64_t deadline = monotonic_ns() + patience_ns;

	if (!r)
		return 0;
	r->draining = true;
	for (uint32_t i = 1; i < r->fresh_slot; i++)
		if (r->slot[i].c)
			reactor_cancel(r, r->slot[i].c);
	while (r->in_flight) {
		if (monotonic_ns() >= deadline)
			return -ETIMEDOUT;
		if (reactor_step_until(r, deadline) < 0)
			return -EIO;
	}
	if (r->epoll)
		epoll_close(r->epoll);
	else
		io_uring_queue_exit(&r->ring);
	reactor_free(r);
	return 0;
}
