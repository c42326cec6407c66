/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Schedulers that programs bring, without a kernel that has sched_ext: shell
 * scripts stand in for the programs, and a directory for what sched_ext shows.
 * Each script gets that directory as its first argument.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf/dump.h"
#include "bpf/scheduler.h"

static char dir[] = "/tmp/ktstr-scx-XXXXXX", sysfs[64], script[64], text[256];

static void put(const char *name, const char *value)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s%s", sysfs, name);
	f = fopen(path, "we");
	assert_non_null(f);
	fprintf(f, "%s\n", value);
	fclose(f);
}

/* What each script may use: attach and detach, as the kernel shows them. */
static const char prelude[] =
	"#!/bin/sh\n"
	"cd \"$1\" || exit 9\n"
	"seq=$(cat enable_seq)\n"
	"enabled() { mkdir -p root; echo test_ops >root/ops; echo enabled >state; }\n"
	"raised() { seq=$((seq + 1)); echo $seq >enable_seq.new; mv enable_seq.new enable_seq; }\n"
	"detach() { echo disabled >state; rm -f root/ops; }\n"
	"attach() { enabled; raised; }\n"
	"until_asked() { while :; do sleep 0.02; done; }\n"
	"until_go() { until [ -e ../go ]; do sleep 0.02; done; rm ../go; }\n"
	"trap 'detach; exit 0' INT\n";

static const char *program(const char *body)
{
	FILE *f = fopen(script, "we");

	assert_non_null(f);
	fprintf(f, "%s%s", prelude, body);
	fclose(f);
	assert_int_equal(chmod(script, 0755), 0);
	snprintf(text, sizeof(text), "'%s' %s", script, sysfs);
	return text;
}

/* The program goes on from until_go. */
static void go(void)
{
	char path[sizeof(script)];

	snprintf(path, sizeof(path), "%s/go", dir);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

static int fresh(void **state)
{
	static struct scheduler s;

	put("state", "disabled");
	put("enable_seq", "4");
	mkdir(script, 0755);
	rmdir(script);
	scheduler_patience = (struct scheduler_patience){ 20000, 20000, 20000, 20000, 20000 };
	*state = &s;
	return 0;
}

/* The kernel shows "enabled" before it raises enable_seq: 5 of 6 runs ended falsely for that. */
static void seq_is_raised_late(void **state)
{
	struct scheduler *s = *state;

	assert_int_equal(scheduler_attach(s, program("enabled; sleep 0.4; raised; until_asked"), false), 0);
	assert_string_equal(s->ops, "test_ops");
	assert_int_equal(s->enable_seq, 5);
	assert_true(s->attach_ns >= 400000000u);
	assert_true(scheduler_check(s));
	assert_true(scheduler_holds(s));
	scheduler_detach(s);
	assert_int_equal(s->stop, STOP_IN_ORDER);
	assert_int_equal(s->restarts, 0);
	assert_true(s->ended);
	scheduler_free(s);
}

static void slow_to_attach(void **state)
{
	struct scheduler *s = *state;

	assert_int_equal(scheduler_attach(s, program("sleep 1; attach; until_asked"), false), 0);
	assert_true(scheduler_holds(s));
	scheduler_free(s);
}

static void restarts(void **state)
{
	struct scheduler *s = *state;

	assert_int_equal(
		scheduler_attach(s, program("attach; until_go; detach; sleep 0.3; attach; until_asked"), false), 0);
	go();
	while (scheduler_check(s) && !s->gone_ns && !s->restarts)
		scheduler_poll(s, 5);
	/* In the middle of it, or after: it is waited for. */
	assert_true(scheduler_holds(s));
	assert_int_equal(s->restarts, 1);
	assert_int_equal(s->enable_seq, 6);
	scheduler_detach(s);
	scheduler_free(s);
}

static void does_not_come_back(void **state)
{
	struct scheduler *s = *state;

	scheduler_patience.restart_ms = 300;
	assert_int_equal(scheduler_attach(s, program("attach; until_go; detach; until_asked"), false), 0);
	go();
	while (scheduler_check(s))
		scheduler_poll(s, 20);
	assert_false(s->ended);
	assert_false(scheduler_holds(s));
	scheduler_free(s);
}

static void ends_before_it_attached(void **state)
{
	struct scheduler *s = *state;

	assert_int_equal(scheduler_attach(s, program("exit 3"), false), SCHEDULER_FAILED);
	assert_non_null(strstr(s->said, "ended with code 3 before it attached"));
	scheduler_free(s);
	assert_int_equal(scheduler_attach(s, program("kill -SEGV $$; sleep 1"), false), SCHEDULER_FAILED);
	assert_non_null(strstr(s->said, "killed by signal 11"));
	scheduler_free(s);
	assert_int_equal(scheduler_attach(s,
					  program("echo \"libbpf: failed to load BPF skeleton 'x': -EINVAL\"; exit 1"),
					  false),
			 SCHEDULER_FAILED);
	assert_non_null(strstr(s->said, "which could not be loaded"));
	scheduler_free(s);
}

static void refused_by_the_verifier(void **state)
{
	struct scheduler *s = *state;

	assert_int_equal(
		scheduler_attach(s, program("echo 'libbpf: prog: -- BEGIN PROG LOAD LOG --' >&2; echo R1 bad; exit 1"),
				 false),
		SCHEDULER_FAILED);
	assert_true(s->log.refused);
	assert_non_null(strstr(s->said, "the kernel refused to load it"));
	scheduler_free(s);
}

/* BEN-11: what libbpf and the verifier say of a kfunc that this kernel lacks, or has otherwise. */
static void a_kernel_that_lacks_a_kfunc(void **state)
{
	static const struct {
		const char *says, *kfunc;
	} cases[] = {
		{ "libbpf: extern (func ksym) 'scx_bpf_a': not found in kernel or module BTFs", "kfunc scx_bpf_a," },
		{ "libbpf: extern (func ksym) 'scx_bpf_b': func_proto [12] incompatible with vmlinux [34]",
		  "kfunc scx_bpf_b," },
		{ "kfunc 'scx_bpf_c' is referenced but wasn't resolved", "kfunc scx_bpf_c," },
		{ "libbpf: extern (func ksym) 'scx_bpf_d': resolved to vmlinux [5]", NULL },
	};
	struct scheduler *s = *state;
	char says[256];

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(says, sizeof(says), "echo \"%s\" >&2; exit 1", cases[i].says);
		assert_int_equal(scheduler_attach(s, program(says), false), SCHEDULER_FAILED);
		if (cases[i].kfunc)
			assert_non_null(strstr(s->cannot, cases[i].kfunc));
		else
			assert_null(strstr(s->cannot, "kfunc"));
		scheduler_free(s);
	}
}

static void ends_while_it_runs(void **state)
{
	struct scheduler *s = *state;

	assert_int_equal(scheduler_attach(s, program("attach; until_go; detach; exit 0"), false), 0);
	go();
	while (scheduler_check(s))
		scheduler_poll(s, 20);
	assert_true(s->ended);
	assert_false(scheduler_holds(s));
	scheduler_free(s);
}

static void attaches_nothing(void **state)
{
	struct scheduler *s = *state;

	scheduler_patience.quiet_ms = 300;
	assert_int_equal(scheduler_attach(s, program("until_asked"), false), SCHEDULER_FAILED);
	assert_non_null(strstr(s->said, "attached no scheduler"));
	scheduler_free(s);
	/* One that talks on and on, too. */
	scheduler_patience.quiet_ms = 20000;
	scheduler_patience.attach_ms = 600;
	assert_int_equal(scheduler_attach(s, program("while :; do echo .; sleep 0.02; done"), false), SCHEDULER_FAILED);
	scheduler_free(s);
}

/* As scx_pair, which tells of its 4096 maps. */
static void slow_but_not_silent(void **state)
{
	struct scheduler *s = *state;

	/* A machine that stands still for a second is given more time. */
	for (unsigned scale = 1;; scale *= 4) {
		char body[100];
		int rc;

		snprintf(body, sizeof(body), "for i in 1 2 3 4 5; do echo .; sleep %u.%u; done; attach; until_asked",
			 scale / 2, scale % 2 * 5);
		scheduler_patience.quiet_ms = 1500 * scale;
		rc = scheduler_attach(s, program(body), false);
		scheduler_free(s);
		if (!rc)
			break;
		assert_in_range(scale, 1, 4);
	}
}

static void hangs_at_its_end(void **state)
{
	struct scheduler *s = *state;

	scheduler_patience.grace_ms = 300;
	assert_int_equal(scheduler_attach(s, program("trap '' INT; attach; until_asked"), false), 0);
	assert_true(scheduler_holds(s));
	put("state", "disabled"); /* as the kernel does, once the program is gone */
	scheduler_detach(s);
	assert_int_equal(s->stop, STOP_KILLED);
	assert_true(WIFSIGNALED(s->status));
	scheduler_free(s);
}

static void leaves_its_scheduler(void **state)
{
	struct scheduler *s = *state;

	scheduler_patience.detach_ms = 300;
	assert_int_equal(scheduler_attach(s, program("trap 'exit 0' INT; attach; until_asked"), false), 0);
	assert_true(scheduler_holds(s));
	scheduler_detach(s);
	assert_int_equal(s->stop, STOP_LEFT);
	scheduler_free(s);
}

/* SIGINT goes to its children too, as at a terminal: dash waits for them before it ends. */
static void is_a_script(void **state)
{
	struct scheduler *s = *state;

	/* The child attaches, so it is there when the signal comes; one that the shell is about to start would miss it.
	 */
	assert_int_equal(scheduler_attach(s,
					  program("sh -c 'mkdir -p root; echo test_ops >root/ops; echo enabled >state; "
						  "echo 5 >new; mv new enable_seq; exec sleep 1000'\necho unreached"),
					  false),
			 0);
	assert_true(scheduler_holds(s));
	scheduler_detach(s);
	assert_int_equal(s->stop, STOP_IN_ORDER);
	scheduler_free(s);
}

static void prints_much(void **state)
{
	struct scheduler *s = *state;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC), err = dup(STDERR_FILENO);

	dup2(null, STDERR_FILENO);
	/* More than a pipe holds, before and after it is attached, and at its end. */
	assert_int_equal(scheduler_attach(s,
					  program("big() { head -c 300000 /dev/zero | tr '\\0' x; }\n"
						  "trap 'big; detach; exit 0' INT; big; attach; big; until_asked"),
					  false),
			 0);
	assert_true(scheduler_holds(s));
	scheduler_detach(s);
	assert_int_equal(s->stop, STOP_IN_ORDER);
	scheduler_free(s);
	fflush(stderr);
	dup2(err, STDERR_FILENO);
	close(err);
	close(null);
}

static void can_not_be_started(void **state)
{
	struct scheduler *s = *state;

	assert_int_equal(scheduler_attach(s, "/nowhere/scx_x", false), SCHEDULER_UNAVAILABLE);
	assert_non_null(strstr(s->said, "No such file"));
	scheduler_free(s);
	program("");
	chmod(script, 0644);
	assert_int_equal(scheduler_attach(s, text, false), SCHEDULER_UNAVAILABLE);
	assert_non_null(strstr(s->said, "ermission denied"));
	scheduler_free(s);
	put("../program", "#!/no/interpreter");
	chmod(script, 0755);
	assert_int_equal(scheduler_attach(s, text, false), SCHEDULER_UNAVAILABLE);
	assert_non_null(strstr(s->said, "interpreter or loader is not in the guest"));
	scheduler_free(s);
}

static void another_is_there(void **state)
{
	struct scheduler *s = *state;

	put("state", "enabled");
	assert_int_equal(scheduler_attach(s, program("exit 0"), false), SCHEDULER_UNAVAILABLE);
	scheduler_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(seq_is_raised_late, fresh),
		cmocka_unit_test_setup(slow_to_attach, fresh),
		cmocka_unit_test_setup(restarts, fresh),
		cmocka_unit_test_setup(does_not_come_back, fresh),
		cmocka_unit_test_setup(ends_before_it_attached, fresh),
		cmocka_unit_test_setup(refused_by_the_verifier, fresh),
		cmocka_unit_test_setup(a_kernel_that_lacks_a_kfunc, fresh),
		cmocka_unit_test_setup(ends_while_it_runs, fresh),
		cmocka_unit_test_setup(attaches_nothing, fresh),
		cmocka_unit_test_setup(slow_but_not_silent, fresh),
		cmocka_unit_test_setup(hangs_at_its_end, fresh),
		cmocka_unit_test_setup(leaves_its_scheduler, fresh),
		cmocka_unit_test_setup(is_a_script, fresh),
		cmocka_unit_test_setup(prints_much, fresh),
		cmocka_unit_test_setup(can_not_be_started, fresh),
		cmocka_unit_test_setup(another_is_there, fresh),
	};
	char command[80];
	int rc;

	if (!mkdtemp(dir))
		return 1;
	snprintf(sysfs, sizeof(sysfs), "%s/sched_ext/", dir);
	snprintf(script, sizeof(script), "%s/program", dir);
	if (mkdir(sysfs, 0755))
		return 1;
	scheduler_sysfs = sysfs;
	dump_tracefs = "/nowhere/";
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command) || rc;
}
