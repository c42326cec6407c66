/* SPDX-License-Identifier: GPL-2.0-only */
/* Result files appear whole or not at all, whatever fails; what is none is written straight. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/base/atomic.h"
#include "bench/base/file.h"

static char home[] = "/tmp/ktstr-atomic-XXXXXX";

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static const char *content(const char *path)
{
	static char text[256];
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

/* Names in the working directory that the module leaves behind. */
static unsigned leftovers(void)
{
	DIR *d = opendir(".");
	struct dirent *e;
	unsigned n = 0;

	while ((e = readdir(d)))
		n += !strncmp(e->d_name, ".ktstr-", 7);
	closedir(d);
	return n;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode;
}

static int setup(void **state)
{
	umask(022);
	return system("rm -rf * .ktstr-*") != 0;
}

static void a_new_file_has_the_modes_of_the_umask(void **state)
{
	assert_int_equal(atomic_write("new", "text", 4), 0);
	assert_string_equal(content("new"), "text");
	assert_int_equal(mode_of("new") & 07777, 0644);
	assert_int_equal(leftovers(), 0);
}

/* Links, also relative ones of another directory and those that lead to nothing yet, stay; so do modes. */
static void a_link_stays_and_so_do_the_modes_of_its_target(void **state)
{
	assert_int_equal(mkdir("sub", 0755), 0);
	put("sub/file", "old");
	assert_int_equal(chmod("sub/file", 0640), 0);
	assert_int_equal(symlink("file", "sub/link") | symlink("sub/link", "link") | symlink("sub/none", "dangling"),
			 0);
	assert_int_equal(atomic_write("link", "new", 3), 0);
	assert_true(S_ISLNK(mode_of("link")) && S_ISLNK(mode_of("sub/link")));
	assert_string_equal(content("sub/file"), "new");
	assert_int_equal(mode_of("sub/file") & 07777, 0640);
	assert_int_equal(atomic_write("dangling", "too", 3), 0);
	assert_true(S_ISLNK(mode_of("dangling")));
	assert_string_equal(content("sub/none"), "too");
	assert_int_equal(symlink("loop", "loop"), 0);
	assert_int_equal(atomic_write("loop", "x", 1), -ELOOP);
}

/* Until the commit the old file is whole: also when the writer dies in the middle. */
static void the_old_file_survives_a_writer_that_is_killed(void **state)
{
	struct atomic_file f;
	int status;
	pid_t pid;

	put("file", "old");
	pid = fork();
	if (!pid) {
		if (!atomic_open(&f, "file", true) && !file_write_all(f.fd, "new", 3))
			raise(SIGKILL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_string_equal(content("file"), "old");
	assert_int_equal(atomic_open(&f, "file", true), 0);
	assert_int_equal(file_write_all(f.fd, "new", 3), 0);
	atomic_abort(&f);
	assert_string_equal(content("file"), "old");
}

static void the_old_file_survives_a_full_disk(void **state)
{
	const struct rlimit small = { 4096, RLIM_INFINITY }, none = { RLIM_INFINITY, RLIM_INFINITY };
	static char text[8192];

	put("file", "old");
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(atomic_write("file", text, sizeof(text)), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_string_equal(content("file"), "old");
	assert_int_equal(leftovers(), 0);
	assert_int_equal(mkdir("small", 0755), 0);
	if (mount("none", "small", "tmpfs", 0, "size=4k,nr_inodes=8"))
		return;
	put("small/file", "old");
	assert_int_equal(atomic_write("small/file", text, sizeof(text)), -ENOSPC);
	assert_string_equal(content("small/file"), "old");
	assert_int_equal(umount("small"), 0);
}

static void the_old_file_survives_a_rename_that_fails(void **state)
{
	struct atomic_file f;

	/* Somebody makes a directory of it meanwhile. */
	assert_int_equal(atomic_open(&f, "file", true), 0);
	assert_int_equal(file_write_all(f.fd, "new", 3), 0);
	assert_int_equal(mkdir("file", 0755), 0);
	assert_int_equal(atomic_commit(&f), -EISDIR);
	assert_true(S_ISDIR(mode_of("file")));
	assert_int_equal(leftovers(), 0);
	/* Its directory goes: there is nothing to rename. */
	assert_int_equal(mkdir("sub", 0755), 0);
	assert_int_equal(atomic_open(&f, "sub/file", true), 0);
	assert_int_equal(system("rm -rf sub"), 0);
	assert_int_equal(atomic_commit(&f), -ENOENT);
}

static void what_may_not_be_replaced_is_refused(void **state)
{
	enum atomic_kind kind;
	char target[PATH_MAX];

	assert_int_equal(mkdir("dir", 0755), 0);
	assert_int_equal(atomic_check("dir", target, &kind), -EISDIR);
	assert_int_equal(atomic_check("none/file", target, &kind), -ENOENT);
	if (!getuid()) {
		assert_int_equal(chmod(".", 0777), 0);
		assert_int_equal(seteuid(65534), 0);
	}
	put("protected", "old");
	assert_int_equal(chmod("protected", 0444), 0);
	/* access() is about the real user. */
	if (getuid())
		assert_int_equal(atomic_check("protected", target, &kind), -EACCES);
	assert_int_equal(seteuid(getuid()), 0);
}

/* What has a reader, or is no file at all, takes it as it comes. */
static void a_fifo_and_a_device_are_written_straight(void **state)
{
	struct atomic_file f;
	char buf[8] = "";
	int reader;

	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(atomic_open(&f, "fifo", false), -ENXIO);
	reader = open("fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_int_equal(atomic_write("fifo", "text", 4), 0);
	assert_int_equal(read(reader, buf, sizeof(buf)), 4);
	close(reader);
	assert_true(S_ISFIFO(mode_of("fifo")));
	assert_int_equal(atomic_write("/dev/null", "text", 4), 0);
	assert_int_equal(atomic_write("/dev/full", "text", 4), -ENOSPC);
	assert_true(S_ISCHR(mode_of("/dev/null")));
	assert_int_equal(leftovers(), 0);
}

/* Also where stdout is a regular file: what it holds stays, and what follows comes after. */
static void stdout_is_written_straight(void **state)
{
	int saved = dup(STDOUT_FILENO), file = open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644), rc;
	mode_t before = mode_of("/dev/stdout");

	fflush(stdout);
	assert_true(saved >= 0 && file >= 0 && dup2(file, STDOUT_FILENO) >= 0);
	rc = file_write_all(STDOUT_FILENO, "first ", 6);
	rc = rc ? rc : atomic_write("/dev/stdout", "second ", 7);
	rc = rc ? rc : atomic_write("/proc/self/fd/1", "third ", 6);
	rc = rc ? rc : file_write_all(STDOUT_FILENO, "last", 4);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(file);
	assert_int_equal(rc, 0);
	assert_string_equal(content("file"), "first second third last");
	assert_int_equal(mode_of("/dev/stdout"), before);
	assert_int_equal(leftovers(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_new_file_has_the_modes_of_the_umask, setup),
		cmocka_unit_test_setup(a_link_stays_and_so_do_the_modes_of_its_target, setup),
		cmocka_unit_test_setup(the_old_file_survives_a_writer_that_is_killed, setup),
		cmocka_unit_test_setup(the_old_file_survives_a_full_disk, setup),
		cmocka_unit_test_setup(the_old_file_survives_a_rename_that_fails, setup),
		cmocka_unit_test_setup(what_may_not_be_replaced_is_refused, setup),
		cmocka_unit_test_setup(a_fifo_and_a_device_are_written_straight, setup),
		cmocka_unit_test_setup(stdout_is_written_straight, setup),
	};
	int rc;

	if (!mkdtemp(home) || chdir(home))
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	rc |= setup(NULL);
	return rc | chdir("/") | rmdir(home);
}
