/* SPDX-License-Identifier: GPL-2.0-only */
/* --poll: what it accepts, and what is made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/spec/poll.h"

static void test_poll_words(void **state)
{
	static const char *const bad[] = { "", "on", "0x10", "-1", " 5", "5us", "1000001", "auto ", "1.5" };
	struct poll_choice c;

	assert_int_equal(poll_parse("auto", &c), 0);
	assert_false(c.fixed);
	assert_int_equal(poll_parse("off", &c), 0);
	assert_true(c.fixed);
	assert_int_equal(c.max_ns, 0);
	assert_int_equal(poll_parse("50", &c), 0);
	assert_true(c.fixed);
	assert_int_equal(c.max_ns, 50000);
	assert_int_equal(poll_parse("1000000", &c), 0);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(poll_parse(bad[i], &c), -EINVAL);
}

/* Never a CPU that the guest needs, unless it was asked for. */
static void test_poll_choice(void **state)
{
	struct poll_choice automatic = { 0 }, asked = { .fixed = true, .max_ns = 7000 }, off = { .fixed = true };
	const char *reason;

	assert_int_equal(poll_choose(&automatic, 1, false, &reason), 0);
	assert_non_null(strstr(reason, "needs all"));
	if (poll_quota("/proc/self/cgroup", "/sys/fs/cgroup") > 1) {
		assert_int_equal(poll_choose(&automatic, 1, true, &reason), POLL_AUTO_NS);
		assert_non_null(strstr(reason, "does not need"));
	}
	assert_int_equal(poll_choose(&asked, 1, true, &reason), 7000);
	assert_int_equal(poll_choose(&asked, 1000, false, &reason), 7000);
	assert_string_equal(reason, "asked for");
	assert_int_equal(poll_choose(&off, 1, true, &reason), 0);
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* The least on the way to the root counts, in whole CPUs. */
static void test_quota(void **state)
{
	assert_int_equal(mkdir("cgroup", 0700) | mkdir("cgroup/a", 0700) | mkdir("cgroup/a/b", 0700), 0);
	put("cgroup/self", "1:name=systemd:/x\n0::/a/b\n");
	assert_int_equal(poll_quota("cgroup/self", "cgroup"), UINT_MAX);
	put("cgroup/a/b/cpu.max", "max 100000\n");
	assert_int_equal(poll_quota("cgroup/self", "cgroup"), UINT_MAX);
	put("cgroup/a/cpu.max", "250000 100000\n");
	assert_int_equal(poll_quota("cgroup/self", "cgroup"), 2);
	put("cgroup/a/b/cpu.max", "50000 100000\n");
	assert_int_equal(poll_quota("cgroup/self", "cgroup"), 0);
	put("cgroup/self", "0::/a\n");
	assert_int_equal(poll_quota("cgroup/self", "cgroup"), 2);
	put("cgroup/self", "0::/\n");
	assert_int_equal(poll_quota("cgroup/self", "cgroup"), UINT_MAX);
	assert_int_equal(poll_quota("cgroup/none", "cgroup"), UINT_MAX);
	unlink("cgroup/self");
	unlink("cgroup/a/cpu.max");
	unlink("cgroup/a/b/cpu.max");
	assert_int_equal(rmdir("cgroup/a/b") | rmdir("cgroup/a") | rmdir("cgroup"), 0);
}

static char dir[] = "ktstr-test-XXXXXX";

static int enter_dir(void **state)
{
	return !mkdtemp(dir) || chdir(dir);
}

static int leave_dir(void **state)
{
	return chdir("..") || rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_poll_words),
		cmocka_unit_test(test_poll_choice),
		cmocka_unit_test(test_quota),
	};

	return cmocka_run_group_tests(tests, enter_dir, leave_dir);
}
