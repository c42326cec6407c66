/* SPDX-License-Identifier: GPL-2.0-only */
/* The operations of the ring, one SQE each. */
#include <errno.h>
#include <liburing.h>
#include <string.h>

#include "reactor/internal.h"

static uint64_t user_data_of(const struct completion *c)
{
	return (uint64_t)c->generation << 32 | c->slot;
}

/*
 * A free SQE. If the SQ is full, what is in it is submitted first. If the kernel accepts none at the moment (-EAGAIN:
 * it is short of memory), the SQE is kept in r->late and submitted later.
 */
static struct io_uring_sqe *get_sqe(struct reactor *r)
{
	struct io_uring_sqe *sqe = r->n_late ? NULL : io_uring_get_sqe(&r->ring);

	if (!sqe) {
		int rc = ring_enter(r, 0, UINT64_MAX);

		if (rc < 0)
			reactor_fatal(r, rc);
		sqe = r->n_late ? NULL : io_uring_get_sqe(&r->ring);
	}
	if (!sqe && r->n_late < r->max_late) {
		sqe = &r->late[r->n_late++];
		memset(sqe, 0, sizeof(*sqe));
	}
	return sqe;
}

static void sqe_sent(struct reactor *r, struct completion *c, struct io_uring_sqe *sqe)
{
	sqe->user_data = c ? user_data_of(c) : 0;
	if (c)
		c->in_flight++;
	r->in_flight++;
}

static int submit_epoll(struct reactor *r, struct completion *c, struct epoll_op op)
{
	int rc;

	op.generation = c->generation;
	rc = epoll_submit(r->epoll, c->slot, &op);
	if (rc)
		return rc;
	c->in_flight++;
	r->in_flight++;
	r->counters.sqes++;
	return 0;
}

int reactor_readv(struct reactor *r, struct completion *c, int fd, const struct iovec *iov, unsigned n, int64_t offset)
{
	struct io_uring_sqe *sqe;

	if (r->epoll)
		return submit_epoll(
			r, c, (struct epoll_op){ .kind = EPOLL_READ, .fd = fd, .iov = iov, .n = n, .offset = offset });
	sqe = get_sqe(r);
	if (!sqe)
		return -EBUSY;
	io_uring_prep_readv(sqe, fd, iov, n, (uint64_t)offset);
	sqe_sent(r, c, sqe);
	return 0;
}

int reactor_writev(struct reactor *r, struct completion *c, int fd, const struct iovec *iov, unsigned n, int64_t offset)
{
	struct io_uring_sqe *sqe;

	if (r->epoll)
		return submit_epoll(
			r, c, (struct epoll_op){ .kind = EPOLL_WRITE, .fd = fd, .iov = iov, .n = n, .offset = offset });
	sqe = get_sqe(r);
	if (!sqe)
		return -EBUSY;
	io_uring_prep_writev(sqe, fd, iov, n, (uint64_t)offset);
	sqe_sent(r, c, sqe);
	return 0;
}

int reactor_read(struct reactor *r, struct completion *c, int fd, void *buf, unsigned len, int64_t offset)
{
	struct io_uring_sqe *sqe;

	if (r->epoll)
		return submit_epoll(
			r, c,
			(struct epoll_op){
				.kind = EPOLL_READ, .fd = fd, .own = { buf, len }, .n = 1, .offset = offset });
	sqe = get_sqe(r);
	if (!sqe)
		return -EBUSY;
	io_uring_prep_read(sqe, fd, buf, len, (uint64_t)offset);
	sqe_sent(r, c, sqe);
	return 0;
}

int reactor_write(struct reactor *r, struct completion *c, int fd, const void *buf, unsigned len, int64_t offset)
{
	struct io_uring_sqe *sqe;

	if (r->epoll)
		return submit_epoll(
			r, c,
			(struct epoll_op){
				.kind = EPOLL_WRITE, .fd = fd, .own = { (void *)buf, len }, .n = 1, .offset = offset });
	sqe = get_sqe(r);
	if (!sqe)
		return -EBUSY;
	io_uring_prep_write(sqe, fd, buf, len, (uint64_t)offset);
	sqe_sent(r, c, sqe);
	return 0;
}

int reactor_fdatasync(struct reactor *r, struct completion *c, int fd)
{
	struct io_uring_sqe *sqe;

	if (r->epoll)
		return submit_epoll(r, c, (struct epoll_op){ .kind = EPOLL_SYNC, .fd = fd });
	sqe = get_sqe(r);
	if (!sqe)
		return -EBUSY;
	io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
	sqe_sent(r, c, sqe);
	return 0;
}

int reactor_fallocate(struct reactor *r, struct completion *c, int fd, int mode, uint64_t offset, uint64_t len)
{
	struct io_uring_sqe *sqe;

	if (r->epoll)
		return submit_epoll(r, c,
				    (struct epoll_op){ .kind = EPOLL_ALLOCATE,
						       .fd = fd,
						       .n = (unsigned)mode,
						       .own = { NULL, len },
						       .offset = (int64_t)offset });
	sqe = get_sqe(r);
	if (!sqe)
		return -EBUSY;
	io_uring_prep_fallocate(sqe, fd, mode, offset, len);
	sqe_sent(r, c, sqe);
	return 0;
}

/* From 3 SQEs on io_submit_sqes() in the kernel's io_uring.c starts a block plug. */
#define UNPLUGGED_MOST 2u

void reactor_submit_some(struct reactor *r)
{
	int rc;

	if (r->epoll || r->ring.sq.sqe_tail - r->ring.sq.sqe_head < UNPLUGGED_MOST)
		return;
	rc = ring_submit(r);
	if (rc < 0)
		reactor_fatal(r, rc);
}

int reactor_poll(struct reactor *r, struct completion *c, int fd, unsigned events)
{
	struct io_uring_sqe *sqe;

	if (r->epoll)
		return submit_epoll(r, c, (struct epoll_op){ .kind = EPOLL_POLL, .fd = fd, .events = events });
	sqe = get_sqe(r);
	if (!sqe)
		return -EBUSY;
	io_uring_prep_poll_add(sqe, fd, events);
	sqe_sent(r, c, sqe);
	return 0;
}

int reactor_poll_multishot(struct reactor *r, struct completion *c, int fd, unsigned events)
{
	struct io_uring_sqe *sqe;

	if (r->epoll)
		return submit_epoll(r, c, (struct epoll_op){ .kind = EPOLL_WATCH, .fd = fd, .events = events });
	sqe = get_sqe(r);
	if (!sqe)
		return -EBUSY;
	io_uring_prep_poll_multishot(sqe, fd, events);
	sqe_sent(r, c, sqe);
	return 0;
}

int reactor_cancel(struct reactor *r, struct completion *c)
{
	struct io_uring_sqe *sqe;

	if (!c->slot || !c->in_flight)
		return 0;
	if (r->epoll) {
		(void)epoll_cancel(r->epoll, c->slot);
		return 0;
	}
	sqe = get_sqe(r);
	if (!sqe)
		return -EBUSY;
	/* Before Linux 5.19 a flag is an error; to cancel one operation none is needed. */
	io_uring_prep_cancel64(sqe, user_data_of(c), c->in_flight > 1 ? IORING_ASYNC_CANCEL_ALL : 0);
	sqe_sent(r, NULL, sqe);
	return 0;
}
