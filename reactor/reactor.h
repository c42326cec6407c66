/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reactor: one io_uring ring, owned by one thread, and the only place where that thread waits. It knows nothing of
 * KVM or virtio. Where io_uring is forbidden an epoll instance takes the place of the ring; all below holds for it too.
 *
 * Contract
 *  - All calls are made by the thread that called reactor_create() (IORING_SETUP_SINGLE_ISSUER). Other threads reach
 * the reactor by writing to an eventfd that a struct kick watches.
 *  - A completion is embedded in its owner and attached to a slot. The user_data of an SQE is (slot, generation), never
 * a pointer: a CQE that arrives after its slot was detached is dropped and counted.
 *  - The CQEs of a wake are copied, and the CQ is advanced, before the first handler runs. What the handlers queue is
 *    submitted by one io_uring_enter.
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

/* Features of the ring on this kernel; reported in results. */
struct reactor_features {
	bool single_issuer;
	bool defer_taskrun;
	bool submit_all;
	bool coop_taskrun; /* in place of DEFER_TASKRUN before Linux 6.1 */
	bool no_iowait;	   /* IORING_ENTER_NO_IOWAIT, Linux 6.15 */
	bool ring_fd;	   /* registered ring fd */
	bool epoll;	   /* no ring at all: reactor_create_epoll() */
	unsigned sq_entries;
	unsigned cq_entries;
	/* Limits of io-wq workers, for regular files and for the rest; 0: the kernel's own. */
	unsigned workers_bounded, workers_unbounded;
};

/* The most io-wq workers: kernel threads that do what can't be done without blocking. */
#define REACTOR_WORKERS_BOUNDED 8u
#define REACTOR_WORKERS_UNBOUNDED 4u

/* Bucket i counts times in [2^i, 2^(i+1)) ns; the first also shorter ones, the last also longer ones. */
#define REACTOR_HELD_BUCKETS 40u
#define REACTOR_HELD_LONG_NS 10000000u /* handlers of one wake should take less */

struct reactor_counters {
	uint64_t wakes;	 /* returns of io_uring_enter with completions */
	uint64_t enters; /* calls of io_uring_enter */
	uint64_t cqes;
	uint64_t cqes_max; /* most CQEs in one wake */
	uint64_t sqes;
	uint64_t stale;	      /* CQEs of detached slots */
	uint64_t rearms;      /* multishot polls that the kernel ended and that were armed again */
	uint64_t overflows;   /* enters after which the CQ overflow flag was set */
	uint64_t kernel_ns;   /* time inside io_uring_enter, waiting included */
	uint64_t handlers_ns; /* time inside handlers, without io_uring_enter */
	/* Time that the handlers of one wake took, submission included: histogram, how often it was longer than
	 * REACTOR_HELD_LONG_NS, and the longest. */
	uint64_t held[REACTOR_HELD_BUCKETS];
	uint64_t held_long, held_max_ns;
	/* Busy-waits that found work; that did not; of these, those that were preempted; and the time in all. */
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
	uint32_t in_flight; /* SQEs without their final CQE */
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
 * The same without a ring: epoll tells what is ready, and this thread does each operation by its system call, one after
 * the other. A completion can have one operation in flight. There is no busy-wait.
 */
int reactor_create_epoll(struct reactor **out, unsigned in_flight_max);

/*
 * reactor_destroy - cancel what can be cancelled, wait for the rest, free. Closing a ring does not stop its I/O, so
 * this returns only once nothing is in flight. After @patience_ns it returns -ETIMEDOUT and leaks the ring on purpose;
 * the buffers must not be freed then either.
 */
int reactor_destroy(struct reactor *r, uint64_t patience_ns);

const struct reactor_features *reactor_features(const struct reactor *r);
const struct reactor_counters *reactor_counters(const struct reactor *r);

/* The CPUs on which the ring's io-wq workers may run: a cpu_set_t of @size bytes. 0; -EINVAL before Linux 5.14. */
int reactor_worker_cpus(struct reactor *r, const void *cpus, size_t size);

/* reactor_run - dispatch until reactor_stop(); 0 or a fatal negative errno. */
int reactor_run(struct reactor *r);
void reactor_stop(struct reactor *r);

/*
 * reactor_step - submit, wait for a CQE (with @wait false: do not wait), run the handlers. Returns the number of CQEs
 * handled, or -errno.
 */
int reactor_step(struct reactor *r, bool wait);
/* The same, waiting at most until the absolute @deadline_ns; 0 when it passed. */
int reactor_step_until(struct reactor *r, uint64_t deadline_ns);

/*
 * Busy-wait at most @max_ns before each sleep of reactor_run(); 0, as it is at first: never. The actual time is learnt
 * (busywait.h). To be used only where the thread has a CPU that nobody else needs.
 */
void reactor_busy_wait(struct reactor *r, uint64_t max_ns);

/*
 * What a busy-wait polls besides the ring: a queue in memory, whose other side then need not kick. While
 * reactor_polls(), a device may leave kicks disabled: @look is called again and again, and @rest once before each
 * sleep. Both run as handlers, and are called in whatever state the device is.
 */
struct poller {
	bool (*look)(struct poller *p); /* do what is pending; true: something was */
	bool (*rest)(struct poller *p); /* enable kicks; true: work came in between, and was done */
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
 * reactor_defer - run @fn once, after all CQEs of this wake were handled and before the next enter: devices publish a
 * batch there. @d is embedded in its owner. Deferred twice in one wake it runs once.
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
/* Give the slot back; CQEs that are still to come are dropped as stale. */
void reactor_detach(struct reactor *r, struct completion *c);

/* Block and stream operations, one CQE each. The iovec array and the buffers must stay valid until the CQE. @offset is
 * in bytes; -1: the file's position. */
int reactor_readv(struct reactor *r, struct completion *c, int fd, const struct iovec *iov, unsigned n, int64_t offset);
int reactor_writev(struct reactor *r, struct completion *c, int fd, const struct iovec *iov, unsigned n,
		   int64_t offset);
int reactor_read(struct reactor *r, struct completion *c, int fd, void *buf, unsigned len, int64_t offset);
int reactor_write(struct reactor *r, struct completion *c, int fd, const void *buf, unsigned len, int64_t offset);
int reactor_fdatasync(struct reactor *r, struct completion *c, int fd);
/* fallocate(2) of [offset, offset+len). */
int reactor_fallocate(struct reactor *r, struct completion *c, int fd, int mode, uint64_t offset, uint64_t len);
/*
 * Submit what is queued once that is two SQEs, the most that one call can take without delay; fewer wait until the
 * handlers are through. In a call of three or more, io_uring plugs the block layer (blk_plug): the disk gets nothing
 * before the last SQE is prepared, and idles meanwhile. No handler runs here.
 */
void reactor_submit_some(struct reactor *r);
/* One CQE when @fd is ready for @events (POLLIN, POLLOUT). */
int reactor_poll(struct reactor *r, struct completion *c, int fd, unsigned events);
/* Request the cancellation of all that @c has in flight. */
int reactor_cancel(struct reactor *r, struct completion *c);
/* Cancel, and step the ring until @c has nothing in flight, at most until @deadline_ns. Not from a handler. 0 or
 * -ETIMEDOUT. */
int reactor_settle(struct reactor *r, struct completion *c, uint64_t deadline_ns);

/* --- sources ----------------------------------------------------------- */

/*
 * An eventfd that somebody else writes. The poll is multishot, and the eventfd is never read: each write is an edge.
 * When the kernel ends the poll (IORING_CQE_F_MORE is clear), it is armed again and @fn runs once more, for a write may
 * have been missed. So @fn must scan its queue rather than count kicks.
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
 * A one-shot timer on its own timerfd: CLOCK_MONOTONIC, absolute, in ns. A deadline in the past fires at once. A
 * deadline of 0 counts as 1, for 0 would silently disarm a timerfd.
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
 * Signals by signalfd. signals_watch() blocks them in the calling thread; threads created later inherit that. A signal
 * that is ignored (by nohup, or in a shell's background job) stays ignored and is not delivered here.
 * signals_unwatch() restores the thread's old mask, so that signals can end what runs later.
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
 * A byte source (stdin, a socket) with one read in flight. @fn gets @res bytes; 0: the end; negative: -errno. Nothing
 * is read while it is paused.
 */
struct source {
	struct completion c;
	struct reactor *r;
	int fd;
	bool paused;
	bool ended;
	bool closing; /* source_shut() */
	bool polling; /* an O_NONBLOCK fd was empty: POLLIN is awaited */
	uint8_t *buf;
	size_t size;
	void (*fn)(struct source *s, const uint8_t *data, int res);
};
int source_open(struct reactor *r, struct source *s, int fd, size_t size,
		void (*fn)(struct source *s, const uint8_t *data, int res));
void source_pause(struct source *s, bool paused);
/*
 * Begin to close: @fn is not called any more, and nothing more is read. This does not step the ring, but source_close()
 * and sink_close() do, and run the handlers of other streams. So an owner of several shuts all before it closes one.
 */
void source_shut(struct source *s);
/* Shut it, cancel the read in flight and wait for its end. Not from a handler. Leaves fd open. */
void source_close(struct source *s);

/*
 * A byte sink (stdout, a socket, a file): bytes are buffered and written in order, with one write in flight; short
 * writes are continued. While more than @high bytes wait, sink_full() is true; once it is false again @drained is
 * called. After an error (EPIPE), which is kept in @error, bytes are counted and dropped.
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
	bool polling; /* an O_NONBLOCK fd was full: POLLOUT is awaited */
	uint64_t written;
	uint64_t dropped; /* bytes that were not written because of the error */
	size_t high_water;
	void (*drained)(struct sink *s);
};
int sink_open(struct reactor *r, struct sink *s, int fd, size_t high, void (*drained)(struct sink *s));
int sink_put(struct sink *s, const void *data, size_t len);
/* Bytes that are not written yet. */
size_t sink_waiting(const struct sink *s);
bool sink_full(const struct sink *s);
bool sink_idle(const struct sink *s);
/* Step the ring until all is written, at most until @deadline_ns. */
int sink_flush(struct sink *s, uint64_t deadline_ns);
/* Begin to close, as source_shut() does: @drained is not called any more, no write begins, and sink_put() returns
 * -ECANCELED. */
void sink_shut(struct sink *s);
/* Shut it, cancel the write in flight and wait for its end. Not from a handler. Leaves fd open. Users of sinks ignore
 * SIGPIPE. */
void sink_close(struct sink *s);

#endif
