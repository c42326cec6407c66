/* SPDX-License-Identifier: GPL-2.0-only */
/* A scheduler's words, and what the kernel's log says of its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/kernel_log.h"
#include "bpf/words.h"

static void expect_words(const char *text, size_t n, const char *const *words)
{
	char **got = words_split(text);
	size_t i = 0;

	assert_non_null(got);
	for (; got[i]; i++) {
		assert_true(i < n);
		assert_string_equal(got[i], words[i]);
	}
	assert_int_equal(i, n);
	free(got);
}

#define EXPECT(text, ...)                                                                                              \
	do {                                                                                                           \
		const char *const w[] = { __VA_ARGS__ };                                                               \
		expect_words(text, sizeof(w) / sizeof(*w), w);                                                         \
	} while (0)

static void split(void **state)
{
	EXPECT("./x", "./x");
	EXPECT("  ./x \t-a\n-b  ", "./x", "-a", "-b");
	EXPECT("./x 'a b' \"c d\" e\\ f", "./x", "a b", "c d", "e f");
	EXPECT("./x ''", "./x", "");
	EXPECT("'./a dir/x'-y z", "./a dir/x-y", "z");
	EXPECT("x \"q\\\"q \\$ \\n\" '\\'", "x", "q\"q $ \\n", "\\");
	expect_words("", 0, NULL);
	expect_words(" \t", 0, NULL);
}

static void refused(void **state)
{
	static const char *const bad[] = { "x 'a", "x \"a", "x \\", "\"" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		errno = 0;
		assert_null(words_split(bad[i]));
		assert_int_equal(errno, EINVAL);
	}
}

static void first(void **state)
{
	assert_int_equal(words_first("./x -a"), 3);
	assert_int_equal(words_first("'a b' c"), 5);
	assert_int_equal(words_first("  x"), 3);
	assert_int_equal(words_first(""), 0);
}

static void quote(void **state)
{
	static const char *const words[] = { "plain", "a b", "it's", "\"\\$`", "", "''" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		char *quoted = words_quote(words[i]);

		assert_non_null(quoted);
		EXPECT(quoted, words[i]);
		free(quoted);
	}
}

/* As Linux 6.12 and 7.3 log it. */
static void kernel_log(void **state)
{
	char reason[128] = "", message[1024] = "";

	assert_false(kernel_log_parse("sched_ext: BPF scheduler \"simple\" enabled\n", "simple", reason, 128, message,
				      1024));
	assert_false(kernel_log_parse("sched_ext: BPF scheduler \"simple2\" disabled (x)\n", "simple", reason, 128,
				      message, 1024));
	assert_false(kernel_log_parse("sched_ext: simple: before\n", "simple", reason, 128, message, 1024));
	assert_string_equal(message, "");
	assert_true(kernel_log_parse("sched_ext: BPF scheduler \"simple\" disabled (runnable task stall)\n", "simple",
				     reason, 128, message, 1024));
	assert_string_equal(reason, "runnable task stall");
	assert_string_equal(message, "");
	assert_true(kernel_log_parse("sched_ext: simple: sh[7] failed to run for 5.001s\n SUBSYSTEM=x\n", "simple",
				     reason, 128, message, 1024));
	assert_string_equal(message, "sh[7] failed to run for 5.001s");
	assert_false(kernel_log_parse("sched_ext: simple: another\n", "simple", reason, 128, message, 1024));
	assert_true(kernel_log_parse("sched_ext: BPF scheduler \"simple\" disabled (unregistered from user space)",
				     "simple", reason, 128, message, 1024));
	assert_string_equal(reason, "unregistered from user space");
	assert_string_equal(message, "");
	assert_int_equal(kernel_log_kind("runnable task stall"), 1026);
	assert_int_equal(kernel_log_kind("unregistered from user space"), 64);
	assert_int_equal(kernel_log_kind("something new"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(split), cmocka_unit_test(refused),    cmocka_unit_test(first),
		cmocka_unit_test(quote), cmocka_unit_test(kernel_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
