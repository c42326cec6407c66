/* SPDX-License-Identifier: GPL-2.0-only */
/* WRK-14: what can be asked of a workload, and what is said about a word that asks for something else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "bench/workloads/catalog.h"

static void every_kind_takes_its_options(void **state)
{
	for (const struct workload_kind *k = workload_kinds; k->name; k++) {
		struct workload_asked a;
		char why[512], word[128];

		assert_true(workload_parse(k->name, &a, why, sizeof(why)));
		assert_ptr_equal(a.kind, k);
		assert_non_null(k->metric && k->rate && k->what ? k : NULL);
		for (unsigned i = 0; i < WORKLOAD_OPTIONS_MAX && k->option[i].name; i++) {
			const struct workload_option *o = &k->option[i];

			assert_true(o->kind == VALUE_LIST || (o->preset >= o->min && o->preset <= o->max));
			assert_int_equal(a.value[i], o->preset);
			snprintf(word, sizeof(word), "%s:%s=%llu%s", k->name, o->name, (unsigned long long)o->max,
				 o->kind == VALUE_TIME ? "ns" : "");
			if (!workload_parse(word, &a, why, sizeof(why)))
				fail_msg("%s: %s", word, why);
			assert_int_equal(o->kind == VALUE_LIST ? a.list[0] : a.value[i], o->max);
			snprintf(word, sizeof(word), "%s:%s=%llu%s", k->name, o->name, (unsigned long long)o->max + 1,
				 o->kind == VALUE_TIME ? "ns" : "");
			assert_false(workload_parse(word, &a, why, sizeof(why)));
			assert_non_null(strstr(why, o->name));
		}
	}
	(void)state;
}

static void aliases(void **state)
{
	struct workload_asked a;
	char why[512];

	assert_true(workload_parse("FutexPingPong:pairs=2", &a, why, sizeof(why)));
	assert_string_equal(a.kind->name, "futex");
	assert_true(workload_parse("Schbench", &a, why, sizeof(why)));
	assert_string_equal(a.kind->name, "wakeup");
	assert_false(workload_parse("Futex", &a, why, sizeof(why)));
	assert_false(workload_parse("", &a, why, sizeof(why)));
	(void)state;
}

static void lists(void **state)
{
	struct workload_asked a;
	char why[512], word[256] = "fair:weights=1";

	assert_true(workload_parse("fair:threads=3,weights=100:300:100", &a, why, sizeof(why)));
	assert_int_equal(a.value[3], 3);
	assert_int_equal(a.list[1], 300);
	assert_false(workload_parse("fair:weights=100:", &a, why, sizeof(why)));
	assert_false(workload_parse("fair:weights=", &a, why, sizeof(why)));
	assert_false(workload_parse("fair:weights=100:0", &a, why, sizeof(why)));
	assert_non_null(strstr(why, "numbers with : between them, each from 1 to 10000"));
	for (unsigned i = 0; i < WORKLOAD_LIST_MAX; i++)
		strcat(word, ":1");
	assert_false(workload_parse(word, &a, why, sizeof(why)));
	(void)state;
}

/* WRK-10 */
static void what_is_around(void **state)
{
	static const char *const wrong[] = {
		"wakeup+bg=cpu",
		"wakeup+bg=disk:1",
		"wakeup+bg=cpu:0",
		"wakeup+bg=file:",
		"wakeup+cgroup=weight:0",
		"wakeup+cgroup=max:10",
		"wakeup+cgroup=max:%",
		"wakeup+cgroup=cpuset:a",
		"wakeup+cgroup=",
		"wakeup+cgroup=weight:1/weight:1/weight:1/weight:1/weight:1",
		"wakeup+bg-cgroup=weight:1",
		"wakeup:workers=2+bg=cpu:1+",
	};
	struct workload_asked a;
	char why[512];

	assert_true(workload_parse("wakeup:workers=2+bg=cpu:4,io:1,fork:1,file:/a+b"
				   "+cgroup=cpuset:0-1,3,weight:50/max:150%+bg-cgroup=weight:10000",
				   &a, why, sizeof(why)));
	assert_int_equal(a.value[1], 2);
	assert_int_equal(a.around.background[BACKGROUND_CPU], 4);
	assert_int_equal(a.around.background[BACKGROUND_FORK], 1);
	assert_string_equal(a.around.file, "/a+b");
	assert_int_equal(a.around.work.n, 2);
	assert_string_equal(a.around.work.level[0].cpuset, "0-1,3");
	assert_int_equal(a.around.work.level[0].weight, 50);
	assert_int_equal(a.around.work.level[1].max_percent, 150);
	assert_string_equal(a.around.work.level[1].cpuset, "");
	assert_int_equal(a.around.load.level[0].weight, 10000);
	assert_true(workload_parse("pipe+bg=cpu:1", &a, why, sizeof(why)));
	assert_int_equal(a.around.work.n, 0);
	/* A + in a file's name is none of ours. */
	assert_true(workload_parse("io-randread:file=/dev/a+b", &a, why, sizeof(why)));
	assert_string_equal(a.file, "/dev/a+b");
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		if (workload_parse(wrong[i], &a, why, sizeof(why)) || !*why)
			fail_msg("%s is taken", wrong[i]);
	(void)state;
}

static void several_options_and_a_file(void **state)
{
	struct workload_asked a;
	char why[512];

	assert_true(workload_parse("messaging:groups=2,pipe=1,size=4k", &a, why, sizeof(why)));
	assert_int_equal(a.value[0], 2);
	assert_int_equal(a.value[1], 4);
	assert_int_equal(a.value[2], 4096);
	assert_int_equal(a.value[3], 1);
	assert_true(workload_parse("periodic:period=2ms,run=200us", &a, why, sizeof(why)));
	assert_int_equal(a.value[1], 2000000);
	assert_true(workload_parse("io-randread:file=/dev/vdb,threads=4", &a, why, sizeof(why)));
	assert_string_equal(a.file, "/dev/vdb");
	assert_true(workload_parse("io-fsync", &a, why, sizeof(why)));
	assert_string_equal(a.file, "/dev/vda");
	(void)state;
}

static void wrong_words_are_named(void **state)
{
	static const struct {
		const char *word, *why;
	} cases[] = {
		{ "wake", "wake: no such workload; use one of wakeup, messaging" },
		{ "", ": no such workload" },
		{ "wakeup:", ": wakeup has no such option" },
		{ "wakeup:fds=2", "fds=2: wakeup has no such option" },
		{ "wakeup:workers", "workers: write workers=N, a number from 0 to 4096" },
		{ "wakeup:workers=", "write workers=N" },
		{ "wakeup:workers=-1", "write workers=N" },
		{ "wakeup:workers=1,,", ": wakeup has no such option" },
		{ "wakeup:file=/dev/vda", "file=/dev/vda: wakeup has no such option" },
		{ "io-randread:file=", "file: name a file" },
		{ "periodic:period=1us", "write period=N, a time from 100 us to 10 s" },
		{ "compute:set=1", "write set=N, a size from 4 KiB to 1 GiB" },
	};
	struct workload_asked a;
	char why[512], long_word[2048];

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (workload_parse(cases[i].word, &a, why, sizeof(why)))
			fail_msg("%s: taken", cases[i].word);
		else if (!strstr(why, cases[i].why))
			fail_msg("%s: %s", cases[i].word, why);
	memset(long_word, 'x', sizeof(long_word));
	memcpy(long_word, "wakeup:", 7);
	long_word[sizeof(long_word) - 1] = '\0';
	assert_false(workload_parse(long_word, &a, why, sizeof(why)));
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_takes_its_options),
		cmocka_unit_test(lists),
		cmocka_unit_test(aliases),
		cmocka_unit_test(what_is_around),
		cmocka_unit_test(several_options_and_a_file),
		cmocka_unit_test(wrong_words_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
