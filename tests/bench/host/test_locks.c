/* SPDX-License-Identifier: GPL-2.0-only */
/* Locks between processes: shared and exclusive, waiting and not, a killed holder, a crowd; and who is told to hold
 * them. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench/base/say.h"
#include "bench/host/locks.h"
#include "bench/host/claim.h"

static char dir[64];

static int setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/ktstr-locks-XXXXXX");
	return !mkdtemp(dir) || setenv("KTSTR_LOCK_DIR", dir, 1);
}

static int teardown(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

/* A process that does something, tells how it went, and stays. */
struct other {
	pid_t pid;
	int rc;
};

static void other_start(struct other *o, int (*fn)(void *ctx), void *ctx)
{
	int told[2];

	assert_int_equal(pipe(told), 0);
	o->pid = fork();
	assert_true(o->pid >= 0);
	if (!o->pid) {
		int rc;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		rc = fn(ctx);
		if (write(told[1], &rc, sizeof(rc)) == sizeof(rc))
			pause();
		_exit(2);
	}
	close(told[1]);
	assert_int_equal(read(told[0], &o->rc, sizeof(o->rc)), sizeof(o->rc));
	close(told[0]);
}

static void other_end(struct other *o, int signo)
{
	kill(o->pid, signo);
	assert_int_equal(waitpid(o->pid, NULL, 0), o->pid);
}

struct want {
	enum lock_kind kind;
	unsigned number;
	bool exclusive;
};

static struct locks mine; /* of this process, or of the other */

static int take_it(void *ctx)
{
	const struct want *w = ctx;

	return lock_take(&mine, w->kind, w->number, w->exclusive, "mode=default vcpus=3");
}

/* --- one lock ----------------------------------------------------------- */

static void exclusive_keeps_all_out_and_shared_the_exclusive(void **state)
{
	struct want ex = { LOCK_LLC, 0, true }, sh = { LOCK_LLC, 0, false };
	struct other o;

	other_start(&o, take_it, &ex);
	assert_int_equal(o.rc, 0);
	assert_int_equal(take_it(&ex), -EBUSY);
	assert_int_equal(take_it(&sh), -EBUSY);
	/* Another number, and a CPU of the same number, are others. */
	assert_int_equal(take_it(&(struct want){ LOCK_LLC, 1, true }), 0);
	assert_int_equal(take_it(&(struct want){ LOCK_CPU, 0, true }), 0);
	other_end(&o, SIGTERM);
	locks_drop(&mine);

	other_start(&o, take_it, &sh);
	assert_int_equal(take_it(&ex), -EBUSY);
	assert_int_equal(take_it(&sh), 0);
	assert_false(mine.lock[0].alone);
	assert_false(locks_shared(&mine, LOCK_CPU));
	assert_true(locks_shared(&mine, LOCK_LLC));
	other_end(&o, SIGTERM);
	/* Having asked changes nothing: it is shared as before, for the next as against him who wants it alone. */
	other_start(&o, take_it, &ex);
	assert_int_equal(o.rc, -EBUSY);
	other_end(&o, SIGTERM);
	assert_false(locks_shared(&mine, LOCK_LLC));
	other_start(&o, take_it, &sh);
	assert_int_equal(o.rc, 0);
	other_end(&o, SIGTERM);
	locks_drop(&mine);
	assert_int_equal(take_it(&sh), 0);
	assert_true(mine.lock[0].alone);
	locks_drop(&mine);
	assert_int_equal(take_it(&ex), 0);
	locks_drop(&mine);
}

static void a_killed_holder_frees(void **state)
{
	struct want ex = { LOCK_CPU, 7, true };
	struct other o;

	other_start(&o, take_it, &ex);
	assert_int_equal(take_it(&ex), -EBUSY);
	other_end(&o, SIGKILL);
	assert_int_equal(take_it(&ex), 0);
	locks_drop(&mine);
}

/* --- who holds what ----------------------------------------------------- */

static void holders_are_told_with_mode_and_command(void **state)
{
	struct want sh = { LOCK_LLC, 2, false }, ex = { LOCK_CPU, 11, true };
	struct other a, b, dead;
	struct lock_holder *list;
	char text[256], path[128];
	FILE *f;

	other_start(&dead, take_it, &sh);
	other_start(&a, take_it, &sh);
	other_start(&b, take_it, &ex);
	other_end(&dead, SIGKILL);
	assert_int_equal(locks_read(&list), 2);
	assert_int_equal(list[0].kind, LOCK_LLC);
	assert_int_equal(list[0].number, 2);
	assert_int_equal(list[0].pid, a.pid);
	assert_false(list[0].exclusive);
	assert_string_equal(list[0].mode, "default");
	assert_int_equal(list[0].vcpus, 3);
	assert_true(list[0].since > 0 && list[0].since <= time(NULL));
	assert_non_null(strstr(list[0].command, "test_host_locks"));
	assert_int_equal(list[1].kind, LOCK_CPU);
	assert_int_equal(list[1].pid, b.pid);
	assert_true(list[1].exclusive);
	free(list);
	assert_non_null(strstr(lock_holder_text(LOCK_CPU, 11, text, sizeof(text)), "(default: "));
	assert_string_equal(lock_holder_text(LOCK_CPU, 12, text, sizeof(text)), "another process");
	/* What else lies there, and a file that tells nonsense, are no holders and no harm. */
	snprintf(path, sizeof(path), "%s/ktstr-llc-x.lock", dir);
	close(creat(path, 0644));
	snprintf(path, sizeof(path), "%s/ktstr-cpu-11.lock", dir);
	f = fopen(path, "w");
	fprintf(f, "pid=%d mode=\001 vcpus=\npid=x\n\n%0500d", (int)b.pid, 7);
	fclose(f);
	assert_int_equal(locks_read(&list), 2);
	assert_string_equal(list[1].mode, "?");
	assert_non_null(strstr(list[1].command, "test_host_locks"));
	free(list);
	other_end(&a, SIGTERM);
	other_end(&b, SIGTERM);
	assert_int_equal(locks_read(&list), 0);
	free(list);
}

/* A line a holder, and none of the dead once somebody is alone. */
static void lines_of_the_dead_do_not_pile_up(void **state)
{
	struct want sh = { LOCK_LLC, 0, false };
	char path[128];
	struct other o;
	struct stat st;
	off_t one;

	snprintf(path, sizeof(path), "%s/ktstr-llc-0.lock", dir);
	assert_int_equal(take_it(&sh), 0);
	assert_int_equal(stat(path, &st), 0);
	one = st.st_size;
	for (unsigned i = 0; i < 5; i++) {
		other_start(&o, take_it, &sh);
		other_end(&o, SIGKILL);
	}
	stat(path, &st);
	assert_true(st.st_size > 5 * one);
	locks_drop(&mine);
	assert_int_equal(take_it(&sh), 0);
	stat(path, &st);
	assert_true(st.st_size < 2 * one);
	locks_drop(&mine);
}

static void what_is_no_lock_file_is_refused(void **state)
{
	struct want sh = { LOCK_LLC, 0, false };
	char path[128];

	snprintf(path, sizeof(path), "%s/ktstr-llc-0.lock", dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(take_it(&sh), -ELOOP);
	unlink(path);
	setenv("KTSTR_LOCK_DIR", "/nonexistent", 1);
	assert_int_equal(take_it(&sh), -ENOENT);
	setenv("KTSTR_LOCK_DIR", dir, 1);
	locks_drop(&mine);
}

/* --- a crowd ------------------------------------------------------------ */

#define CROWD 16
#define ROUNDS 60
#define PRIZES 3

static struct crowd {
	_Atomic int inside[PRIZES]; /* 1000 an exclusive holder, 1 a shared one */
	_Atomic int bad, had;
} * crowd;

static int push(void *ctx)
{
	unsigned seed = *(unsigned *)ctx;

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct want w = { LOCK_LLC, (unsigned)rand_r(&seed) % PRIZES, rand_r(&seed) % 3 == 0 };
		int weight = w.exclusive ? 1000 : 1, before;

		if (take_it(&w)) {
			sched_yield();
			continue;
		}
		before = atomic_fetch_add(&crowd->inside[w.number], weight);
		if (w.exclusive ? before : before >= 1000)
			atomic_fetch_add(&crowd->bad, 1);
		sched_yield();
		atomic_fetch_sub(&crowd->inside[w.number], weight);
		atomic_fetch_add(&crowd->had, 1);
		locks_drop(&mine);
	}
	return 0;
}

static void a_crowd_never_shares_what_is_exclusive(void **state)
{
	pid_t pid[CROWD];
	unsigned seed[CROWD];
	int start[2], status;
	char c;

	crowd = mmap(NULL, sizeof(*crowd), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(crowd, MAP_FAILED);
	/* All at once: when the pipe is closed here. */
	assert_int_equal(pipe(start), 0);
	for (unsigned i = 0; i < CROWD; i++) {
		seed[i] = i + 1;
		pid[i] = fork();
		if (pid[i])
			continue;
		close(start[1]);
		_exit(read(start[0], &c, 1) ? 2 : push(&seed[i]));
	}
	close(start[0]);
	close(start[1]);
	for (unsigned i = 0; i < CROWD; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(crowd->bad, 0);
	assert_true(crowd->had > CROWD);
	munmap(crowd, sizeof(*crowd));
}

/* --- machines ----------------------------------------------------------- */

struct machine_want {
	struct host_options o;
	unsigned vcpus;
};

static struct machine_host *machine;

static int take_shape(struct machine_host **m, const struct host_options *o, unsigned vcpus)
{
	char why[TOPOLOGY_WHY];
	struct topology t;

	assert_int_equal(topology_init(&t, 1, 1, vcpus, 1, why) || topology_finish(&t, why), 0);
	return machine_host_take(m, o, &t);
}

static int take_machine(void *ctx)
{
	struct machine_want *w = ctx;

	/* Its word is for a user. */
	if (!freopen("/dev/null", "w", stderr))
		return -1;
	return take_shape(&machine, &w->o, w->vcpus);
}

static void need_cpus_and_fifo(void)
{
	struct sched_param fifo = { .sched_priority = 2 }, other = { 0 };
	struct bits cpus;

	assert_int_equal(affinity_get(&cpus), 0);
	if (bits_count(&cpus) < 2) {
		print_message("skipped: performance mode takes 2 CPUs, and this process may use one\n");
		skip();
	}
	if (sched_setscheduler(0, SCHED_FIFO, &fifo)) {
		print_message("skipped: performance mode takes SCHED_FIFO: %s\n", strerror(errno));
		skip();
	}
	sched_setscheduler(0, SCHED_OTHER, &other);
}

static void performance_and_default_keep_out_of_each_other(void **state)
{
	struct machine_want perf = { .o = { .mode = MODE_PERFORMANCE }, .vcpus = 1 }, plain = { .vcpus = 1 };
	struct other a, b, c;
	struct host_cpus h;

	need_cpus_and_fifo();
	assert_int_equal(host_cpus_read(&h, "/sys", NULL), 0);
	if (h.n_llcs > 1) {
		print_message("skipped: this host has several LLCs, and both may find one\n");
		host_cpus_free(&h);
		skip();
	}
	host_cpus_free(&h);
	other_start(&a, take_machine, &perf);
	assert_int_equal(a.rc, 0);
	other_start(&b, take_machine, &perf);
	assert_int_equal(b.rc, EXIT_SKIPPED);
	other_start(&c, take_machine, &plain);
	assert_int_equal(c.rc, EXIT_SKIPPED);
	other_end(&b, SIGTERM);
	other_end(&c, SIGTERM);
	plain.o.bypass_locks = true;
	other_start(&c, take_machine, &plain);
	assert_int_equal(c.rc, 0);
	other_end(&c, SIGTERM);
	plain.o.bypass_locks = false;
	other_end(&a, SIGKILL);
	/* More default ones than there are CPUs: all of them, and no performance beside them. */
	other_start(&a, take_machine, &plain);
	other_start(&b, take_machine, &plain);
	other_start(&c, take_machine, &plain);
	assert_int_equal(a.rc | b.rc | c.rc, 0);
	other_end(&a, SIGTERM);
	other_end(&b, SIGTERM);
	other_start(&a, take_machine, &perf);
	assert_int_equal(a.rc, EXIT_SKIPPED);
	other_end(&a, SIGTERM);
	other_end(&c, SIGTERM);
}

/* Who waits has it when the holder goes. */
static void waiting_ends_when_the_holder_does(void **state)
{
	struct machine_want plain = { .o = { .wait_ns = 60000000000u }, .vcpus = 1 };
	struct other holder[64];
	struct host_cpus h;
	unsigned n;
	pid_t pid;
	int status;

	assert_int_equal(host_cpus_read(&h, "/sys", NULL), 0);
	n = h.n_llcs;
	host_cpus_free(&h);
	assert_true(n <= 64);
	for (unsigned i = 0; i < n; i++) {
		struct want ex = { LOCK_LLC, i, true };

		other_start(&holder[i], take_it, &ex);
		assert_int_equal(holder[i].rc, 0);
	}
	pid = fork();
	if (!pid)
		_exit(take_machine(&plain));
	/* However long it is looked at: it has not ended. */
	usleep(300000);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	other_end(&holder[0], SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	for (unsigned i = 1; i < n; i++)
		other_end(&holder[i], SIGTERM);
}

/* Taken, used, given back: affinity and policy are as they were. */
static void all_is_given_back(void **state)
{
	struct host_options o = { .mode = MODE_PERFORMANCE };
	struct machine_host *m;
	struct bits before, during, after;
	struct lock_holder *list;
	struct reactor *r;
	struct vm_backing memory = { 0 };
	char why[TOPOLOGY_WHY];
	struct topology t;
	struct vm_host vm;
	int n;

	need_cpus_and_fifo();
	affinity_get(&before);
	n = reactor_create(&r, 8, 8);
	if (n) {
		print_message("skipped: no io_uring: %s\n", strerror(-n));
		skip();
	}
	assert_int_equal(take_shape(&m, &o, 1), 0);
	assert_int_equal(topology_init(&t, 1, 1, 1, 1, why) || topology_finish(&t, why), 0);
	machine_host_vm(m, &vm);
	assert_true(vm.vcpu_cpu && vm.fifo_priority == 1 && vm.keep_exits && vm.realtime && !vm.set_halt_poll);
	machine_host_memory(m, &t, &memory);
	assert_true(memory.prefault);
	assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
	assert_int_equal(machine_host_apply(m, r), 0);
	affinity_get(&during);
	assert_int_equal(bits_count(&during), 1);
	assert_false(bits_has(&during, (unsigned)vm.vcpu_cpu[0]));
	assert_int_equal(sched_getscheduler(0), SCHED_FIFO);
	assert_int_equal(locks_read(&list), 3);
	assert_string_equal(list[0].mode, "performance");
	free(list);
	machine_host_free(m);
	affinity_get(&after);
	assert_true(bits_equal(&before, &after));
	assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
	assert_int_equal(locks_read(&list), 0);
	free(list);
	assert_int_equal(reactor_destroy(r, 1000000000u), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(exclusive_keeps_all_out_and_shared_the_exclusive, setup, teardown),
		cmocka_unit_test_setup_teardown(a_killed_holder_frees, setup, teardown),
		cmocka_unit_test_setup_teardown(holders_are_told_with_mode_and_command, setup, teardown),
		cmocka_unit_test_setup_teardown(lines_of_the_dead_do_not_pile_up, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_lock_file_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_crowd_never_shares_what_is_exclusive, setup, teardown),
		cmocka_unit_test_setup_teardown(performance_and_default_keep_out_of_each_other, setup, teardown),
		cmocka_unit_test_setup_teardown(waiting_ends_when_the_holder_does, setup, teardown),
		cmocka_unit_test_setup_teardown(all_is_given_back, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
