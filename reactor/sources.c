/* SPDX-License-Identifier: GPL-2.0-only */
/* What wakes the reactor: eventfd kicks, absolute timers, signals. */
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "reactor/internal.h"

/*
 * The kernel ends a multishot poll when the CQ is full or on an error; then it is armed again. Returns false if the fd
 * can't be polled any more.
 */
static bool poll_still_armed(struct reactor *r, struct completion *c, int fd, int32_t res, uint32_t flags)
{
	if (res < 0 && res != -ECANCELED && res != -EINTR) {
		reactor_fatal(r, res);
		return false;
	}
	if (!(flags & IORING_CQE_F_MORE)) {
		int rc = reactor_poll_multishot(r, c, fd, POLLIN);

		reactor_count_rearm(r);
		if (rc < 0)
			reactor_fatal(r, rc);
	}
	return true;
}

static int watch_fd(struct reactor *r, struct completion *c, int fd, completion_fn done)
{
	int rc = reactor_attach(r, c, done);

	if (rc < 0)
		return rc;
	rc = reactor_poll_multishot(r, c, fd, POLLIN);
	if (rc < 0)
		reactor_detach(r, c);
	return rc;
}

static void unwatch_fd(struct reactor *r, struct completion *c)
{
	if (!c->slot)
		return;
	reactor_cancel(r, c);
	reactor_detach(r, c);
}

/* --- kicks -------------------------------------------------------------- */

static void kick_done(struct completion *c, int32_t res, uint32_t flags)
{
	struct kick *k = container_of(c, struct kick, c);

	if (poll_still_armed(k->r, c, k->fd, res, flags))
		k->fn(k);
}

int kick_watch(struct reactor *r, struct kick *k, int fd, void (*fn)(struct kick *k))
{
	*k = (struct kick){ .r = r, .fd = fd, .fn = fn };
	return watch_fd(r, &k->c, fd, kick_done);
}

void kick_unwatch(struct kick *k)
{
	if (k->r)
		unwatch_fd(k->r, &k->c);
}

/* --- timers ------------------------------------------------------------- */

/* Arm the descriptor for an absolute time; not 0, which would disarm it. */
static int timer_arm(const struct timer *t, uint64_t deadline_ns)
{
	struct itimerspec its = {
		.it_value = { .tv_sec = (time_t)(deadline_ns / 1000000000u),
			      .tv_nsec = (long)(deadline_ns % 1000000000u) },
	};

	return timerfd_settime(t->fd, TFD_TIMER_ABSTIME, &its, NULL) ? -errno : 0;
}

static void timer_done(struct completion *c, int32_t res, uint32_t flags)
{
	struct timer *t = container_of(c, struct timer, c);
	int rc;

	if (!poll_still_armed(t->r, c, t->fd, res, flags) || !t->deadline_ns)
		return;
	/*
	 * The CQE may belong to a deadline that was moved since: then the descriptor is armed for the new one, and
	 * arming it again changes nothing. If it has expired too early by our clock, it must be armed again.
	 */
	if (monotonic_ns() < t->deadline_ns) {
		rc = timer_arm(t, t->deadline_ns);
		if (rc < 0)
			reactor_fatal(t->r, rc);
		return;
	}
	t->deadline_ns = 0;
	t->fn(t);
}

int timer_open(struct reactor *r, struct timer *t, void (*fn)(struct timer *t))
{
	int rc;

	*t = (struct timer){ .fn = fn };
	t->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (t->fd < 0)
		return -errno;
	rc = watch_fd(r, &t->c, t->fd, timer_done);
	if (rc < 0)
		close(t->fd);
	else
		t->r = r;
	return rc;
}

int timer_set(struct timer *t, uint64_t deadline_ns)
{
	int rc;

	if (!deadline_ns)
		deadline_ns = 1;
	rc = timer_arm(t, deadline_ns);
	if (rc < 0)
		return rc;
	t->deadline_ns = deadline_ns;
	return 0;
}

void timer_clear(struct timer *t)
{
	struct itimerspec off = { 0 };

	if (!t->r || !t->deadline_ns)
		return;
	timerfd_settime(t->fd, 0, &off, NULL);
	t->deadline_ns = 0;
}

void timer_close(struct timer *t)
{
	if (!t->r)
		return;
	unwatch_fd(t->r, &t->c);
	close(t->fd);
	t->r = NULL;
}

/* --- signals ------------------------------------------------------------ */

static void signals_done(struct completion *c, int32_t res, uint32_t flags)
{
	struct signals *s = container_of(c, struct signals, c);
	struct signalfd_siginfo info;

	if (!poll_still_armed(s->r, c, s->fd, res, flags))
		return;
	while (read(s->fd, &info, sizeof info) == sizeof info)
		s->fn(s, (int)info.ssi_signo);
}

static bool is_ignored(int signo)
{
	struct sigaction sa;

	return !sigaction(signo, NULL, &sa) && sa.sa_handler == SIG_IGN;
}

int signals_watch(struct reactor *r, struct signals *s, const int *signos, unsigned n,
		  void (*fn)(struct signals *s, int signo))
{
	sigset_t set;
	int rc;

	*s = (struct signals){ .fn = fn };
	sigemptyset(&set);
	/* A blocked signal is queued even if it is ignored. */
	for (unsigned i = 0; i < n; i++)
		if (!is_ignored(signos[i]))
			sigaddset(&set, signos[i]);
	rc = pthread_sigmask(SIG_BLOCK, &set, &s->old_mask);
	if (rc)
		return -rc;
	s->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	rc = s->fd < 0 ? -errno : watch_fd(r, &s->c, s->fd, signals_done);
	if (rc >= 0) {
		s->r = r;
		return rc;
	}
	if (s->fd >= 0)
		close(s->fd);
	pthread_sigmask(SIG_SETMASK, &s->old_mask, NULL);
	return rc;
}

void signals_unwatch(struct signals *s)
{
	if (!s->r)
		return;
	unwatch_fd(s->r, &s->c);
	close(s->fd);
	s->r = NULL;
	pthread_sigmask(SIG_SETMASK, &s->old_mask, NULL);
}
