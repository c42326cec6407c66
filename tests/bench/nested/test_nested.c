/* SPDX-License-Identifier: GPL-2.0-only */
/* The nested host's near side, with a program in QEMU's place. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "bench/nested/run.h"
#include "bench/base/path.h"

#define STDIN_BYTES (10u << 20)

static char dir[] = "/tmp/ktstr-nested-XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static char *read_file(const char *name)
{
	static char text[1 << 16];
	char path[PATH_MAX];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	if (!f)
		return NULL;
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static void make_dir(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static int set_up(void **state)
{
	assert_non_null(mkdtemp(dir));
	make_dir("kernels");
	make_dir("kernels/nested");
	make_dir("kernels/nested/lib");
	make_dir("kernels/nested/lib/modules");
	make_dir("kernels/nested/lib/modules/1.0");
	write_file("kernels/nested/vmlinuz", "no kernel");
	write_file("kernels/nested/lib/modules/1.0/modules.dep", "");
	write_file("kernels/nested/lib/modules/1.0/modules.builtin",
		   "kernel/a/virtio_pci.ko\nkernel/a/virtio_console.ko\nkernel/a/virtio_blk.ko\nkernel/a/kvm-amd.ko\n");
	setenv("KTSTR_CACHE_DIR", dir, 1);
	setenv("KTSTR_QEMU", FAKE_QEMU, 1);
	setenv("KTSTR_NESTED_TIMEOUT", "60", 1);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static int tear_down(void **state)
{
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *const command[] = { "true", NULL };

static struct nested_plan plan_of(void)
{
	return (struct nested_plan){ .argv = command, .guest_init = FAKE_QEMU };
}

static int open_in(const char *name, int flags)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return open(path, flags, 0644);
}

/* What nested_run() returns, in a process of its own with its stdio in files; @why in the file "why". */
static pid_t start(const struct nested_plan *plan, const char *part)
{
	char why[512];
	pid_t pid;
	int ret;

	setenv("FAKE_QEMU", part, 1);
	pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	dup2(open_in("stdin", O_RDONLY | O_CREAT), 0);
	dup2(open_in("stdout", O_WRONLY | O_CREAT | O_TRUNC), 1);
	dup2(open_in("stderr", O_WRONLY | O_CREAT | O_TRUNC), 2);
	ret = nested_run(plan, why, sizeof(why));
	write_file("why", why);
	/* Above 200 a negative errno. */
	_exit(ret >= 0 ? ret : ret == -ETIMEDOUT ? 201 : ret == -ECONNRESET ? 202 : ret == -ENOENT ? 203 : 204);
}

static int finish(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int run(const struct nested_plan *plan, const char *part)
{
	return finish(start(plan, part));
}

static void stdin_and_exit_code_pass(void **state)
{
	struct nested_plan plan = plan_of();
	unsigned long long sum = 0;
	char expected[64];
	int fd = open_in("stdin", O_WRONLY | O_CREAT | O_TRUNC);
	uint8_t block[4096];

	for (unsigned i = 0; i < STDIN_BYTES / sizeof(block); i++) {
		memset(block, (int)(i & 0xff), sizeof(block));
		sum += (i & 0xff) * sizeof(block);
		assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
	}
	close(fd);
	assert_int_equal(run(&plan, "count"), 7);
	snprintf(expected, sizeof(expected), "%u %llu\n", STDIN_BYTES, sum);
	assert_string_equal(read_file("stdout"), expected);
	close(open_in("stdin", O_WRONLY | O_TRUNC));
}

static void all_output_arrives(void **state)
{
	struct nested_plan plan = plan_of();
	struct stat st;
	int fd;

	assert_int_equal(run(&plan, "flood"), 0);
	fd = open_in("stdout", O_RDONLY);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 8 << 20);
	close(fd);
}

static void outputs_come_back(void **state)
{
	char asked[PATH_MAX], foreign[PATH_MAX];
	const char *outputs[] = { asked, NULL };
	struct nested_plan plan = plan_of();

	plan.outputs = outputs;
	snprintf(asked, sizeof(asked), "%s/asked", dir);
	snprintf(foreign, sizeof(foreign), "%s/foreign", dir);
	setenv("FAKE_ASKED", asked, 1);
	setenv("FAKE_FOREIGN", foreign, 1);
	write_file("foreign", "mine");
	write_file("asked", "before");
	setenv("FAKE_TORN", "1", 1);
	assert_int_equal(run(&plan, "outputs"), 1);
	/* It never came whole: what was there is not taken for it. */
	assert_non_null(
		strstr(read_file("stderr"), "the command did not write it; the file from before this run is removed"));
	assert_int_equal(access(asked, F_OK), -1);
	unsetenv("FAKE_TORN");
	assert_int_equal(run(&plan, "outputs"), 0);
	assert_string_equal(read_file("asked"), "one two");
	assert_string_equal(read_file("foreign"), "mine");
}

/* Each file is there as soon as it is finished (the part waits for it), whole, and only where it may be. */
static void files_of_a_directory_come_while_the_command_runs(void **state)
{
	char results[PATH_MAX];
	struct nested_output_dir out = { results, "/results" };
	struct nested_plan plan = plan_of();

	plan.output_dirs = &out;
	plan.n_output_dirs = 1;
	snprintf(results, sizeof(results), "%s/results", dir);
	setenv("FAKE_DIR", results, 1);
	assert_int_equal(run(&plan, "dir"), 0);
	assert_null(read_file("results/sub/one"));
	assert_string_equal(read_file("results/two"), "2");
	assert_string_equal(read_file("results/three"), "3");
	assert_null(read_file("results/torn"));
	assert_int_equal(access("/foreign", F_OK), -1);
	setenv("FAKE_EVIL", "/results/../escaped", 1);
	assert_int_equal(run(&plan, "dir"), 1);
	assert_non_null(strstr(read_file("stderr"), "/results: the guest named a file that can't be written"));
	assert_null(read_file("escaped"));
	assert_string_equal(read_file("results/three"), "3");
	unsetenv("FAKE_EVIL");
	out.host = "/proc/self/nowhere";
	assert_int_equal(run(&plan, "dir"), 203);
	assert_non_null(strstr(read_file("why"), "/proc/self/nowhere: "));
}

/* Killed at any time, whole files only: one that is half there has no name yet. */
static void a_killed_run_leaves_whole_files(void **state)
{
	char results[PATH_MAX], three[PATH_MAX + 8];
	struct nested_output_dir out = { results, "/results" };
	struct nested_plan plan = plan_of();
	int status;
	pid_t pid;

	plan.output_dirs = &out;
	plan.n_output_dirs = 1;
	snprintf(results, sizeof(results), "%s/killed", dir);
	snprintf(three, sizeof(three), "%s/three", results);
	setenv("FAKE_DIR", results, 1);
	setenv("FAKE_STAY", "1", 1);
	pid = start(&plan, "dir");
	while (access(three, F_OK))
		usleep(1000);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	unsetenv("FAKE_STAY");
	assert_string_equal(read_file("killed/two"), "2");
	assert_string_equal(read_file("killed/three"), "3");
	assert_null(read_file("killed/torn"));
}

static void an_output_that_cannot_be_written_is_named(void **state)
{
	const char *outputs[] = { "/nonexistent/dir/out.json", NULL };
	struct nested_plan plan = plan_of();

	plan.outputs = outputs;
	setenv("FAKE_ASKED", outputs[0], 1);
	setenv("FAKE_FOREIGN", "/x", 1);
	assert_int_equal(run(&plan, "outputs"), 1);
	assert_non_null(strstr(read_file("stderr"), "/nonexistent/dir/out.json: No such file"));
	outputs[0] = "/dev/full";
	setenv("FAKE_ASKED", outputs[0], 1);
	assert_int_equal(run(&plan, "outputs"), 1);
	assert_non_null(strstr(read_file("stderr"), "/dev/full: No space"));
}

/* Lines of JSON are in their file while the command runs. */
static void lines_come_as_they_are_said(void **state)
{
	struct nested_plan plan = plan_of();
	char lines[PATH_MAX];

	snprintf(lines, sizeof(lines), "%s/lines", dir);
	setenv("FAKE_LINES", lines, 1);
	plan.lines = lines;
	assert_int_equal(run(&plan, "lines"), 0);
	assert_string_equal(read_file("lines"), "{\"first\":1}\n{\"last\":2}\n");
	plan.lines = "/nonexistent/dir/events";
	assert_int_equal(run(&plan, "lines"), 203);
	assert_non_null(strstr(read_file("why"), "/nonexistent/dir/events"));
}

/* Such a file on a full disk is no success; a code of the command's own stays. */
static void lines_that_are_lost_are_no_success(void **state)
{
	struct nested_plan plan = plan_of();

	plan.lines = "/dev/full";
	assert_int_equal(run(&plan, "line"), 1);
	assert_non_null(strstr(read_file("stderr"), "/dev/full: can't be written: No space"));
	setenv("FAKE_CODE", "7", 1);
	assert_int_equal(run(&plan, "line"), 7);
	unsetenv("FAKE_CODE");
	assert_non_null(strstr(read_file("stderr"), "/dev/full: can't be written: No space"));
}

/* Whoever reads stdout and takes nothing is not waited for beyond the time-out. */
static void a_reader_that_takes_nothing_is_left(void **state)
{
	struct nested_plan plan = plan_of();
	char path[PATH_MAX], err[PATH_MAX];
	char taken[4096];
	int reader;

	snprintf(path, sizeof(path), "%s/stdout", dir);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(reader >= 0);
	plan.timeout_ns = 1000000000;
	assert_int_equal(run(&plan, "flood"), 124);
	assert_non_null(strstr(read_file("stderr"), "does not take it"));
	/* The same with stderr in the same pipe, where that line would wait, too; its first line has room. */
	while (read(reader, taken, sizeof(taken)) > 0)
		;
	snprintf(err, sizeof(err), "%s/stderr", dir);
	unlink(err);
	assert_int_equal(symlink(path, err), 0);
	while (read(reader, path, sizeof(path)) > 0)
		;
	assert_int_equal(run(&plan, "flood"), 124);
	unlink(err);
	close(reader);
	snprintf(path, sizeof(path), "%s/stdout", dir);
	unlink(path);
}

/* Output that can't be written is no success, and one whose reader has gone is as a pipe's. */
static void output_that_is_lost_is_no_success(void **state)
{
	struct nested_plan plan = plan_of();
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/stdout", dir);
	unlink(path);
	assert_int_equal(symlink("/dev/full", path), 0);
	assert_int_equal(run(&plan, "flood"), 1);
	assert_non_null(strstr(read_file("stderr"), "output can't be written: No space"));
	unlink(path);
}

static void a_dead_qemu_is_explained(void **state)
{
	struct nested_plan plan = plan_of();

	assert_int_equal(run(&plan, "die"), 202);
	assert_non_null(strstr(read_file("why"), "QEMU exited with status 1"));
	assert_non_null(strstr(read_file("stderr"), "cannot set up guest memory"));
}

/* Its word is in the one line for the user, and not under the registers. */
static void what_qemu_died_of_is_not_hidden_by_registers(void **state)
{
	struct nested_plan plan = plan_of();
	const char *said;

	assert_int_equal(run(&plan, "registers"), 202);
	assert_non_null(strstr(read_file("why"), "QEMU exited with status 1 before the command ended: qemu: fatal: "
						 "Trying to execute code outside RAM or ROM at 0xfffffff0"));
	said = read_file("stderr");
	assert_non_null(strstr(said, "outside RAM or ROM at 0xfffffff0\n"));
	assert_non_null(strstr(said, "RIP=00000000fffffff0"));
	assert_non_null(strstr(said, "and 39 lines of registers"));
	assert_null(strstr(said, "XMM"));
	assert_null(strstr(said, "R8 ="));
}

static void a_panic_inside_is_shown(void **state)
{
	struct nested_plan plan = plan_of();

	assert_int_equal(run(&plan, "panic"), 202);
	assert_non_null(strstr(read_file("stderr"), "Kernel panic"));
	assert_non_null(strstr(read_file("stderr"), "said last:\n[ 7.1] BUG: unable to handle page fault\n"));
}

static void a_mute_host_times_out(void **state)
{
	struct nested_plan plan = plan_of();

	setenv("KTSTR_NESTED_TIMEOUT", "1", 1);
	assert_int_equal(run(&plan, "mute"), 201);
	assert_non_null(strstr(read_file("why"), "no sign of life"));
	setenv("KTSTR_NESTED_TIMEOUT", "1m", 1);
	assert_int_equal(run(&plan, "mute"), 204);
	assert_non_null(strstr(read_file("why"), "KTSTR_NESTED_TIMEOUT: '1m'"));
	setenv("KTSTR_NESTED_TIMEOUT", "60", 1);
}

static void a_command_times_out(void **state)
{
	struct nested_plan plan = plan_of();

	plan.timeout_ns = 1000000000;
	assert_int_equal(run(&plan, "hang"), 124);
}

/* SIGTERM to us ends QEMU too: its words file holds its pid's proof of life. */
static void a_signal_ends_all(void **state)
{
	struct nested_plan plan = plan_of();
	char words[PATH_MAX], children[64];
	unsigned long qemu = 0;
	FILE *f;
	pid_t pid;

	snprintf(words, sizeof(words), "%s/words", dir);
	setenv("FAKE_WORDS", words, 1);
	unlink(words);
	pid = start(&plan, "hang");
	while (access(words, F_OK))
		usleep(1000);
	snprintf(children, sizeof(children), "/proc/%d/task/%d/children", pid, pid);
	f = fopen(children, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu", &qemu), 1);
	fclose(f);
	/* Not sooner than the signals are watched: by then the ring is there. */
	usleep(200000);
	kill(pid, SIGTERM);
	assert_int_equal(finish(pid), 128 + SIGTERM);
	assert_int_equal(kill((pid_t)qemu, 0), -1);
	assert_int_equal(errno, ESRCH);
	unsetenv("FAKE_WORDS");
}

static void qemu_gets_the_disks(void **state)
{
	char words[PATH_MAX], path[2][PATH_MAX], line[PATH_MAX + 128];
	struct nested_disk disks[] = { { path[0], false }, { path[1], true } };
	struct nested_plan plan = plan_of();
	const char *text;

	plan.disks = disks;
	plan.n_disks = 2;
	plan.memory_mib = 2560;
	snprintf(path[0], sizeof(path[0]), "%s/a,b.img", dir);
	snprintf(path[1], sizeof(path[1]), "%s/c.img", dir);
	assert_int_equal(run(&plan, "flood"), 203);
	assert_non_null(strstr(read_file("why"), "a,b.img: No such file"));
	for (unsigned i = 0; i < 2; i++) {
		int fd = open(path[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		assert_true(fd >= 0);
		assert_int_equal(ftruncate(fd, i ? 1000 : 1024), 0);
		close(fd);
	}
	/* The same file twice is told before QEMU says it in its own way. */
	disks[1] = disks[0];
	assert_int_not_equal(run(&plan, "flood"), 0);
	assert_non_null(strstr(read_file("why"), "a,b.img: another --disk of this machine uses it, "));
	disks[1] = (struct nested_disk){ path[1], true };
	snprintf(words, sizeof(words), "%s/words", dir);
	setenv("FAKE_WORDS", words, 1);
	assert_int_equal(run(&plan, "flood"), 0);
	unsetenv("FAKE_WORDS");
	text = read_file("words");
	snprintf(line, sizeof(line),
		 "file=%s/"
		 "a,,b.img,file.locking=off,if=none,id=disk0,format=raw,cache=writeback,discard=unmap,readonly=off\n",
		 dir);
	assert_non_null(strstr(text, line));
	/* Of an odd size the whole sectors: QEMU would round it up, and grow the file. */
	snprintf(line, sizeof(line),
		 "file=%s,file.locking=off,if=none,id=disk1,format=raw,cache=writeback,discard=unmap,readonly=on,size="
		 "512\n",
		 path[1]);
	assert_non_null(strstr(text, line));
	/* What goes wrong with them is for the guest to know; QEMU does not stop. */
	assert_non_null(strstr(text, "drive=disk0,werror=report,rerror=report\n"));
	assert_non_null(strstr(text, "drive=disk1,werror=report,rerror=report\n"));
	unlink(path[0]);
	unlink(path[1]);
	assert_non_null(strstr(text, "-m\n2560\n"));
}

/* A guest's kernel without cmpxchg16b can't allocate memory for some of a scheduler's maps. */
static void the_cpu_has_cmpxchg16b_but_by_request(void **state)
{
	struct nested_plan plan = plan_of();
	char words[PATH_MAX];

	snprintf(words, sizeof(words), "%s/words", dir);
	setenv("FAKE_WORDS", words, 1);
	assert_int_equal(run(&plan, "flood"), 0);
	assert_non_null(strstr(read_file("words"), "\n-cpu\nmax,-la57,-erms,-fsrm\n"));
	setenv("KTSTR_NESTED_CPU_MODEL", "max,-cx16", 1);
	assert_int_equal(run(&plan, "flood"), 0);
	assert_non_null(strstr(read_file("words"), "\n-cpu\nmax,-cx16\n"));
	unsetenv("KTSTR_NESTED_CPU_MODEL");
	unsetenv("FAKE_WORDS");
}

/* CPU 0 is one more, for QEMU damages what runs guests there. */
static void cpus_are_one_more(void **state)
{
	struct nested_plan plan = plan_of();
	char words[PATH_MAX];

	snprintf(words, sizeof(words), "%s/words", dir);
	setenv("FAKE_WORDS", words, 1);
	assert_int_equal(run(&plan, "flood"), 0);
	assert_non_null(strstr(read_file("words"), "-smp\n3\n"));
	plan.cpus = 1;
	assert_int_equal(run(&plan, "flood"), 0);
	assert_non_null(strstr(read_file("words"), "-smp\n2\n"));
	setenv("KTSTR_NESTED_CPUS", "4", 1);
	assert_int_equal(run(&plan, "flood"), 0);
	assert_non_null(strstr(read_file("words"), "-smp\n5\n"));
	unsetenv("FAKE_WORDS");
	for (const char *const *bad = (const char *const[]){ "0", "65", "2x", "-1", NULL }; *bad; bad++) {
		setenv("KTSTR_NESTED_CPUS", *bad, 1);
		assert_int_equal(run(&plan, "flood"), 204);
		assert_non_null(strstr(read_file("why"), *bad));
		assert_non_null(strstr(read_file("why"), "KTSTR_NESTED_CPUS"));
	}
	unsetenv("KTSTR_NESTED_CPUS");
}

static void what_is_missing_is_named(void **state)
{
	const struct nested_disk disk = { "/proc/x.img", false };
	const struct nested_file file = { "/nonexistent/program", NULL };
	const char *kernels[] = { "5.10", NULL };
	struct nested_plan plan = plan_of();

	setenv("KTSTR_QEMU", "/nonexistent/qemu", 1);
	assert_int_equal(run(&plan, "flood"), 203);
	setenv("KTSTR_QEMU", FAKE_QEMU, 1);
	assert_non_null(strstr(read_file("why"), "/nonexistent/qemu"));

	setenv("FAKE_VERSION", "7.2.19 (Debian)", 1);
	assert_int_equal(run(&plan, "flood"), 204);
	unsetenv("FAKE_VERSION");
	assert_non_null(strstr(read_file("why"), "not a QEMU that is new enough"));

	plan.kernels = kernels;
	assert_int_equal(run(&plan, "flood"), 203);
	assert_non_null(strstr(read_file("why"), "ktstr kernel fetch 5.10"));
	plan.kernels = NULL;

	plan.disks = &disk;
	plan.n_disks = 1;
	assert_int_equal(run(&plan, "flood"), 204);
	assert_non_null(strstr(read_file("why"), "/proc/x.img: /proc and /sys are the guest kernel's own"));
	plan.n_disks = 0;

	plan.binaries = &file;
	plan.n_binaries = 1;
	assert_int_equal(run(&plan, "flood"), 203);
	assert_non_null(strstr(read_file("why"), "/nonexistent/program"));
}

static void paths_by_name(void **state)
{
	static const char *const cases[][2] = {
		{ "/a/b", "/a/b" }, { "/a/./b//c/", "/a/b/c" }, { "/a/../b", "/b" }, { "/../..", "/" }, { "/", "/" },
	};
	char out[PATH_MAX], cwd[PATH_MAX], long_path[PATH_MAX + 16];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(path_absolute(cases[i][0], out), 0);
		assert_string_equal(out, cases[i][1]);
	}
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(path_absolute("x/..", out), 0);
	assert_string_equal(out, cwd);
	memset(long_path, 'a', sizeof(long_path) - 1);
	long_path[0] = '/';
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(path_absolute(long_path, out), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stdin_and_exit_code_pass),
		cmocka_unit_test(all_output_arrives),
		cmocka_unit_test(outputs_come_back),
		cmocka_unit_test(files_of_a_directory_come_while_the_command_runs),
		cmocka_unit_test(a_killed_run_leaves_whole_files),
		cmocka_unit_test(an_output_that_cannot_be_written_is_named),
		cmocka_unit_test(lines_come_as_they_are_said),
		cmocka_unit_test(lines_that_are_lost_are_no_success),
		cmocka_unit_test(a_reader_that_takes_nothing_is_left),
		cmocka_unit_test(output_that_is_lost_is_no_success),
		cmocka_unit_test(a_dead_qemu_is_explained),
		cmocka_unit_test(what_qemu_died_of_is_not_hidden_by_registers),
		cmocka_unit_test(a_panic_inside_is_shown),
		cmocka_unit_test(a_mute_host_times_out),
		cmocka_unit_test(a_command_times_out),
		cmocka_unit_test(a_signal_ends_all),
		cmocka_unit_test(qemu_gets_the_disks),
		cmocka_unit_test(the_cpu_has_cmpxchg16b_but_by_request),
		cmocka_unit_test(cpus_are_one_more),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(paths_by_name),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
