/* SPDX-License-Identifier: GPL-2.0-only */
/* Shares against their ideal (WRK-05), distances between CPUs (WRK-06), the account of a thread (WRK-11). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/workloads/account.h"
#include "bench/workloads/clock.h"
#include "bench/workloads/places.h"
#include "bench/workloads/shares.h"

static void near(double a, double b)
{
	if (fabs(a - b) > 1e-9)
		fail_msg("%g is not %g", a, b);
}

static void ideals(void **state)
{
	static const double weight[4] = { 100, 300, 100, 1 };
	double ideal[4];

	(void)state;
	/* One CPU: by weight alone. */
	shares_ideal(weight, 3, 1000, 1000, ideal);
	near(ideal[0], 200);
	near(ideal[1], 600);
	/* Two CPUs: the heavy one can't use more than one, the others share what is left. */
	shares_ideal(weight, 3, 2000, 1000, ideal);
	near(ideal[1], 1000);
	near(ideal[0], 500);
	/* One that is capped makes another so: four CPUs for four workers. */
	shares_ideal(weight, 4, 4000, 1000, ideal);
	near(ideal[3], 1000);
	shares_ideal(weight, 4, 0, 1000, ideal);
	near(ideal[0], 0);
}

static void what_was_got(void **state)
{
	static const double ideal[3] = { 200, 600, 200 }, even[3] = { 200, 600, 200 }, off[3] = { 10, 690, 300 };
	struct shares s = shares_of(even, ideal, 3);

	(void)state;
	near(s.jain, 1);
	near(s.error_max, 0);
	assert_int_equal(s.starved, 0);
	s = shares_of(off, ideal, 3);
	near(s.error_max, 0.95);
	near(s.least, 0.05);
	assert_int_equal(s.starved, 1);
	assert_true(s.jain < 1);
}

static void put(const char *root, const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s%s", root, name);
	for (char *p = path + strlen(root) + 1; *p; p++)
		if (*p == '/') {
			*p = '\0';
			mkdir(path, 0755);
			*p = '/';
		}
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "%s\n", text);
	fclose(f);
}

/* Two nodes, two LLCs each, two cores each, two threads each: CPU 0 to 15. */
static void distances(void **state)
{
	char root[] = "/tmp/ktstr-places-XXXXXX", name[128], text[64];
	struct places *p = malloc(sizeof(*p));

	(void)state;
	assert_non_null(mkdtemp(root));
	put(root, "/sys/devices/system/cpu/present", "0-15");
	put(root, "/sys/devices/system/node/online", "0-1");
	put(root, "/sys/devices/system/node/node0/cpulist", "0-7");
	put(root, "/sys/devices/system/node/node1/cpulist", "8-11,12-15");
	for (unsigned cpu = 0; cpu < 16; cpu++) {
		snprintf(name, sizeof(name), "/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list", cpu);
		snprintf(text, sizeof(text), "%u-%u", cpu & ~1u, cpu | 1);
		put(root, name, text);
		for (unsigned level = 1; level <= 3; level += 2) {
			unsigned of = level == 3 ? 4 : 2;

			snprintf(name, sizeof(name), "/sys/devices/system/cpu/cpu%u/cache/index%u/level", cpu, level);
			snprintf(text, sizeof(text), "%u", level);
			put(root, name, text);
			snprintf(name, sizeof(name), "/sys/devices/system/cpu/cpu%u/cache/index%u/shared_cpu_list", cpu,
				 level);
			snprintf(text, sizeof(text), "%u-%u", cpu / of * of, cpu / of * of + of - 1);
			put(root, name, text);
		}
	}
	places_read(p, root);
	assert_int_equal(places_distance(p, 0, 1), DISTANCE_SMT);
	assert_int_equal(places_distance(p, 0, 2), DISTANCE_LLC);
	assert_int_equal(places_distance(p, 3, 4), DISTANCE_NODE);
	assert_int_equal(places_distance(p, 7, 8), DISTANCE_FAR);
	assert_int_equal(places_distance(p, 12, 9), DISTANCE_NODE);
	assert_int_equal(places_distance(p, -1, 99999), DISTANCE_FAR);
	snprintf(name, sizeof(name), "rm -r %s", root);
	assert_int_equal(system(name), 0);
	free(p);
}

static _Atomic int stop, tid;

static void *spin_and_yield(void *arg)
{
	(void)arg;
	tid = (int)syscall(SYS_gettid);
	while (!stop)
		usleep(1000);
	return NULL;
}

/* A thread that sleeps a hundred times switched of its own will as often. */
static void a_threads_account(void **state)
{
	struct account begin, end;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, spin_and_yield, NULL), 0);
	while (!tid)
		usleep(1000);
	account_read(&begin, tid);
	do {
		usleep(10000);
		account_read(&end, tid);
		account_since(&end, &begin);
	} while (end.voluntary < 100);
	stop = 1;
	pthread_join(thread, NULL);
	if (access("/proc/self/schedstat", F_OK))
		return;
	assert_true(end.run_ns > 0);
	assert_true(end.slices >= end.voluntary);
	/* Gone: no account. */
	account_read(&end, tid);
	assert_int_equal(end.run_ns, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ideals),
		cmocka_unit_test(what_was_got),
		cmocka_unit_test(distances),
		cmocka_unit_test(a_threads_account),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
