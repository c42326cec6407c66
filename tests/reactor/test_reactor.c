/* SPDX-License-Identifier: GPL-2.0-only */
/* The reactor against real eventfds, timerfds, pipes and files; with the argument epoll, without a ring. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "reactor/internal.h"

#define SECOND 1000000000ull

static bool without_ring;

static int create(struct reactor **r, unsigned sq_entries, unsigned in_flight_max)
{
	return without_ring ? reactor_create_epoll(r, in_flight_max) : reactor_create(r, sq_entries, in_flight_max);
}

static int ring_new(void **state)
{
	struct reactor *r;
	int rc = create(&r, 32, 64);

	if (rc) {
		print_message("no io_uring here: %s\n", strerror(-rc));
		return -1;
	}
	*state = r;
	return 0;
}

static int ring_free(void **state)
{
	return reactor_destroy(*state, 5 * SECOND);
}

struct counted_kick {
	struct kick k;
	unsigned n;
};

static void count_kick(struct kick *k)
{
	((struct counted_kick *)k)->n++;
}

static void kick_is_an_edge_and_needs_no_read(void **state)
{
	struct reactor *r = *state;
	struct counted_kick k = { 0 };
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	assert_int_equal(kick_watch(r, &k.k, fd, count_kick), 0);
	assert_int_equal(reactor_step(r, false), 0);
	assert_int_equal(k.n, 0);
	for (unsigned i = 1; i <= 3; i++) {
		eventfd_write(fd, 1);
		assert_int_equal(reactor_step(r, true), 1);
		assert_int_equal(k.n, i);
	}
	/* A drained eventfd gives nothing more. */
	assert_int_equal(reactor_step(r, false), 0);
	kick_unwatch(&k.k);
	close(fd);
}

static void *kicker(void *arg)
{
	for (int i = 0; i < 20000; i++)
		eventfd_write(*(int *)arg, 1);
	return NULL;
}

/* A kick that comes while the CQ overflows ends the multishot poll: it has to
 * be armed again, or the doorbell goes deaf. */
static void kick_storm_never_goes_deaf(void **state)
{
	struct reactor *r = *state;
	struct counted_kick k = { 0 };
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	pthread_t t;

	assert_int_equal(kick_watch(r, &k.k, fd, count_kick), 0);
	pthread_create(&t, NULL, kicker, &fd);
	pthread_join(t, NULL);
	while (reactor_step_until(r, monotonic_ns() + SECOND / 50) > 0)
		;
	assert_true(k.n > 0);
	unsigned before = k.n;
	eventfd_write(fd, 1);
	assert_true(reactor_step(r, true) > 0);
	assert_true(k.n > before);
	kick_unwatch(&k.k);
	close(fd);
}

struct counted_timer {
	struct timer t;
	unsigned n;
};

static void count_timer(struct timer *t)
{
	((struct counted_timer *)t)->n++;
}

static void timer_in_the_past_fires(void **state)
{
	struct reactor *r = *state;
	struct counted_timer t = { 0 };

	assert_int_equal(timer_open(r, &t.t, count_timer), 0);
	assert_int_equal(timer_set(&t.t, 0), 0); /* a zero must not disarm */
	while (!t.n)
		assert_true(reactor_step(r, true) >= 0);
	assert_int_equal(timer_set(&t.t, monotonic_ns() - 1), 0);
	while (t.n < 2)
		assert_true(reactor_step(r, true) >= 0);
	timer_close(&t.t);
}

static void timer_moves_and_never_comes_early(void **state)
{
	struct reactor *r = *state;
	struct counted_timer t = { 0 };
	uint64_t deadline = monotonic_ns() + SECOND / 20;

	assert_int_equal(timer_open(r, &t.t, count_timer), 0);
	assert_int_equal(timer_set(&t.t, monotonic_ns() + 1000), 0);
	while (monotonic_ns() < t.t.deadline_ns)
		;
	/* The first expiry may have a CQE already; it must not count for this one. */
	assert_int_equal(timer_set(&t.t, deadline), 0);
	while (!t.n)
		assert_true(reactor_step(r, true) >= 0);
	assert_true(monotonic_ns() >= deadline);
	assert_int_equal(t.n, 1);
	timer_set(&t.t, monotonic_ns() + SECOND / 100);
	timer_clear(&t.t);
	assert_int_equal(reactor_step_until(r, monotonic_ns() + SECOND / 25), 0);
	assert_int_equal(t.n, 1);
	timer_close(&t.t);
}

/* A descriptor that expires before its time by our clock must not cost the deadline. */
static void timer_that_expired_too_early_comes_all_the_same(void **state)
{
	struct reactor *r = *state;
	struct counted_timer t = { 0 };
	uint64_t deadline = monotonic_ns() + SECOND / 10;
	struct itimerspec soon = { .it_value.tv_nsec = 1 };

	assert_int_equal(timer_open(r, &t.t, count_timer), 0);
	assert_int_equal(timer_set(&t.t, deadline), 0);
	assert_int_equal(timerfd_settime(t.t.fd, 0, &soon, NULL), 0);
	while (!t.n && monotonic_ns() < deadline + 50 * SECOND)
		assert_true(reactor_step_until(r, deadline + 50 * SECOND) >= 0);
	assert_int_equal(t.n, 1);
	assert_true(monotonic_ns() >= deadline);
	timer_close(&t.t);
}

struct op {
	struct completion c;
	int32_t res;
	bool done;
};

static void op_done(struct completion *c, int32_t res, uint32_t flags)
{
	struct op *op = (struct op *)c;

	op->res = res;
	op->done = true;
}

static int32_t op_wait(struct reactor *r, struct op *op)
{
	while (!op->done)
		assert_true(reactor_step(r, true) >= 0);
	op->done = false;
	return op->res;
}

static void block_io_reads_what_was_written(void **state)
{
	struct reactor *r = *state;
	char path[] = "/tmp/ktstr-reactor-XXXXXX", a[512], b[1024], back[1536];
	int fd = mkstemp(path);
	struct op op;
	struct iovec out[2] = { { a, sizeof a }, { b, sizeof b } }, in = { back, sizeof back };

	unlink(path);
	memset(a, 'a', sizeof a);
	memset(b, 'b', sizeof b);
	assert_int_equal(reactor_attach(r, &op.c, op_done), 0);
	op.done = false;
	/* BAK-17: offsets are bytes, beyond 4 GiB too */
	assert_int_equal(reactor_writev(r, &op.c, fd, out, 2, 5ll << 30), 0);
	assert_int_equal(op_wait(r, &op), 1536);
	assert_int_equal(reactor_fdatasync(r, &op.c, fd), 0);
	assert_int_equal(op_wait(r, &op), 0);
	assert_int_equal(reactor_readv(r, &op.c, fd, &in, 1, 5ll << 30), 0);
	assert_int_equal(op_wait(r, &op), 1536);
	assert_memory_equal(back, a, 512);
	assert_memory_equal(back + 512, b, 1024);
	assert_int_equal(reactor_readv(r, &op.c, fd, &in, 1, 6ll << 30), 0);
	assert_int_equal(op_wait(r, &op), 0);
	assert_int_equal(reactor_readv(r, &op.c, -1, &in, 1, 0), 0);
	assert_int_equal(op_wait(r, &op), -EBADF);
	reactor_detach(r, &op.c);
	close(fd);
}

/* Blocks are given back, zeroed and made; what is refused says so. */
static void fallocate_gives_blocks_back_and_zeroes(void **state)
{
	struct reactor *r = *state;
	char path[] = "/dev/shm/ktstr-reactor-XXXXXX", data[8192], back[8192];
	struct iovec in = { back, sizeof back };
	int fd = mkstemp(path);
	struct stat st;
	struct op op;

	unlink(path);
	memset(data, 'x', sizeof data);
	assert_int_equal(pwrite(fd, data, sizeof data, 0), sizeof data);
	assert_int_equal(reactor_attach(r, &op.c, op_done), 0);
	op.done = false;
	assert_int_equal(reactor_fallocate(r, &op.c, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), 0);
	assert_int_equal(op_wait(r, &op), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_blocks * 512, 4096);
	assert_int_equal(st.st_size, 8192);
	assert_int_equal(reactor_readv(r, &op.c, fd, &in, 1, 0), 0);
	assert_int_equal(op_wait(r, &op), 8192);
	memset(data, 0, 4096);
	assert_memory_equal(back, data, sizeof data);
	assert_int_equal(reactor_fallocate(r, &op.c, fd, 0, 1ll << 20, 4096), 0);
	assert_int_equal(op_wait(r, &op), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, (1 << 20) + 4096);
	assert_int_equal(reactor_fallocate(r, &op.c, -1, 0, 0, 4096), 0);
	assert_int_equal(op_wait(r, &op), -EBADF);
	reactor_detach(r, &op.c);
	close(fd);
}

static void pairs_do_not_wait_for_the_others(void **state)
{
	struct reactor *r = *state;
	char path[] = "/tmp/ktstr-reactor-XXXXXX";
	int fd = mkstemp(path);
	struct op op[5];
	struct iovec iov = { path, 8 };

	unlink(path);
	for (unsigned i = 0; i < 5; i++) {
		uint64_t before = reactor_counters(r)->sqes;

		assert_int_equal(reactor_attach(r, &op[i].c, op_done), 0);
		op[i].done = false;
		assert_int_equal(reactor_writev(r, &op[i].c, fd, &iov, 1, i * 8), 0);
		reactor_submit_some(r);
		if (!without_ring)
			assert_int_equal(reactor_counters(r)->sqes - before, i % 2 ? 2 : 0);
		assert_false(op[i].done);
	}
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(op_wait(r, &op[i]), 8);
		reactor_detach(r, &op[i].c);
	}
	close(fd);
}

static void late_completion_of_a_detached_slot_is_dropped(void **state)
{
	struct reactor *r = *state;
	int p[2];
	char buf[8];
	struct op old, fresh;
	uint64_t stale = reactor_counters(r)->stale;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_int_equal(reactor_attach(r, &old.c, op_done), 0);
	old.done = fresh.done = false;
	assert_int_equal(reactor_read(r, &old.c, p[0], buf, sizeof buf, -1), 0);
	reactor_step(r, false);
	reactor_detach(r, &old.c);
	assert_int_equal(reactor_attach(r, &fresh.c, op_done), 0); /* takes the same slot */
	assert_int_equal(write(p[1], "x", 1), 1);
	while (reactor_counters(r)->stale == stale)
		assert_true(reactor_step(r, true) >= 0);
	assert_false(old.done);
	assert_false(fresh.done);
	assert_int_equal(r->in_flight, 0);
	reactor_detach(r, &fresh.c);
	close(p[0]);
	close(p[1]);
}

static void slots_run_out_with_an_error(void **state)
{
	struct reactor *r = *state;
	struct op op[65];

	for (int i = 0; i < 64; i++)
		assert_int_equal(reactor_attach(r, &op[i].c, op_done), 0);
	assert_int_equal(reactor_attach(r, &op[64].c, op_done), -ENOSPC);
	for (int i = 0; i < 64; i++)
		reactor_detach(r, &op[i].c);
}

static struct {
	uint8_t data[3 << 20];
	size_t len;
	bool ended;
} got;

static void collect(struct source *s, const uint8_t *data, int res)
{
	if (res <= 0) {
		got.ended = true;
		return;
	}
	assert_true(got.len + (size_t)res <= sizeof got.data);
	memcpy(got.data + got.len, data, (size_t)res);
	got.len += (size_t)res;
}

static void stream_all(struct reactor *r, int extra)
{
	static uint8_t data[3 << 20];
	struct source src;
	struct sink snk;
	int sv[2];

	got.len = 0;
	got.ended = false;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | extra, 0, sv), 0);
	assert_int_equal(sink_open(r, &snk, sv[0], 64 << 10, NULL), 0);
	assert_int_equal(source_open(r, &src, sv[1], 7777, collect), 0);
	for (size_t i = 0; i < sizeof data; i += 123457) {
		size_t n = sizeof data - i < 123457 ? sizeof data - i : 123457;

		assert_int_equal(sink_put(&snk, data + i, n), 0);
		if (sink_full(&snk))
			assert_true(reactor_step(r, true) >= 0);
	}
	assert_int_equal(sink_flush(&snk, monotonic_ns() + 20 * SECOND), 0);
	sink_close(&snk);
	shutdown(sv[0], SHUT_WR);
	while (!got.ended)
		assert_true(reactor_step(r, true) >= 0);
	assert_int_equal(got.len, sizeof data);
	assert_memory_equal(got.data, data, sizeof data);
	source_close(&src);
	close(sv[0]);
	close(sv[1]);
}

static void streams_keep_every_byte_in_order(void **state)
{
	stream_all(*state, 0);
}

static void streams_wait_on_nonblocking_files_too(void **state)
{
	stream_all(*state, SOCK_NONBLOCK);
}

static unsigned called;

static void source_called(struct source *s, const uint8_t *data, int res)
{
	called++;
}

static void sink_called(struct sink *s)
{
	called++;
}

/* What is complete already, but not handled, is not handed over by a close that steps the ring; nor is a write begun.
 */
static void nothing_is_called_after_a_close_began(void **state)
{
	static char big[256 << 10];
	struct source src;
	struct sink snk;
	int in[2], out[2];

	called = 0;
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	assert_int_equal(write(in[1], "typed", 5), 5);
	assert_int_equal(source_open(*state, &src, in[0], 64, source_called), 0);
	assert_int_equal(sink_open(*state, &snk, out[1], 0, sink_called), 0);
	assert_int_equal(sink_put(&snk, "x", 1), 0);
	assert_int_equal(sink_put(&snk, big, sizeof big), 0);
	/* The other is shut, and nothing of it comes while the first one's close steps the ring. */
	sink_shut(&snk);
	assert_int_equal(sink_put(&snk, "y", 1), -ECANCELED);
	source_close(&src);
	sink_close(&snk);
	assert_int_equal(called, 0);
	assert_int_equal(((struct reactor *)*state)->in_flight, 0);
	assert_true(read(out[0], big, sizeof big) <= 1);
	for (int i = 0; i < 2; i++) {
		close(in[i]);
		close(out[i]);
	}
}

static unsigned signals_seen;

static void signal_seen(struct signals *s, int signo)
{
	assert_int_equal(signo, SIGUSR2);
	signals_seen++;
}

/* nohup's SIG_IGN holds under us; and once nobody watches, signals do again what they did. */
static void ignored_signals_stay_ignored_and_the_mask_comes_back(void **state)
{
	static const int signos[] = { SIGUSR1, SIGUSR2 };
	struct signals s;
	sigset_t mask;

	signal(SIGUSR1, SIG_IGN);
	assert_int_equal(signals_watch(*state, &s, signos, 2, signal_seen), 0);
	raise(SIGUSR1);
	raise(SIGUSR2);
	for (int i = 0; i < 100 && !signals_seen; i++)
		reactor_step_until(*state, monotonic_ns() + SECOND / 100);
	assert_int_equal(signals_seen, 1);
	signals_unwatch(&s);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
	assert_false(sigismember(&mask, SIGUSR1));
	assert_false(sigismember(&mask, SIGUSR2));
	signal(SIGUSR1, SIG_DFL);
	signals_seen = 0;
}

static void sink_error_is_kept_and_counts_what_it_drops(void **state)
{
	struct sink s;
	int p[2];

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	close(p[0]);
	assert_int_equal(sink_open(*state, &s, p[1], 1024, NULL), 0);
	assert_int_equal(sink_put(&s, "lost", 4), 0);
	assert_int_equal(sink_flush(&s, monotonic_ns() + SECOND), -EPIPE);
	assert_int_equal(sink_put(&s, "too", 3), -EPIPE);
	assert_int_equal(s.dropped, 7);
	sink_close(&s);
	close(p[1]);
}

static void paused_source_reads_nothing(void **state)
{
	struct reactor *r = *state;
	struct source src;
	int p[2];

	got.len = 0;
	got.ended = false;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_int_equal(source_open(r, &src, p[0], 16, collect), 0);
	source_pause(&src, true); /* the read already in flight may still end */
	assert_int_equal(write(p[1], "0123456789abcdefXYZ", 19), 19);
	reactor_step_until(r, monotonic_ns() + SECOND / 20);
	assert_int_equal(reactor_step_until(r, monotonic_ns() + SECOND / 20), 0);
	assert_int_equal(got.len, 16);
	source_pause(&src, false);
	while (got.len < 19)
		assert_true(reactor_step(r, true) >= 0);
	source_close(&src);
	close(p[0]);
	close(p[1]);
}

static int last_signal;

static void on_signal(struct signals *s, int signo)
{
	last_signal = signo;
	reactor_stop(s->r);
}

static void signals_come_through_the_ring(void **state)
{
	struct signals s;
	int set[] = { SIGUSR1, SIGUSR2 };

	assert_int_equal(signals_watch(*state, &s, set, 2, on_signal), 0);
	kill(getpid(), SIGUSR2);
	assert_int_equal(reactor_run(*state), 0);
	assert_int_equal(last_signal, SIGUSR2);
	signals_unwatch(&s);
}

/* A watch that failed has nothing to be undone: its descriptor's number may be another's by now. */
static void failed_watch_is_not_closed_again(void **state)
{
	struct completion full[8];
	struct reactor *r;
	struct signals s;
	int set[] = { SIGUSR1 }, fd;

	assert_int_equal(create(&r, 8, 8), 0);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(reactor_attach(r, &full[i], NULL), 0);
	assert_int_equal(signals_watch(r, &s, set, 1, on_signal), -ENOSPC);
	fd = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(fd, s.fd); /* or this shows nothing */
	signals_unwatch(&s);
	assert_int_equal(eventfd_write(fd, 1), 0);
	close(fd);
	for (unsigned i = 0; i < 8; i++)
		reactor_detach(r, &full[i]);
	assert_int_equal(reactor_destroy(r, SECOND), 0);
}

static void hold_up(struct deferred *d)
{
	struct timespec ts = { .tv_nsec = REACTOR_HELD_LONG_NS + 1000 };

	nanosleep(&ts, NULL);
}

/* Who holds the loop is seen: by the longest, by how many are too long, and by the histogram. */
static void handlers_times_are_counted(void **state)
{
	const struct reactor_counters *c = reactor_counters(*state);
	struct reactor_counters before = *c;
	struct deferred d = { .fn = hold_up };
	uint64_t n = 0;

	reactor_defer(*state, &d);
	assert_int_equal(reactor_step(*state, false), 0);
	assert_int_equal(c->held_long, before.held_long + 1);
	assert_true(c->held_max_ns > REACTOR_HELD_LONG_NS);
	for (unsigned i = 23; i < REACTOR_HELD_BUCKETS; i++) /* from 8.4 ms on */
		n += c->held[i] - before.held[i];
	assert_int_equal(n, 1);
}

struct chain {
	struct deferred d;
	struct reactor *r;
	unsigned n;
};

static void again(struct deferred *d)
{
	struct chain *c = (struct chain *)d;

	if (++c->n < 3)
		reactor_defer(c->r, d);
}

/* Work that defers itself gets one turn a step, and the step does not sleep. */
static void deferred_work_takes_turns(void **state)
{
	struct chain c = { .d.fn = again, .r = *state };

	reactor_defer(*state, &c.d);
	reactor_defer(*state, &c.d);
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(reactor_step(*state, true), 0);
		assert_int_equal(c.n, i);
	}
}

/* Closing a ring does not stop its I/O: destroy has to wait for it. */
static void destroy_leaves_nothing_in_flight(void **state)
{
	struct reactor *r;
	struct op op;
	char buf[8] = "before";
	int p[2];

	assert_int_equal(create(&r, 8, 8), 0);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_int_equal(reactor_attach(r, &op.c, op_done), 0);
	assert_int_equal(reactor_read(r, &op.c, p[0], buf, sizeof buf, -1), 0);
	reactor_step(r, false);
	assert_int_equal(reactor_destroy(r, 5 * SECOND), 0);
	assert_int_equal(write(p[1], "after!", 6), 6);
	usleep(1000);
	assert_string_equal(buf, "before");
	close(p[0]);
	close(p[1]);
}

static void counters_tell_wakes_from_cqes(void **state)
{
	struct reactor *r = *state;
	struct counted_kick k[4] = { 0 };
	int fd[4];

	for (int i = 0; i < 4; i++) {
		fd[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		assert_int_equal(kick_watch(r, &k[i].k, fd[i], count_kick), 0);
	}
	reactor_step(r, false);
	struct reactor_counters before = *reactor_counters(r);
	for (int i = 0; i < 4; i++)
		eventfd_write(fd[i], 1);
	assert_int_equal(reactor_step(r, true), 4);
	assert_int_equal(reactor_counters(r)->wakes - before.wakes, 1);
	assert_int_equal(reactor_counters(r)->cqes - before.cqes, 4);
	assert_true(reactor_counters(r)->cqes_max >= 4);
	for (int i = 0; i < 4; i++) {
		kick_unwatch(&k[i].k);
		close(fd[i]);
	}
}

#define RING_TEST(f) cmocka_unit_test_setup_teardown(f, ring_new, ring_free)

int main(int argc, char **argv)
{
	without_ring = argc > 1 && !strcmp(argv[1], "epoll");
	const struct CMUnitTest tests[] = {
		RING_TEST(kick_is_an_edge_and_needs_no_read),
		RING_TEST(kick_storm_never_goes_deaf),
		RING_TEST(timer_in_the_past_fires),
		RING_TEST(timer_moves_and_never_comes_early),
		RING_TEST(timer_that_expired_too_early_comes_all_the_same),
		RING_TEST(block_io_reads_what_was_written),
		RING_TEST(fallocate_gives_blocks_back_and_zeroes),
		RING_TEST(pairs_do_not_wait_for_the_others),
		RING_TEST(late_completion_of_a_detached_slot_is_dropped),
		RING_TEST(slots_run_out_with_an_error),
		RING_TEST(streams_keep_every_byte_in_order),
		RING_TEST(streams_wait_on_nonblocking_files_too),
		RING_TEST(sink_error_is_kept_and_counts_what_it_drops),
		RING_TEST(nothing_is_called_after_a_close_began),
		RING_TEST(ignored_signals_stay_ignored_and_the_mask_comes_back),
		RING_TEST(paused_source_reads_nothing),
		RING_TEST(signals_come_through_the_ring),
		RING_TEST(failed_watch_is_not_closed_again),
		RING_TEST(handlers_times_are_counted),
		RING_TEST(deferred_work_takes_turns),
		RING_TEST(destroy_leaves_nothing_in_flight),
		RING_TEST(counters_tell_wakes_from_cqes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
