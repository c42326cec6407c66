/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * 50 machines at once, of 1 vCPU and 128 MiB, each a process with its locks, a console, a disk and a guest of our own
 * that halts: none fails, none wakes while nothing happens, all stop in order, and no lock is left.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench/host/locks.h"
#include "bench/host/claim.h"
#include "kvm/vm.h"
#include "virtio/blk.h"
#include "virtio/console.h"

#define HERD 50
#define IDLE_S 10
#define SECOND 1000000000ull

static const char *guest_path;

/* --- one of them, in a process of its own -------------------------------- */

struct one {
	struct reactor *r;
	struct vm *vm;
	struct signals signals;
	int told;
};

static void serial_out(void *ctx, unsigned port, const uint8_t *data, size_t len)
{
	struct one *one = ctx;

	if (write(one->told, "u", 1) != 1)
		reactor_stop(one->r);
}

static void on_signal(struct signals *s, int signo)
{
	reactor_stop(((struct one *)((char *)s - offsetof(struct one, signals)))->r);
}

/* Exit code: the step that failed, or 0. */
static int run_one(int told)
{
	static const int signos[] = { SIGTERM };
	const struct host_options o = { .mode = MODE_DEFAULT };
	const struct blk_config disk = { .size = 1 << 20 };
	struct one one = { .told = told };
	struct vm_config cfg = {
		.kernel = guest_path,
		.cmdline = "i",
		.cpus = 1,
		.memory = 128 << 20,
		.serial_out = serial_out,
		.ctx = &one,
	};
	struct machine_host *host;
	struct topology shape;
	struct console *console;
	struct blk *blk;
	struct vm_error err;
	char why[512];

	if (topology_init(&shape, 1, 1, 1, 1, why) || topology_finish(&shape, why) ||
	    machine_host_take(&host, &o, &shape))
		return 1;
	machine_host_vm(host, &cfg.host);
	if (reactor_create(&one.r, 256, 1024 + BLK_REACTOR_SLOTS))
		return 2;
	if (signals_watch(one.r, &one.signals, signos, 1, on_signal))
		return 3;
	if (vm_create(&one.vm, one.r, &cfg, &err) || console_create(&console, one.r) ||
	    vm_add_device(one.vm, console_device(console), &err))
		return 4;
	if (blk_create(&blk, one.r, &disk, why, sizeof(why)) || vm_add_device(one.vm, blk_device(blk), &err))
		return 5;
	if (machine_host_apply(host, one.r) || vm_start(one.vm, &err))
		return 6;
	if (reactor_run(one.r))
		return 7;
	vm_stop(one.vm);
	blk_quiesce(blk);
	vm_destroy(one.vm);
	if (blk_destroy(blk, 5 * SECOND))
		return 8;
	console_destroy(console);
	signals_unwatch(&one.signals);
	machine_host_free(host);
	return reactor_destroy(one.r, 5 * SECOND) ? 9 : 0;
}

/* --- what a process did so far ------------------------------------------- */

struct use {
	uint64_t wakes, cpu_ns;	      /* of the VMM's own threads */
	uint64_t vcpu_wakes, vcpu_ns; /* of its vCPU's */
};

static bool line_at(char *line, int size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static bool line_at(char *line, int size, const char *fmt, ...)
{
	char path[300];
	va_list ap;
	bool ok;
	FILE *f;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	f = fopen(path, "r");
	ok = f && fgets(line, size, f);
	if (f)
		fclose(f);
	return ok;
}

static uint64_t switches(pid_t pid, const char *task)
{
	char path[300], line[256];
	uint64_t n = 0, value;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/status", (int)pid, task);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "voluntary_ctxt_switches: %" SCNu64, &value) == 1 ||
		    sscanf(line, "nonvoluntary_ctxt_switches: %" SCNu64, &value) == 1)
			n += value;
	if (f)
		fclose(f);
	return n;
}

static void add_use(struct use *u, pid_t pid, int sign)
{
	char path[64], line[256];
	const struct dirent *e;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	assert_non_null(tasks);
	while ((e = readdir(tasks))) {
		uint64_t n, ns = 0;
		bool vcpu;

		if (e->d_name[0] == '.' || !line_at(line, sizeof(line), "%s/%s/comm", path, e->d_name))
			continue;
		vcpu = !strncmp(line, "vcpu", 4) || !strncmp(line, "kvm-", 4);
		n = switches(pid, e->d_name);
		if (line_at(line, sizeof(line), "%s/%s/schedstat", path, e->d_name))
			sscanf(line, "%" SCNu64, &ns);
		*(vcpu ? &u->vcpu_wakes : &u->wakes) += sign > 0 ? n : -n;
		*(vcpu ? &u->vcpu_ns : &u->cpu_ns) += sign > 0 ? ns : -ns;
	}
	closedir(tasks);
}

/* --- all of them ---------------------------------------------------------- */

static void fifty_boot_idle_and_stop(void **state)
{
	char dir[] = "/tmp/ktstr-herd-XXXXXX", command[64], psi[2][128] = { "", "" }, c;
	struct use use[HERD] = { { 0 } }, sum = { 0 };
	struct lock_holder *list;
	pid_t pid[HERD];
	uint64_t worst = 0;
	int told[2], n, status;

	assert_non_null(mkdtemp(dir));
	setenv("KTSTR_LOCK_DIR", dir, 1);
	assert_int_equal(pipe(told), 0);
	for (unsigned i = 0; i < HERD; i++) {
		pid[i] = fork();
		assert_true(pid[i] >= 0);
		if (!pid[i]) {
			close(told[0]);
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			_exit(run_one(told[1]));
		}
	}
	close(told[1]);
	/* Up says its guest; one that fails before closes its end, and the count is short. */
	for (unsigned i = 0; i < HERD; i++)
		assert_int_equal(read(told[0], &c, 1), 1);
	/* An LLC's lock for each and a CPU's: all there, all shared. */
	n = locks_read(&list);
	assert_true(n >= 2 * HERD);
	for (int i = 0; i < n; i++)
		assert_false(list[i].exclusive);
	free(list);
	sleep(2);
	line_at(psi[0], sizeof(psi[0]), "/proc/pressure/io");
	for (unsigned i = 0; i < HERD; i++) {
		add_use(&use[i], pid[i], -1);
		/* They did wake while they came up, and that is seen. */
		assert_true(-use[i].wakes > 0 && -use[i].vcpu_wakes > 0);
	}
	sleep(IDLE_S);
	for (unsigned i = 0; i < HERD; i++) {
		assert_int_equal(waitpid(pid[i], &status, WNOHANG), 0);
		add_use(&use[i], pid[i], 1);
		worst = use[i].wakes > worst ? use[i].wakes : worst;
		sum.wakes += use[i].wakes;
		sum.cpu_ns += use[i].cpu_ns;
		sum.vcpu_wakes += use[i].vcpu_wakes;
		sum.vcpu_ns += use[i].vcpu_ns;
	}
	line_at(psi[1], sizeof(psi[1]), "/proc/pressure/io");
	print_message("idle, a machine: VMM %.3f wakes a s (the worst %.3f), %.1f us of CPU a s; vCPU %.3f wakes a s, "
		      "%.1f us\n",
		      (double)sum.wakes / HERD / IDLE_S, (double)worst / IDLE_S,
		      (double)sum.cpu_ns / HERD / IDLE_S / 1e3, (double)sum.vcpu_wakes / HERD / IDLE_S,
		      (double)sum.vcpu_ns / HERD / IDLE_S / 1e3);
	print_message("PSI io of the whole host before and after: %s%s", psi[0], psi[1]);
	assert_true(worst <= IDLE_S);
	for (unsigned i = 0; i < HERD; i++)
		kill(pid[i], SIGTERM);
	for (unsigned i = 0; i < HERD; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(locks_read(&list), 0);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	assert_int_equal(system(command), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(fifty_boot_idle_and_stop) };

	guest_path = argv[1];
	if (access("/dev/kvm", R_OK | W_OK)) {
		fprintf(stderr, "skipped: /dev/kvm: %s\n", strerror(errno));
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
