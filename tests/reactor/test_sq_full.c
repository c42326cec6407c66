/* SPDX-License-Identifier: GPL-2.0-only */
/* A submission queue that is full while the kernel has no memory for its entries: that passes, and nothing is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <liburing.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "reactor/internal.h"

#define SQ 4u
#define READS 100u

static unsigned refusals;

int __wrap_io_uring_enter2(unsigned fd, unsigned to_submit, unsigned min, unsigned flags, sigset_t *sig, size_t size);
int __real_io_uring_enter2(unsigned fd, unsigned to_submit, unsigned min, unsigned flags, sigset_t *sig, size_t size);

int __wrap_io_uring_enter2(unsigned fd, unsigned to_submit, unsigned min, unsigned flags, sigset_t *sig, size_t size)
{
	if (!refusals)
		return __real_io_uring_enter2(fd, to_submit, min, flags, sig, size);
	refusals--;
	return refusals % 3 ? -EAGAIN : -EBUSY;
}

static struct {
	struct completion c;
	uint8_t byte;
	unsigned ends;
} op[READS];
static unsigned ended;

static void read_done(struct completion *c, int32_t res, uint32_t flags)
{
	size_t i = (size_t)((char *)c - (char *)op) / sizeof(op[0]);

	assert_int_equal(res, 1);
	assert_int_equal(op[i].byte, i);
	op[i].ends++;
	ended++;
}

/* A watch that is made and ended while the queue is full: the cancellation comes after what it cancels. */
static void never_kicked(struct kick *k)
{
	fail_msg("nobody kicked");
}

static void refused_entries_wait(void **state)
{
	uint8_t bytes[READS];
	struct reactor *r;
	struct kick kick;
	int fd = memfd_create("sq-full", MFD_CLOEXEC), pipes[2];

	for (unsigned i = 0; i < READS; i++)
		bytes[i] = (uint8_t)i;
	assert_int_equal(write(fd, bytes, READS), READS);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(reactor_create(&r, SQ, READS + 8), 0);
	for (unsigned i = 0; i < READS; i++)
		assert_int_equal(reactor_attach(r, &op[i].c, read_done), 0);
	refusals = 2 * READS;
	for (unsigned i = 0; i < READS; i++) {
		assert_int_equal(reactor_read(r, &op[i].c, fd, &op[i].byte, 1, i), 0);
		if (i == READS / 2) {
			assert_int_equal(kick_watch(r, &kick, pipes[0], never_kicked), 0);
			kick_unwatch(&kick);
		}
	}
	for (unsigned i = 0; i < 10000 && (ended < READS || r->in_flight); i++)
		assert_true(reactor_step(r, true) >= 0);
	assert_int_equal(ended, READS);
	for (unsigned i = 0; i < READS; i++)
		assert_int_equal(op[i].ends, 1);
	assert_int_equal(r->in_flight, 0);
	assert_int_equal(refusals, 0);
	for (unsigned i = 0; i < READS; i++)
		reactor_detach(r, &op[i].c);
	assert_int_equal(reactor_destroy(r, 1000000000), 0);
	close(fd);
	close(pipes[0]);
	close(pipes[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(refused_entries_wait) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
