/* SPDX-License-Identifier: GPL-2.0-only */
/* A disk image has one machine that writes it, or many that read it; QEMU's locks count too. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench/host/disk_lock.h"

static char image[] = "/tmp/ktstr-disk-lock-XXXXXX";
static char why[512];

static int take(bool read_only)
{
	return disk_lock_take(image, read_only, why, sizeof(why));
}

static void one_writes_alone(void **state)
{
	int fd = take(false);

	assert_true(fd >= 0);
	assert_string_equal(why, "");
	assert_int_equal(take(false), -EBUSY);
	assert_non_null(strstr(why, image));
	assert_non_null(strstr(why, "another --disk of this machine"));
	assert_non_null(strchr(why, ';'));
	assert_int_equal(take(true), -EBUSY);
	/* Those that were refused left nothing behind. */
	close(fd);
	fd = take(false);
	assert_true(fd >= 0);
	close(fd);
}

static void many_read(void **state)
{
	int a = take(true), b = take(true);

	assert_true(a >= 0 && b >= 0);
	assert_int_equal(take(false), -EBUSY);
	close(a);
	assert_int_equal(take(false), -EBUSY);
	close(b);
	a = take(false);
	assert_true(a >= 0);
	close(a);
}

/* A process that has locked these bytes as QEMU does, shared; or, without bytes, by disk_lock_take(). */
static pid_t holder(const int *bytes, size_t n)
{
	int told[2];
	pid_t pid;
	char ok;

	assert_int_equal(pipe(told), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		int fd = n ? open(image, O_RDWR) : take(false);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		ok = fd >= 0;
		for (size_t i = 0; i < n; i++) {
			struct flock l = { .l_type = F_RDLCK, .l_start = bytes[i], .l_len = 1 };

			ok = ok && !fcntl(fd, F_OFD_SETLK, &l);
		}
		if (write(told[1], &ok, 1) == 1)
			pause();
		_exit(0);
	}
	assert_int_equal(read(told[0], &ok, 1), 1);
	assert_true(ok);
	close(told[0]);
	close(told[1]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void the_other_process_is_named(void **state)
{
	pid_t pid = holder(NULL, 0);
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "pid %d (", (int)pid);
	assert_int_equal(take(false), -EBUSY);
	assert_non_null(strstr(why, name));
	assert_int_equal(take(true), -EBUSY);
	assert_non_null(strstr(why, "writes to it"));
	end(pid);
	fd = take(false);
	assert_true(fd >= 0);
	close(fd);
}

/* QEMU: writes, and lets nobody else write or resize; reads the same; writes and lets others write (share-rw=on). */
static void qemu_is_kept_out_and_minded(void **state)
{
	static const int writes[] = { 100, 101, 201, 203 }, reads[] = { 100, 201, 203 }, shares[] = { 100, 101 };
	struct flock l = { .l_type = F_WRLCK, .l_start = 201, .l_len = 1 };
	pid_t pid = holder(writes, 4);
	int fd, other;

	assert_int_equal(take(false), -EBUSY);
	assert_int_equal(take(true), -EBUSY);
	end(pid);
	pid = holder(reads, 3);
	assert_int_equal(take(false), -EBUSY);
	fd = take(true);
	assert_true(fd >= 0);
	close(fd);
	end(pid);
	pid = holder(shares, 2);
	assert_int_equal(take(false), -EBUSY);
	assert_int_equal(take(true), -EBUSY);
	end(pid);
	/* What QEMU looks at before it writes. */
	fd = take(true);
	other = open(image, O_RDWR);
	assert_int_equal(fcntl(other, F_OFD_GETLK, &l), 0);
	assert_int_equal(l.l_type, F_RDLCK);
	close(other);
	close(fd);
}

static int setup(void **state)
{
	int fd = mkstemp(image);

	return fd < 0 || close(fd);
}

static int teardown(void **state)
{
	return unlink(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_writes_alone),
		cmocka_unit_test(many_read),
		cmocka_unit_test(the_other_process_is_named),
		cmocka_unit_test(qemu_is_kept_out_and_minded),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
