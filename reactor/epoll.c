/* SPDX-License-Identifier: GPL-2.0-only */
#include "reactor/epoll.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "reactor/internal.h"

#define EVENTS 64

int epoll_open(struct epoll_ground **out, unsigned n_slots)
{
	struct epoll_ground *e = calloc(1, sizeof(*e) + n_slots * sizeof(e->op[0]));

	if (!e)
		return -ENOMEM;
	/*
	 * A slot has at most two completions waiting: its own, and that of an operation cancelled before it. More of a
	 * watch are taken from epoll once there is room.
	 */
	e->max_done = n_slots * 2;
	e->done = calloc(e->max_done, sizeof(*e->done));
	e->fd = epoll_create1(EPOLL_CLOEXEC);
	if (e->done && e->fd >= 0) {
		*out = e;
		return 0;
	}
	epoll_close(e);
	return -ENOMEM;
}

void epoll_close(struct epoll_ground *e)
{
	if (e->fd >= 0)
		close(e->fd);
	free(e->done);
	free(e);
}

static uint64_t tag_of(const struct epoll_ground *e, uint32_t slot)
{
	return (uint64_t)e->op[slot].generation << 32 | slot;
}

/* --- completions ------------------------------------------------------------------- */

static void push_cqe(struct epoll_ground *e, uint32_t slot, int32_t res, uint32_t flags)
{
	struct io_uring_cqe *cqe = &e->done[e->n_done++];

	assert(e->n_done <= e->max_done);
	memset(cqe, 0, sizeof(*cqe));
	cqe->user_data = tag_of(e, slot);
	cqe->res = res;
	cqe->flags = flags;
}

static void leave_epoll(struct epoll_ground *e, struct epoll_op *op)
{
	if (op->entry < 0)
		return;
	/* Fails if its owner has closed the descriptor, which has removed it from epoll. */
	(void)epoll_ctl(e->fd, EPOLL_CTL_DEL, op->entry, NULL);
	if (op->entry != op->fd)
		close(op->entry);
	op->entry = -1;
}

static void finish_op(struct epoll_ground *e, uint32_t slot, int32_t res)
{
	leave_epoll(e, &e->op[slot]);
	push_cqe(e, slot, res, 0);
	e->op[slot].kind = EPOLL_NOTHING;
}

unsigned epoll_take(struct epoll_ground *e, struct io_uring_cqe *cqes, unsigned max)
{
	unsigned n = e->n_done < max ? e->n_done : max;

	memcpy(cqes, e->done, n * sizeof(*cqes));
	memmove(e->done, e->done + n, (e->n_done - n) * sizeof(*cqes));
	e->n_done -= n;
	return n;
}

/* --- submission ----------------------------------------------------------------- */

static uint32_t events_of(const struct epoll_op *op)
{
	switch (op->kind) {
	case EPOLL_READ:
		return EPOLLIN;
	case EPOLL_WRITE:
		return EPOLLOUT;
	case EPOLL_WATCH:
		return op->events | EPOLLET; /* each write of an eventfd is an edge; nobody reads it */
	default:
		return op->events;
	}
}

/* Add the descriptor to epoll. -EPERM: it is a file, which is always ready. */
static int enter_epoll(struct epoll_ground *e, uint32_t slot)
{
	struct epoll_op *op = &e->op[slot];
	struct epoll_event event = { .events = events_of(op), .data.u64 = tag_of(e, slot) };

	op->entry = op->fd;
	if (!epoll_ctl(e->fd, EPOLL_CTL_ADD, op->fd, &event))
		return 0;
	op->entry = -1;
	if (errno != EEXIST)
		return -errno;
	/* Another slot waits for the same fd. */
	op->entry = fcntl(op->fd, F_DUPFD_CLOEXEC, 3);
	if (op->entry < 0)
		return -errno;
	if (!epoll_ctl(e->fd, EPOLL_CTL_ADD, op->entry, &event))
		return 0;
	close(op->entry);
	op->entry = -1;
	return -errno;
}

static void queue_op(struct epoll_ground *e, uint32_t slot)
{
	e->op[slot].next = 0;
	*(e->first ? &e->op[e->last].next : &e->first) = slot;
	e->last = slot;
}

int epoll_submit(struct epoll_ground *e, uint32_t slot, const struct epoll_op *op)
{
	int rc = 0;

	if (e->op[slot].kind)
		return -EBUSY;
	e->op[slot] = *op;
	e->op[slot].entry = -1;
	if (op->kind != EPOLL_SYNC && op->kind != EPOLL_ALLOCATE)
		rc = enter_epoll(e, slot);
	if (rc && rc != -EPERM)
		finish_op(e, slot, rc);
	else if (e->op[slot].entry < 0)
		queue_op(e, slot);
	return 0;
}

bool epoll_cancel(struct epoll_ground *e, uint32_t slot)
{
	uint32_t before = 0;

	if (!e->op[slot].kind)
		return false;
	/* Out of the queue of those that are ready. */
	for (uint32_t at = e->first; at; before = at, at = e->op[at].next) {
		if (at != slot)
			continue;
		*(before ? &e->op[before].next : &e->first) = e->op[slot].next;
		if (e->last == slot)
			e->last = before;
		break;
	}
	finish_op(e, slot, -ECANCELED);
	return true;
}

/* --- performing ------------------------------------------------------------ */

static ssize_t transfer_bytes(const struct epoll_op *op)
{
	const struct iovec *iov = op->iov ? op->iov : &op->own;
	struct iovec first = iov[0];

	if (op->kind == EPOLL_READ)
		return op->offset < 0 ? readv(op->fd, iov, (int)op->n) : preadv(op->fd, iov, (int)op->n, op->offset);
	if (op->entry < 0)
		return op->offset < 0 ? writev(op->fd, iov, (int)op->n) : pwritev(op->fd, iov, (int)op->n, op->offset);
	/* A frame is written whole. */
	if (op->iov)
		return writev(op->fd, iov, (int)op->n);
	/* A pipe or socket that is ready takes PIPE_BUF bytes without blocking. */
	if (first.iov_len > PIPE_BUF)
		first.iov_len = PIPE_BUF;
	return write(op->fd, first.iov_base, first.iov_len);
}

static void perform_op(struct epoll_ground *e, uint32_t slot, uint32_t ready)
{
	const struct epoll_op *op = &e->op[slot];
	ssize_t n;

	if (op->kind == EPOLL_WATCH) {
		push_cqe(e, slot, (int32_t)ready, IORING_CQE_F_MORE);
		return;
	}
	if (op->kind == EPOLL_POLL) {
		finish_op(e, slot, (int32_t)ready);
		return;
	}
	if (op->kind == EPOLL_SYNC)
		n = fdatasync(op->fd);
	else if (op->kind == EPOLL_ALLOCATE)
		n = fallocate(op->fd, (int)op->n, op->offset, (off_t)op->own.iov_len);
	else
		n = transfer_bytes(op);
	finish_op(e, slot, n < 0 ? -errno : (int32_t)n);
}

static void perform_queued(struct epoll_ground *e)
{
	uint32_t slot = e->first;

	e->first = e->last = 0;
	while (slot) {
		uint32_t next = e->op[slot].next;

		perform_op(e, slot, e->op[slot].events);
		slot = next;
	}
}

int epoll_enter(struct epoll_ground *e, bool wait, uint64_t timeout_ns)
{
	struct epoll_event event[EVENTS];
	const struct timespec timeout = { .tv_sec = (time_t)(timeout_ns / NS_PER_S),
					  .tv_nsec = (long)(timeout_ns % NS_PER_S) },
			      none = { 0 };
	unsigned room;
	int n;

	perform_queued(e);
	room = e->max_done - e->n_done;
	if (!room)
		return 0;
	wait = wait && !e->n_done;
	n = epoll_pwait2(e->fd, event, room < EVENTS ? (int)room : EVENTS,
			 !wait			    ? &none
			 : timeout_ns == UINT64_MAX ? NULL
						    : &timeout,
			 NULL);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++) {
		uint32_t slot = (uint32_t)event[i].data.u64;

		/* An event before this one may have cancelled it, and begun another in its slot. */
		if (e->op[slot].kind && tag_of(e, slot) == event[i].data.u64)
			perform_op(e, slot, event[i].events);
	}
	return 0;
}
