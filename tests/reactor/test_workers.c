/* SPDX-License-Identifier: GPL-2.0-only */
/* The threads that the kernel adds to ours: how many at most, and where they run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "reactor/reactor.h"

#define READS 32u
#define SECOND_NS 1000000000ull

static unsigned done;

static void read_done(struct completion *c, int32_t res, uint32_t flags)
{
	assert_int_equal(res, 1);
	done++;
}

/* Reads of a file in memory, which the ring hands to workers, every one. */
static void work(struct reactor *r)
{
	static struct completion c[READS];
	static char byte[READS];
	int fd = memfd_create("work", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, READS), 0);
	done = 0;
	for (unsigned i = 0; i < READS; i++) {
		assert_int_equal(reactor_attach(r, &c[i], read_done), 0);
		assert_int_equal(reactor_read(r, &c[i], fd, &byte[i], 1, i), 0);
	}
	while (done < READS)
		assert_true(reactor_step(r, true) >= 0);
	for (unsigned i = 0; i < READS; i++)
		reactor_detach(r, &c[i]);
	close(fd);
}

/* Workers alive (they stay for seconds), and how many of them may run on other CPUs than @cpu. */
static unsigned count_workers(unsigned cpu, unsigned *elsewhere)
{
	DIR *tasks = opendir("/proc/self/task");
	const struct dirent *e;
	unsigned n = 0;

	*elsewhere = 0;
	while ((e = readdir(tasks))) {
		char path[64], name[64] = "";
		cpu_set_t set;
		FILE *f;
		int tid;

		snprintf(path, sizeof(path), "/proc/self/task/%.16s/comm", e->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fgets(name, sizeof(name), f) && !strncmp(name, "iou-wrk", 7) &&
		    sscanf(e->d_name, "%d", &tid) == 1) {
			n++;
			assert_int_equal(sched_getaffinity(tid, sizeof(set), &set), 0);
			*elsewhere += CPU_COUNT(&set) != 1 || !CPU_ISSET(cpu, &set);
		}
		fclose(f);
	}
	closedir(tasks);
	return n;
}

static void test_bounded(void **state)
{
	const struct reactor_features *f;
	unsigned elsewhere;
	struct reactor *r;

	assert_int_equal(reactor_create(&r, 64, 64), 0);
	f = reactor_features(r);
	if (!f->workers_bounded) {
		assert_int_equal(reactor_destroy(r, SECOND_NS), 0);
		print_message("this kernel has no bound for workers\n");
		skip();
	}
	assert_int_equal(f->workers_bounded, REACTOR_WORKERS_BOUNDED);
	assert_int_equal(f->workers_unbounded, REACTOR_WORKERS_UNBOUNDED);
	work(r);
	assert_true(count_workers(0, &elsewhere) <= REACTOR_WORKERS_BOUNDED + REACTOR_WORKERS_UNBOUNDED);
	assert_int_equal(reactor_destroy(r, 5 * SECOND_NS), 0);
}

/* BLK-64: kept to the CPUs that were named. */
static void test_placed(void **state)
{
	cpu_set_t all, last;
	struct reactor *r;
	unsigned cpu = 0, workers, elsewhere;

	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	for (unsigned i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &all))
			cpu = i;
	if (CPU_COUNT(&all) < 2) {
		print_message("one CPU: nowhere else to run\n");
		skip();
	}
	CPU_ZERO(&last);
	CPU_SET(cpu, &last);
	assert_int_equal(reactor_create(&r, 64, 64), 0);
	assert_int_equal(reactor_worker_cpus(r, &last, sizeof(last)), 0);
	work(r);
	workers = count_workers(cpu, &elsewhere);
	if (!workers)
		print_message("this kernel needs no workers for a file in memory\n");
	assert_int_equal(elsewhere, 0);
	assert_int_equal(reactor_destroy(r, 5 * SECOND_NS), 0);
}

/* Workers outlive a ring by seconds: the placed ones come first. */
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_placed),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
