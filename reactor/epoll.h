/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reactor's other ground, where io_uring is forbidden: one epoll, and each
 * operation done by its system call when its turn comes, so one after the other.
 * It is also what a ring is to be compared with: a serial epoll-and-pread thread.
 * What goes through it looks like CQEs, so that nothing above can tell.
 */
#ifndef KTSTR_REACTOR_EPOLL_H
#define KTSTR_REACTOR_EPOLL_H

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

enum epoll_kind { EPOLL_NOTHING, EPOLL_READ, EPOLL_WRITE, EPOLL_SYNC, EPOLL_ALLOCATE, EPOLL_POLL, EPOLL_WATCH };

/* What one slot has in flight: one operation at a time. */
struct epoll_op {
	enum epoll_kind kind;
	int fd;
	int entry;	 /* the fd by which epoll knows it: @fd, or a duplicate, or -1: not in epoll */
	uint32_t events; /* of a poll */
	uint32_t generation;
	uint32_t next; /* in the queue of those whose turn has come */
	struct iovec own;
	const struct iovec *iov; /* NULL: own */
	unsigned n;		 /* of iov; of EPOLL_ALLOCATE the mode, and own has the length */
	int64_t offset;
};

struct reactor;
struct epoll_ground {
	int fd;
	unsigned n_done, max_done;
	struct io_uring_cqe *done;
	uint32_t first, last; /* slots whose turn has come */
	struct epoll_op op[]; /* by slot */
};

/* @n_slots as the reactor's. 0 or -errno. */
int epoll_open(struct epoll_ground **out, unsigned n_slots);
void epoll_close(struct epoll_ground *e);
/* -EBUSY: the slot has an operation already. */
int epoll_submit(struct epoll_ground *e, uint32_t slot, const struct epoll_op *op);
/* End what the slot has in flight: it completes with -ECANCELED. False: nothing. */
bool epoll_cancel(struct epoll_ground *e, uint32_t slot);
/* Do what can be done; with @wait sleep until something could. 0 or -errno. */
int epoll_enter(struct epoll_ground *e, bool wait, uint64_t timeout_ns);
/* What has completed, at most @max. */
unsigned epoll_take(struct epoll_ground *e, struct io_uring_cqe *cqes, unsigned max);

#endif
