/* SPDX-License-Identifier: GPL-2.0-only */
/* What a VM takes of its host: vCPU threads on their CPUs with their priority, and what KVM is asked for. */
#include <errno.h>
#include <dirent.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kvm/vm.h"
#include "reactor/container.h"
#include "tests/kvm/with_kvm.h"

#define SECOND 1000000000ull
#define VCPUS 2

struct run {
	struct reactor *r;
	struct vm *vm;
	struct timer limit;
	bool up, timed_out;
};

static void serial_out(void *ctx, unsigned port, const uint8_t *data, size_t len)
{
	struct run *run = ctx;

	run->up = true;
	reactor_stop(run->r);
}

static void limit_over(struct timer *t)
{
	struct run *run = container_of(t, struct run, limit);

	run->timed_out = true;
	reactor_stop(run->r);
}

/* The guest is up and idle when this returns. */
static int start(struct run *run, const struct vm_host *host, struct vm_error *err)
{
	struct vm_config cfg = {
		.kernel = guest_path,
		.cmdline = "i",
		.cpus = VCPUS,
		.memory = 64 << 20,
		.host = *host,
		.serial_out = serial_out,
		.ctx = run,
	};
	int rc;

	memset(run, 0, sizeof(*run));
	assert_int_equal(reactor_create(&run->r, 64, 256), 0);
	assert_int_equal(timer_open(run->r, &run->limit, limit_over), 0);
	rc = vm_create(&run->vm, run->r, &cfg, err);
	if (rc)
		fail_msg("%s", err->text);
	timer_set(&run->limit, monotonic_ns() + 60 * SECOND);
	rc = vm_start(run->vm, err);
	if (rc)
		return rc;
	while (!run->up && !run->timed_out)
		assert_int_equal(reactor_run(run->r), 0);
	assert_false(run->timed_out);
	return 0;
}

static void end(struct run *run)
{
	vm_stop(run->vm);
	vm_destroy(run->vm);
	timer_close(&run->limit);
	assert_int_equal(reactor_destroy(run->r, 5 * SECOND), 0);
}

/* The thread of this name; 0: none. */
static pid_t thread(const char *name)
{
	DIR *tasks = opendir("/proc/self/task");
	const struct dirent *e;
	pid_t found = 0;

	while ((e = readdir(tasks))) {
		char path[300], comm[32] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", e->d_name);
		f = fopen(path, "r");
		if (f && fgets(comm, sizeof(comm), f) && !strncmp(comm, name, strlen(name)) &&
		    comm[strlen(name)] == '\n')
			found = atoi(e->d_name);
		if (f)
			fclose(f);
	}
	closedir(tasks);
	return found;
}

static int last_cpu(void)
{
	cpu_set_t set;
	int last = -1;

	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set))
			last = i;
	return last;
}

static void vcpu_threads_run_where_they_are_told(void **state)
{
	int cpu[VCPUS] = { last_cpu(), last_cpu() };
	struct vm_host host = { .vcpu_cpu = cpu, .fifo_priority = 1 };
	struct sched_param param = { .sched_priority = 1 };
	struct vm_error err;
	struct run run;
	cpu_set_t set;

	if (sched_setscheduler(0, SCHED_FIFO, &param)) {
		print_message("skipped: SCHED_FIFO: %s\n", strerror(errno));
		skip();
	}
	param.sched_priority = 0;
	sched_setscheduler(0, SCHED_OTHER, &param);
	assert_int_equal(start(&run, &host, &err), 0);
	for (unsigned i = 0; i < VCPUS; i++) {
		char name[16];
		pid_t tid;

		snprintf(name, sizeof(name), "vcpu%u", i);
		tid = thread(name);
		assert_true(tid > 0);
		assert_int_equal(sched_getscheduler(tid), SCHED_FIFO);
		assert_int_equal(sched_getparam(tid, &param), 0);
		assert_int_equal(param.sched_priority, 1);
		assert_int_equal(sched_getaffinity(tid, sizeof(set), &set), 0);
		assert_int_equal(CPU_COUNT(&set), 1);
		assert_true(CPU_ISSET(cpu[i], &set));
	}
	/* The thread that made them is as it was. */
	assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
	end(&run);
}

static void without_a_word_nothing_is_taken(void **state)
{
	struct vm_host host = { 0 };
	struct vm_host_facts had;
	struct vm_error err;
	struct run run;
	cpu_set_t mine, its;
	pid_t tid;

	assert_int_equal(start(&run, &host, &err), 0);
	tid = thread("vcpu0");
	assert_int_equal(sched_getscheduler(tid), SCHED_OTHER);
	sched_getaffinity(0, sizeof(mine), &mine);
	sched_getaffinity(tid, sizeof(its), &its);
	assert_true(CPU_EQUAL(&mine, &its));
	vm_host_facts(run.vm, &had);
	assert_false(had.halt_poll_set || had.pause_kept || had.hlt_kept || had.realtime);
	end(&run);
}

/* What KVM knows of it is had, and the guest runs, halts and ends with it. */
static void what_kvm_knows_is_had(void **state)
{
	struct vm_host host = { .set_halt_poll = true, .halt_poll_ns = 0, .keep_exits = true, .realtime = true };
	struct vm_host_facts had;
	struct vm_error err;
	struct run run;

	assert_int_equal(start(&run, &host, &err), 0);
	vm_host_facts(run.vm, &had);
	print_message("halt polling set %d, PAUSE kept %d, HLT kept %d, realtime %d, steal time %d\n",
		      had.halt_poll_set, had.pause_kept, had.hlt_kept, had.realtime, had.steal_time);
	assert_true(had.halt_poll_set); /* since Linux 5.10 */
	end(&run);
}

static void a_cpu_that_is_not_there_is_an_error(void **state)
{
	int cpu[VCPUS] = { 4000, 4000 };
	struct vm_host host = { .vcpu_cpu = cpu };
	struct vm_error err;
	struct run run;

	assert_int_equal(start(&run, &host, &err), -EINVAL);
	assert_int_equal(err.fault, VM_FAULT_THREAD_PRIORITY);
	assert_non_null(strstr(err.text, "vCPU 0: no thread on its CPU"));
	end(&run);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vcpu_threads_run_where_they_are_told),
		cmocka_unit_test(without_a_word_nothing_is_taken),
		cmocka_unit_test(what_kvm_knows_is_had),
		cmocka_unit_test(a_cpu_that_is_not_there_is_an_error),
	};

	return RUN_WITH_KVM(argc, argv, tests);
}
