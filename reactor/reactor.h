/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reactor: one io_uring ring, owned by one thread, that is the only place
 * where that thread waits. It knows nothing of KVM or virtio. Where io_uring is
 * forbidden one epoll stands in for the ring, and all below holds for it too.
 *
 * Contract
 *  - Every call but reactor_create() is made from the thread that called
 *    reactor_create() (IORING_SETUP_SINGLE_ISSUER). Other threads reach the
 *    reactor by writing an eventfd that a struct kick watches.
 *  - A completion is embedded in its owner and attached to a slot. An SQE's
 *    user_data is (slot, generation), never a pointer: a CQE that comes after
 *    the slot was detached is dropped and counted.
 *  - CQEs are copied to a local list and the CQ is advanced before the first
 *    handler runs; what the handlers queue goes out in one io_uring_enter.
 *  - Functions return 0 or a count, or a negative errno.
 */
#ifndef KTSTR_REACTOR_H
#define KTSTR_REACTOR_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct reactor;

/* What the ring could be set up with on this kernel; reported in results. */
struct reactor_features {
	bool single_issuer;
	bool defer_taskrun;
	bool submit_all;
	bool coop_taskrun; /* stands in for DEFER_TASKRUN before Linux 6.1 */
	bool no_iowait;	   /* IORING_ENTER_NO_IOWAIT, Linux 6.15 */
	bool ring_fd;	   /* registered ring fd */
	bool epoll;	   /* no ring at all: reactor_create_epoll() */
	unsigned sq_entries;
	unsigned cq_entries;
	/* Most io-wq workers, of files and of the rest; 0: bounded by the kernel only. */
	unsigned workers_bounded, workers_unbounded;
};

/* What the kernel can't do at once it hands to threads of its own, io-wq's: so many at most. */
#define REACTOR_WORKERS_BOUNDED 8u
#define REACTOR_WORKERS_UNBOUNDED 4u

/* Bucket i counts times from 2^i ns to below 2^(i+1); the first those below too, the last those above. */
#define REACTOR_HELD_BUCKETS 40u
#define REACTOR_HELD_LONG_NS 10000000u /* nothing should hold the loop longer */

struct reactor_counters {
	uint64_t wakes;	 /* returns of io_uring_enter with work */
	uint64_t enters; /* calls of io_uring_enter */
	uint64_t cqes;
	uint64_t cqes_max; /* most CQEs in one wake */
	uint64_t sqes;
	uint64_t stale;	      /* CQEs whose slot had moved on */
	uint64_t rearms;      /* multishot polls that ended and were armed anew */
	uint64_t overflows;   /* enters that found the CQ overflow flag up */
	uint64_t kernel_ns;   /* time inside io_uring_enter, waiting included */
	uint64_t handlers_ns; /* time inside handlers, but not in io_uring_enter */
	/* How long the handlers of one wake held the loop, what they submitted included; how many did longer than
	 * REACTOR_HELD_LONG_NS; and the longest. */
	uint64_t held[REACTOR_HELD_BUCKETS];
	uint64_t held_long, held_max_ns;
	/* Busy-waits that found something, that ended in sleep, and of these, that
	 * had the CPU taken away; and the time in all of them. */
	uint64_t polls_hit, polls_missed, polls_preempted;
	uint64_t poll_ns;
};

/* The handler of one CQE. @res and @flags are the CQE's. */
struct completion;
typedef void (*completion_fn)(struct completion *c, int32_t res, uint32_t flags);

struct completion {
	completion_fn done;
	uint32_t slot; /* 0: not attached */
	uint32_t generation;
	uint32_t in_flight; /* SQEs whose final CQE has not come */
};

/*
 * reactor_create - set up a ring.
 * @sq_entries:  most SQEs in one batch (a power of two is not needed)
 * @in_flight_max: upper bound of SQEs outstanding at once; sizes the CQ and
 *               the slot table
 * Returns 0; -ENOSYS or -EPERM where io_uring is missing or forbidden
 * (sysctl kernel.io_uring_disabled or seccomp); -ENOMEM (RLIMIT_MEMLOCK).
 */
int reactor_create(struct reactor **out, unsigned sq_entries, unsigned in_flight_max);

/*
 * The same without a ring, for where there is none: readiness by epoll, and
 * everything done by its system call, one after the other, on this thread. A
 * completion can have one operation in flight. There is no busy-wait.
 */
int reactor_create_epoll(struct reactor **out, unsigned in_flight_max);

/*
 * reactor_destroy - cancel what can be cancelled, wait for the rest, free.
 * Closing a ring does not stop its I/O, so this returns only when nothing is
 * in flight; after @patience_ns it returns -ETIMEDOUT and leaks the ring on
 * purpose (the buffers must then not be freed either).
 */
int reactor_destroy(struct reactor *r, uint64_t patience_ns);

const struct reactor_features *reactor_features(const struct reactor *r);
const struct reactor_counters *reactor_counters(const struct reactor *r);

/* Where the kernel's workers of this ring may run, in the form of a cpu_set_t of @size bytes. 0; -EINVAL before
 * Linux 5.14. */
int reactor_worker_cpus(struct reactor *r, const void *cpus, size_t size);

/* reactor_run - dispatch until reactor_stop(); 0 or a fatal negative errno. */
int reactor_run(struct reactor *r);
void reactor_stop(struct reactor *r);

/*
 * reactor_step - submit, wait for at least one CQE (or, with @wait false, only
 * take what is there), run the handlers. Returns the CQEs handled or -errno.
 */
int reactor_step(struct reactor *r, bool wait);
/* The same, waiting at most until the absolute @deadline_ns; 0 when it passed. */
int reactor_step_until(struct reactor *r, uint64_t deadline_ns);

/*
 * Busy-wait at most @max_ns before each sleep of reactor_run(); 0: never, which
 * it is from the start. How long it really does is learnt (busywait.h). Only where
 * the thread has a CPU that nobody else needs.
 */
void reactor_busy_wait(struct reactor *r, uint64_t max_ns);

/*
 * What a busy-wait looks at besides the ring: a queue in memory, whose other
 * side then need not kick. While reactor_polls(), a device may leave its kicks
 * off; @look is called over and over, and @rest once before each sleep. Both run
 * as handlers do, and are called whatever the device's state is.
 */
struct poller {
	bool (*look)(struct poller *p); /* do what is there: true when there was something */
	bool (*rest)(struct poller *p); /* have kicks come from now on; true: work came in between and was done */
	struct poller *next;
};
void poller_add(struct reactor *r, struct poller *p);
void poller_remove(struct reactor *r, struct poller *p);
/* Whether @rest will be called before the reactor sleeps. */
bool reactor_polls(const struct reactor *r);

/*
 * The handlers that run between two entries of the kernel, or in one round of a busy-wait, are a wake. reactor_wake()
 * is its number, and reactor_wake_ns() when it began; outside of handlers each call of reactor_wake() begins a wake.
 * reactor_clock_ns() is the last reading of the clock in this wake, which costs nothing; reactor_read_clock() makes
 * one.
 */
uint64_t reactor_wake(struct reactor *r);
uint64_t reactor_wake_ns(const struct reactor *r);
uint64_t reactor_clock_ns(const struct reactor *r);
uint64_t reactor_read_clock(struct reactor *r);

/*
 * reactor_defer - run @fn once after all CQEs of this wake were handled and
 * before the next enter: where devices publish a batch. @d is embedded in its
 * owner; deferring it twice in one wake runs it once.
 */
struct deferred {
	void (*fn)(struct deferred *d);
	struct deferred *next;
	bool queued;
};
void reactor_defer(struct reactor *r, struct deferred *d);

/* --- completions ------------------------------------------------------- */

/* Take a slot. -ENOSPC when more than in_flight_max are attached. */
int reactor_attach(struct reactor *r, struct completion *c, completion_fn done);
/* Give the slot back; CQEs still to come are dropped as stale. */
void reactor_detach(struct reactor *r, struct completion *c);

/* Block and stream operations; one CQE each. The iovec array and the buffers
 * stay valid until the CQE. @offset is in bytes; -1: the file's own position. */
int reactor_readv(struct reactor *r, struct completion *c, int fd, const struct iovec *iov, unsigned n, int64_t offset);
int reactor_writev(struct reactor *r, struct completion *c, int fd, const struct iovec *iov, unsigned n,
		   int64_t offset);
int reactor_read(struct reactor *r, struct completion *c, int fd, void *buf, unsigned len, int64_t offset);
int reactor_write(struct reactor *r, struct completion *c, int fd, const void *buf, unsigned len, int64_t offset);
int reactor_fdatasync(struct reactor *r, struct completion *c, int fd);
/* fallocate(2) of [offset, offset+len). */
int reactor_fallocate(struct reactor *r, struct completion *c, int fd, int mode, uint64_t offset, uint64_t len);
/*
 * What was asked for so far goes to the kernel now, if that is as many as one call can take without delay: else it goes
 * with the others when the handlers are through. io_uring keeps what comes to a disk in one call of more than two
 * operations back (blk_plug) until the last of them is prepared, and the disk idles meanwhile. No handler runs here.
 */
void reactor_submit_some(struct reactor *r);
/* One CQE when @fd is ready for @events (POLLIN, POLLOUT). */
int reactor_poll(struct reactor *r, struct completion *c, int fd, unsigned events);
/* Ask for the cancellation of everything @c has in flight. */
int reactor_cancel(struct reactor *r, struct completion *c);
/* Cancel and step the ring until @c has nothing in flight, at most until
 * @deadline_ns. Not from a handler. 0 or -ETIMEDOUT. */
int reactor_settle(struct reactor *r, struct completion *c, uint64_t deadline_ns);

/* --- sources ----------------------------------------------------------- */

/*
 * An eventfd that somebody else writes. The poll is multishot and the eventfd
 * is never read: each write gives an edge. When the kernel ends the poll
 * (IORING_CQE_F_MORE clear) it is armed anew and @fn runs once more, for a
 * write may have been missed. @fn must scan its queue, not count kicks.
 */
struct kick {
	struct completion c;
	struct reactor *r;
	int fd;
	void (*fn)(struct kick *k);
};
int kick_watch(struct reactor *r, struct kick *k, int fd, void (*fn)(struct kick *k));
void kick_unwatch(struct kick *k); /* does not close fd */

/*
 * A one-shot timer on a timerfd of its own: CLOCK_MONOTONIC, absolute, ns.
 * A deadline in the past fires at once; a deadline of 0 is taken as 1, since
 * zero would disarm a timerfd silently.
 */
struct timer {
	struct completion c;
	struct reactor *r;
	int fd;
	uint64_t deadline_ns; /* 0: not armed */
	void (*fn)(struct timer *t);
};
int timer_open(struct reactor *r, struct timer *t, void (*fn)(struct timer *t));
int timer_set(struct timer *t, uint64_t deadline_ns);
void timer_clear(struct timer *t);
void timer_close(struct timer *t);
uint64_t monotonic_ns(void);

/*
 * Signals by signalfd. The signals named are blocked in the calling thread by
 * signals_watch(); threads made later inherit that. One that is ignored (by nohup, or of a shell's background job)
 * stays ignored and does not come here. signals_unwatch() gives the calling thread its old mask back, so that what runs
 * later can be ended by a signal again.
 */
struct signals {
	struct completion c;
	struct reactor *r;
	int fd;
	sigset_t old_mask;
	void (*fn)(struct signals *s, int signo);
};
int signals_watch(struct reactor *r, struct signals *s, const int *signos, unsigned n,
		  void (*fn)(struct signals *s, int signo));
void signals_unwatch(struct signals *s);

/*
 * A byte source (stdin, a socket): one read in flight. @fn gets the bytes, or
 * len 0 at the end, or a negative errno in @res. Reading stops while paused.
 */
struct source {
	struct completion c;
	struct reactor *r;
	int fd;
	bool paused;
	bool ended;
	bool closing; /* source_shut() */
	bool polling; /* an O_NONBLOCK fd had nothing: waiting for POLLIN */
	uint8_t *buf;
	size_t size;
	void (*fn)(struct source *s, const uint8_t *data, int res);
};
int source_open(struct reactor *r, struct source *s, int fd, size_t size,
		void (*fn)(struct source *s, const uint8_t *data, int res));
void source_pause(struct source *s, bool paused);
/*
 * Begin to close: @fn is not called any more, and nothing more is read. It does not step the ring, so an owner of
 * several streams shuts all of them before it closes the first: while one is being closed the others' handlers run.
 */
void source_shut(struct source *s);
/* Shut it, cancel the read in flight and wait for it; not from a handler; leaves fd open. */
void source_close(struct source *s);

/*
 * A byte sink (stdout, a socket, a file): bytes are buffered and written in
 * order with one write in flight; short writes go on. When more than @high
 * bytes wait, sink_full() is true; @drained runs when it has become false
 * again. After an error (EPIPE) bytes are counted and dropped, and @error is set.
 */
struct sink {
	struct completion c;
	struct reactor *r;
	int fd;
	int error;
	size_t high;
	bool was_full;
	uint8_t *buf[2]; /* one being written, one being filled */
	size_t len[2], cap[2], done;
	unsigned writing; /* index of the buffer in flight */
	bool busy;
	bool closing; /* sink_shut() */
	bool polling; /* an O_NONBLOCK fd was full: waiting for POLLOUT */
	uint64_t written;
	uint64_t dropped; /* bytes put after the error */
	size_t high_water;
	void (*drained)(struct sink *s);
};
int sink_open(struct reactor *r, struct sink *s, int fd, size_t high, void (*drained)(struct sink *s));
int sink_put(struct sink *s, const void *data, size_t len);
/* Bytes put and not written. */
size_t sink_waiting(const struct sink *s);
bool sink_full(const struct sink *s);
bool sink_idle(const struct sink *s);
/* Write out what waits, stepping the ring, at most until @deadline_ns. */
int sink_flush(struct sink *s, uint64_t deadline_ns);
/* Begin to close, as source_shut() does: @drained is not called any more, no further write begins, and what is put from
 * now on is refused with -ECANCELED. */
void sink_shut(struct sink *s);
/* Shut it, cancel what was not flushed and wait for it; not from a handler; leaves fd open. Whoever
 * uses sinks ignores SIGPIPE. */
void sink_close(struct sink *s);

#endif
