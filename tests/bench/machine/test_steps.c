/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine is a value that turns in steps: it takes commands, several run side by side in one process, it can be ended
 * whatever it does, and it touches nothing of what belongs to the process. argv[1]: a guest of our own, for any
 * /dev/kvm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/base/say.h"
#include "bench/host/claim.h"
#include "bench/machine/resolve.h"
#include "bench/machine/run.h"
#include "reactor/reactor.h"

#define TURN_NS 20000000ull
#define PATIENCE_NS 60000000000ull

static char *guest, *self;

struct one {
	struct machine_spec spec;
	struct machine_resolved resolved;
	struct machine_job job;
	struct machine *m;
	int out; /* what the guest's console shows */
	char text[4096];
	size_t len;
};

static void make(struct one *one, const char *what)
{
	int fds[2];

	memset(one, 0, sizeof(*one));
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	one->out = fds[0];
	one->spec = (struct machine_spec){ .host = HOST_TRY,
					   .kernel = guest,
					   .initrd = self,
					   .append = (char *)what,
					   .cpus = 1,
					   .memory = 64 << 20,
					   .host_cpus.bypass_locks = true };
	assert_int_equal(machine_resolve(&one->spec, &one->resolved), 0);
	one->job.stdio = (struct machine_stdio){ -1, fds[1], STDERR_FILENO };
	one->job.start_ns = monotonic_ns();
	assert_int_equal(machine_host_take(&one->job.host, &one->resolved.host_cpus, &one->resolved.topology), 0);
	assert_int_equal(machine_create(&one->m, &one->resolved, &one->job), 0);
}

static int end(struct one *one)
{
	struct machine_result result;
	int code = machine_end(one->m, &result);

	assert_int_equal(code, result.code);
	json_decref(result.facts);
	machine_host_free(one->job.host);
	close(one->out);
	close(one->job.stdio.out);
	return code;
}

static bool is_up(struct one *one)
{
	ssize_t n = read(one->out, one->text + one->len, sizeof(one->text) - 1 - one->len);

	one->len += n > 0 ? (size_t)n : 0;
	return strstr(one->text, "up");
}

static void step_until_up(struct one *one)
{
	uint64_t deadline = monotonic_ns() + PATIENCE_NS;

	while (!is_up(one)) {
		assert_true(machine_step(one->m, monotonic_ns() + TURN_NS));
		assert_true(monotonic_ns() < deadline);
	}
}

static int command(struct one *one, int what, int signo)
{
	const struct machine_command c = { .what = what, .signo = signo };

	return machine_command(one->m, &c);
}

static void a_machine_runs_in_steps_and_takes_commands(void **state)
{
	struct one one;

	make(&one, "do=i");
	assert_int_equal(command(&one, MACHINE_WINDOW, 0), -ESHUTDOWN);
	assert_int_equal(machine_start(one.m), 0);
	step_until_up(&one);
	/* It has neither a shell nor an init of ours. */
	assert_int_equal(command(&one, MACHINE_WINDOW, 0), -EINVAL);
	assert_int_equal(command(&one, MACHINE_WAKE, 0), -EINVAL);
	assert_int_equal(command(&one, MACHINE_END, SIGTERM), 0);
	while (machine_step(one.m, MACHINE_NO_DEADLINE))
		;
	assert_int_equal(command(&one, MACHINE_WAKE, 0), -ESHUTDOWN);
	assert_int_equal(end(&one), 128 + SIGTERM);
}

static void it_ends_whatever_it_does(void **state)
{
	struct one one;

	/* Never started: there is no guest whose end had to be told. */
	make(&one, "do=i");
	assert_int_equal(end(&one), 0);
	/* It runs, and nobody asked. */
	make(&one, "do=i");
	assert_int_equal(machine_start(one.m), 0);
	step_until_up(&one);
	assert_int_equal(command(&one, MACHINE_END, 0), 0);
	assert_int_equal(end(&one), 0);
	/* It powers off by itself. */
	make(&one, "do=x");
	assert_int_equal(machine_start(one.m), 0);
	while (machine_step(one.m, MACHINE_NO_DEADLINE))
		;
	assert_int_equal(end(&one), 0);
}

/* The wait for a reader ends by a command. */
static void output_that_nobody_takes_is_given_up(void **state)
{
	static const uint8_t zeros[4096];
	struct one one;

	make(&one, "do=x");
	assert_int_equal(fcntl(one.job.stdio.out, F_SETFL, O_NONBLOCK), 0);
	while (write(one.job.stdio.out, zeros, sizeof(zeros)) > 0)
		;
	assert_int_equal(machine_start(one.m), 0);
	/* The guest ends soon; then the machine waits for its reader. */
	for (uint64_t until = monotonic_ns() + 2000000000ull; monotonic_ns() < until;)
		assert_true(machine_step(one.m, monotonic_ns() + TURN_NS));
	assert_int_equal(command(&one, MACHINE_END, SIGINT), 0);
	while (machine_step(one.m, MACHINE_NO_DEADLINE))
		;
	assert_true(machine_gave_up(one.m));
	assert_int_equal(end(&one), 128 + SIGINT);
}

static void two_run_side_by_side(void **state)
{
	struct one a, b;

	make(&a, "do=i");
	make(&b, "do=i");
	assert_int_equal(machine_start(a.m) | machine_start(b.m), 0);
	for (uint64_t deadline = monotonic_ns() + PATIENCE_NS; !is_up(&a) || !is_up(&b);) {
		assert_true(machine_step(a.m, monotonic_ns() + TURN_NS / 10));
		assert_true(machine_step(b.m, monotonic_ns() + TURN_NS / 10));
		assert_true(monotonic_ns() < deadline);
	}
	assert_int_equal(command(&a, MACHINE_END, SIGINT) | command(&b, MACHINE_END, SIGTERM), 0);
	assert_int_equal(end(&b), 128 + SIGTERM);
	assert_int_equal(end(&a), 128 + SIGINT);
}

/* --- the process ---------------------------------------------------------- */

struct process {
	void (*handler[NSIG])(int);
	sigset_t blocked;
	cpu_set_t cpus;
	struct stat stdio[3];
	mode_t mask;
	char cwd[4096];
};

static void look(struct process *p)
{
	struct sigaction action;

	memset(p, 0, sizeof(*p));
	for (int i = 1; i < NSIG; i++)
		p->handler[i] = sigaction(i, NULL, &action) ? NULL : action.sa_handler;
	pthread_sigmask(SIG_SETMASK, NULL, &p->blocked);
	sched_getaffinity(0, sizeof(p->cpus), &p->cpus);
	for (int fd = 0; fd < 3; fd++) {
		fstat(fd, &p->stdio[fd]);
		/* Others write to it. */
		p->stdio[fd].st_atim = p->stdio[fd].st_mtim = p->stdio[fd].st_ctim = (struct timespec){ 0 };
		p->stdio[fd].st_size = p->stdio[fd].st_blocks = 0;
	}
	p->mask = umask(0);
	umask(p->mask);
	assert_non_null(getcwd(p->cwd, sizeof(p->cwd)));
}

static void unchanged(const struct process *before)
{
	struct process now;

	look(&now);
	assert_memory_equal(&now, before, sizeof(now));
}

static void it_touches_nothing_of_the_process(void **state)
{
	struct process before;
	struct one one;

	look(&before);
	make(&one, "do=i");
	unchanged(&before);
	assert_int_equal(machine_start(one.m), 0);
	step_until_up(&one);
	unchanged(&before);
	command(&one, MACHINE_END, SIGHUP);
	while (machine_step(one.m, MACHINE_NO_DEADLINE))
		;
	unchanged(&before);
	assert_int_equal(end(&one), 128 + SIGHUP);
	unchanged(&before);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_machine_runs_in_steps_and_takes_commands),
		cmocka_unit_test(it_ends_whatever_it_does),
		cmocka_unit_test(output_that_nobody_takes_is_given_up),
		cmocka_unit_test(two_run_side_by_side),
		cmocka_unit_test(it_touches_nothing_of_the_process),
	};

	if (argc < 2 || access("/dev/kvm", R_OK | W_OK))
		return EXIT_SKIPPED;
	guest = argv[1];
	self = argv[0];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
