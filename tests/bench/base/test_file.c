/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading a line or all of a file, writing all of a buffer, and where programs are found. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench/base/file.h"
#include "bench/base/program.h"

static char dir[] = "/tmp/ktstr-test-XXXXXX";

static const char *path_of(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static const char *file_of(const char *name, unsigned mode, const char *text)
{
	const char *path = path_of(name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	chmod(path, mode);
	return path;
}

static void a_line_has_no_newline(void **state)
{
	char line[8] = "before";

	assert_int_equal(file_read_line(file_of("line", 0644, "one\ntwo\n"), line, sizeof(line)), 0);
	assert_string_equal(line, "one");
	assert_int_equal(file_read_line(file_of("long", 0644, "0123456789\n"), line, sizeof(line)), 0);
	assert_string_equal(line, "0123456");
	assert_int_equal(file_read_line(file_of("empty", 0644, ""), line, sizeof(line)), -ENODATA);
	assert_string_equal(line, "");
	strcpy(line, "before");
	assert_int_equal(file_read_line(path_of("missing"), line, sizeof(line)), -ENOENT);
	assert_string_equal(line, "");
}

static void a_text_is_whole_and_ends(void **state)
{
	size_t len = 0;
	char *text = file_read_text(file_of("text", 0644, "one\ntwo"), &len);

	assert_int_equal(len, 7);
	assert_string_equal(text, "one\ntwo");
	free(text);
	text = file_read_text(file_of("none", 0644, ""), &len);
	assert_int_equal(len, 0);
	assert_string_equal(text, "");
	free(text);
	assert_null(file_read_text(dir, &len));
	assert_int_equal(errno, EINVAL);
	assert_null(file_read_text(path_of("missing"), NULL));
	assert_int_equal(errno, ENOENT);
}

static void all_is_written_to_a_pipe_that_is_slow(void **state)
{
	static uint8_t data[300000];
	size_t got = 0, n;
	int ends[2];
	FILE *out;

	assert_int_equal(pipe(ends), 0);
	if (!fork()) {
		close(ends[0]);
		_exit(file_write_all(ends[1], data, sizeof(data)) != 0);
	}
	close(ends[1]);
	out = fdopen(ends[0], "r");
	while ((n = fread(data, 1, 1000, out)))
		got += n;
	fclose(out);
	assert_int_equal(got, sizeof(data));
	assert_int_equal(file_write_all(-1, data, 1), -EBADF);
	assert_int_equal(file_write_all(-1, data, 0), 0);
}

/* A directory or a file that may not be executed is none; an empty PATH leaves the usual places. */
static void programs_are_found_as_execvp_does(void **state)
{
	char path[PATH_MAX], expected[PATH_MAX], search[2 * PATH_MAX];

	snprintf(search, sizeof(search), "%s/a:%s/./b", dir, dir);
	mkdir(path_of("a"), 0755);
	mkdir(path_of("b"), 0755);
	mkdir(path_of("a/prog"), 0755);
	file_of("a/data", 0644, "");
	file_of("b/data", 0755, "");
	snprintf(expected, sizeof(expected), "%s", file_of("b/prog", 0755, ""));
	setenv("PATH", search, 1);
	assert_int_equal(program_in_path("prog", path), 0);
	assert_string_equal(path, expected);
	assert_int_equal(program_find("data", path), 0);
	assert_string_equal(path, path_of("b/data"));
	assert_int_equal(program_in_path("sh", path), -ENOENT);
	assert_int_equal(program_find("sh", path), 0);
	setenv("PATH", "", 1);
	assert_int_equal(program_in_path("sh", path), -ENOENT);
	assert_int_equal(program_find("sh", path), 0);
	unsetenv("PATH");
	assert_int_equal(program_find("sh", path), 0);
	assert_int_equal(program_find("no-such-program", path), -ENOENT);
}

static void a_sibling_lies_beside_this_program(void **state)
{
	char self[PATH_MAX], path[PATH_MAX];

	assert_int_equal(program_self(self), 0);
	assert_int_equal(program_sibling(path, strrchr(self, '/') + 1), 0);
	assert_string_equal(path, self);
	assert_int_equal(program_sibling(path, "no/such/file"), -ENOENT);
}

static int remove_dir(void **state)
{
	char command[128];

	setenv("PATH", "/usr/bin:/bin", 1);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_no_newline),
		cmocka_unit_test(a_text_is_whole_and_ends),
		cmocka_unit_test(all_is_written_to_a_pipe_that_is_slow),
		cmocka_unit_test(programs_are_found_as_execvp_does),
		cmocka_unit_test(a_sibling_lies_beside_this_program),
	};

	if (!mkdtemp(dir))
		return 1;
	return cmocka_run_group_tests(tests, NULL, remove_dir);
}
