/* SPDX-License-Identifier: GPL-2.0-only */
/* A disk image has one machine that writes it, or many that read it; QEMU's locks count too. */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench/host/disk_lock.h"

static char image[] = "/tmp/ktstr-disk-lock-XXXXXX";
static char why[512];

/* A descriptor, or -errno. */
static int take(bool read_only)
{
	struct disk_lock lock;
	int rc = disk_lock_take(image, read_only, &lock, why, sizeof(why));

	return rc ? rc : lock.fd;
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

/* A loop device that shows @file from @offset on, its name in @path; -1: there are none here. */
static int loop_open(const char *file, uint64_t offset, char path[32])
{
	int control = open("/dev/loop-control", O_RDWR), n = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE), fd;
	struct loop_config config = { .info = { .lo_offset = offset } };

	if (control >= 0)
		close(control);
	if (n < 0)
		return -1;
	sprintf(path, "/dev/loop%d", n);
	fd = open(path, O_RDWR);
	config.fd = (uint32_t)open(file, O_RDWR);
	if (fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &config)) {
		close(fd);
		fd = -1;
	}
	close((int)config.fd);
	return fd;
}

static void a_file_and_a_loop_device_on_it_are_one_image(void **state)
{
	struct disk_lock file = { 0 }, device = { 0 };
	char path[32] = "", other[32] = "";
	int loop, part;

	assert_int_equal(truncate(image, 1 << 20), 0);
	loop = loop_open(image, 0, path);
	if (loop < 0)
		skip();
	/* Another part of it is another image. */
	part = loop_open(image, 4096, other);
	assert_true(part >= 0);
	assert_int_equal(disk_lock_take(image, false, &file, why, sizeof(why)), 0);
	assert_int_equal(disk_lock_take(path, false, &device, why, sizeof(why)), -EBUSY);
	assert_non_null(strstr(why, image));
	assert_non_null(strstr(why, path));
	assert_non_null(strstr(why, "another --disk of this machine"));
	assert_int_equal(disk_lock_take(path, true, &device, why, sizeof(why)), -EBUSY);
	assert_int_equal(disk_lock_take(other, false, &device, why, sizeof(why)), 0);
	disk_lock_drop(&device);
	disk_lock_drop(&file);
	assert_int_equal(disk_lock_take(path, false, &device, why, sizeof(why)), 0);
	assert_int_equal(disk_lock_take(image, false, &file, why, sizeof(why)), -EBUSY);
	assert_int_equal(disk_lock_take(image, true, &file, why, sizeof(why)), -EBUSY);
	disk_lock_drop(&device);
	/* Many may read. */
	assert_int_equal(disk_lock_take(path, true, &device, why, sizeof(why)), 0);
	assert_int_equal(disk_lock_take(image, true, &file, why, sizeof(why)), 0);
	disk_lock_drop(&device);
	disk_lock_drop(&file);
	disk_lock_drop(&file);
	ioctl(loop, LOOP_CLR_FD);
	ioctl(part, LOOP_CLR_FD);
	close(loop);
	close(part);
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
		cmocka_unit_test(a_file_and_a_loop_device_on_it_are_one_image),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
