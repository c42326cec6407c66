/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reactor without io_uring, where that is forbidden: one epoll instance tells which descriptors are ready, and each
 * operation is done by its system call, one after the other. It is also the baseline of comparisons: a serial thread of
 * epoll and pread. Results take the form of CQEs, so that the layers above see no difference.
 */
#ifndef KTSTR_REACTOR_EPOLL_H
#define KTSTR_REACTOR_EPOLL_H

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

enum epoll_kind { EPOLL_NOTHING, EPOLL_READ, EPOLL_WRITE, EPOLL_SYNC, EPOLL_ALLOCATE, EPOLL_POLL, EPOLL_WATCH };

/* The one operation that a slot has in flight. */
struct epoll_op {
	enum epoll_kind kind;
	int fd;
	int entry;	 /* the descriptor added to epoll: @fd, or a duplicate of it; -1: none */
	uint32_t events; /* of a poll */
	uint32_t generation;
	uint32_t next; /* slot in the queue of operations that are ready */
	struct iovec own;
	const struct iovec *iov; /* NULL: own */
	unsigned n;		 /* of iov. EPOLL_ALLOCATE: the mode; own.iov_len is the length */
	int64_t offset;
};

struct reactor;
struct epoll_ground {
	int fd;
	unsigned n_done, max_done;
	struct io_uring_cqe *done;
	uint32_t first, last; /* queue of slots whose operation is ready; 0: empty */
	struct epoll_op op[]; /* by slot */
};

/* @n_slots: as many as the reactor has. 0 or -errno. */
int epoll_open(struct epoll_ground **out, unsigned n_slots);
void epoll_close(struct epoll_ground *e);
/* Begin an operation. -EBUSY: the slot has one in flight. */
int epoll_submit(struct epoll_ground *e, uint32_t slot, const struct epoll_op *op);
/* Complete the slot's operation with -ECANCELED. False: there is none. */
bool epoll_cancel(struct epoll_ground *e, uint32_t slot);
/* Do the operations that are ready; with @wait, sleep until one is. 0 or -errno. */
int epoll_enter(struct epoll_ground *e, bool wait, uint64_t timeout_ns);
/* Take up to @max completions; how many. */
unsigned epoll_take(struct epoll_ground *e, struct io_uring_cqe *cqes, unsigned max);

#endif
