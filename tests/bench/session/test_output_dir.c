/* SPDX-License-Identifier: GPL-2.0-only */
/* The directory that a guest's files go into: what the guest may not do there. */
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
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "bench/session/output_dir.h"

static struct {
	char top[64], host[96], why[320];
	struct output_dir d;
} f;

static int set_up(void **state)
{
	strcpy(f.top, "/tmp/ktstr-output-dir-XXXXXX");
	assert_non_null(mkdtemp(f.top));
	/* Both levels are made. */
	snprintf(f.host, sizeof(f.host), "%s/new/results", f.top);
	assert_int_equal(output_dir_open(&f.d, f.host, "/guest/./out", f.why, sizeof(f.why)), 0);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static int tear_down(void **state)
{
	output_dir_close(&f.d);
	return nftw(f.top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int chunk(const char *name, const char *text)
{
	f.why[0] = '\0';
	return output_dir_chunk(&f.d, name, text, strlen(text), f.why, sizeof(f.why));
}

static int end(const char *name)
{
	return output_dir_end(&f.d, name, f.why, sizeof(f.why));
}

static int whole(const char *name, const char *text)
{
	int rc = chunk(name, text);

	return rc ? rc : end(name);
}

static int gone(const char *name, const char *reason)
{
	return output_dir_gone(&f.d, name, reason, strlen(reason), f.why, sizeof(f.why));
}

static const char *content(const char *path)
{
	static char text[256];
	char full[256];
	FILE *file;

	snprintf(full, sizeof(full), "%s/%s", *path == '/' ? "" : f.host, path);
	file = fopen(full, "r");
	if (!file)
		return "(none)";
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

static unsigned counted;

static int count_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	counted += flag == FTW_F;
	return 0;
}

static unsigned files_there(void)
{
	counted = 0;
	assert_int_equal(nftw(f.top, count_one, 16, FTW_PHYS), 0);
	return counted;
}

static void files_appear_whole(void **state)
{
	assert_string_equal(output_dir_name(&f.d, "/guest/out/a/b"), "a/b");
	assert_null(output_dir_name(&f.d, "/guest/outer"));
	assert_null(output_dir_name(&f.d, "/guest/out"));
	assert_int_equal(chunk("a/b/c.json", "one "), 0);
	assert_string_equal(content("a/b/c.json"), "(none)");
	assert_int_equal(chunk("a/b/c.json", "two"), 0);
	assert_int_equal(end("a/b/c.json"), 0);
	assert_string_equal(content("a/b/c.json"), "one two");
	/* Again, shorter; and one without a byte. */
	assert_int_equal(whole("a/b/c.json", "3"), 0);
	assert_string_equal(content("a/b/c.json"), "3");
	assert_int_equal(end("empty"), 0);
	assert_string_equal(content("empty"), "");
	/* One that does not end is dropped by the next, or by the end of it all. */
	assert_int_equal(chunk("torn", "x"), 0);
	assert_int_equal(whole("next", "y"), 0);
	assert_int_equal(chunk("a/b/c.json", "torn"), 0);
	output_dir_close(&f.d);
	assert_string_equal(content("torn"), "(none)");
	assert_string_equal(content("next"), "y");
	assert_string_equal(content("a/b/c.json"), "3");
	assert_int_equal(files_there(), 3);
}

static void names_stay_in_the_directory(void **state)
{
	static char deep[200], many[1100];
	const char *names[] = {
		"../escaped", "a/../../escaped", "..",		 ".",  "",  "/escaped", "a//b", "a/", "./a", "a\nb",
		"\033[2J",    ".ktstr-lock",	 "a/.ktstr-xyz", deep, many
	};

	for (unsigned i = 0; i < 66; i += 2)
		memcpy(deep + i, "d/", 3);
	strcpy(deep + 66, "f");
	memset(many, 'x', sizeof(many) - 1);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		assert_int_not_equal(chunk(names[i], "evil"), 0);
		assert_non_null(strstr(f.why, "the guest named a file that can't be written"));
		assert_null(strchr(f.why, '\n'));
		assert_null(strchr(f.why, '\033'));
		assert_int_not_equal(end(names[i]), 0);
		assert_int_equal(gone(names[i], ""), 0);
	}
	assert_int_equal(files_there(), 0);
	assert_int_equal(whole("good", "x"), 0);
}

/* Links that are there already lead nowhere, whether to a file or to a directory. */
static void links_are_not_followed(void **state)
{
	char secret[128], at[256];

	snprintf(secret, sizeof(secret), "%s/secret", f.top);
	assert_int_equal(close(open(secret, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), 0);
	snprintf(at, sizeof(at), "%s/file", f.host);
	assert_int_equal(symlink(secret, at), 0);
	snprintf(at, sizeof(at), "%s/dir", f.host);
	assert_int_equal(symlink(f.top, at), 0);
	snprintf(at, sizeof(at), "%s/fifo", f.host);
	assert_int_equal(mkfifo(at, 0600), 0);
	assert_int_equal(whole("file", "evil"), -ELOOP);
	assert_non_null(strstr(f.why, "results/file: "));
	assert_int_equal(whole("dir/secret", "evil"), -ENOTDIR);
	assert_int_equal(whole("fifo", "evil"), -EEXIST);
	assert_int_equal(gone("file", ""), 0);
	assert_int_equal(gone("dir/secret", ""), 0);
	assert_string_equal(content(secret), "");
	assert_int_equal(whole("good/dir", "x"), 0);
	assert_int_equal(whole("good", "a directory is there"), -EISDIR);
	assert_int_equal(gone("good", ""), 0);
	assert_string_equal(content("good/dir"), "x");
}

static void growth_is_bounded(void **state)
{
	f.d.files_max = 2;
	f.d.bytes_max = 10;
	assert_int_equal(whole("a", "12345"), 0);
	assert_int_equal(chunk("b", "12345"), 0);
	assert_int_equal(chunk("b", "6"), -E2BIG);
	assert_non_null(strstr(f.why, "the guest wrote more than 0 MiB"));
	/* Said once for a file. */
	assert_int_equal(chunk("b", "7"), 0);
	assert_int_equal(end("b"), 0);
	assert_string_equal(content("b"), "(none)");
	/* What replaces a file counts by the difference. */
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(whole("a", "54321"), 0);
	assert_int_equal(whole("b", "12345"), 0);
	assert_int_equal(whole("c", ""), -E2BIG);
	assert_non_null(strstr(f.why, "more than 2 files"));
	assert_int_equal(gone("a", ""), 0);
	assert_string_equal(content("a"), "(none)");
	assert_int_equal(whole("c", "1234"), 0);
}

/* An error of this host is said, names the file, and spoils no other; the older file stays. */
static void a_full_disk_is_an_error(void **state)
{
	struct rlimit was, low;

	assert_int_equal(whole("file", "old"), 0);
	getrlimit(RLIMIT_FSIZE, &was);
	low = was;
	low.rlim_cur = 4;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &low);
	assert_int_equal(chunk("file", "too much"), -EFBIG);
	assert_non_null(strstr(f.why, "results/file: File too large"));
	assert_int_equal(end("file"), 0);
	assert_int_equal(whole("other", "fits"), 0);
	setrlimit(RLIMIT_FSIZE, &was);
	assert_string_equal(content("file"), "old");
	assert_string_equal(content("other"), "fits");
	assert_int_equal(files_there(), 2);
	/* The guest could not read it. */
	assert_int_equal(chunk("file", "ne"), 0);
	assert_int_equal(gone("file", "Input/output error"), -EIO);
	assert_non_null(strstr(f.why, "results/file: in the guest: Input/output error"));
	assert_string_equal(content("file"), "old");
	/* The directory itself. */
	output_dir_close(&f.d);
	assert_int_equal(output_dir_open(&f.d, "/proc/self/nowhere", "/x", f.why, sizeof(f.why)), -ENOENT);
	assert_non_null(strstr(f.why, "/proc/self/nowhere: "));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_appear_whole), TEST(names_stay_in_the_directory), TEST(links_are_not_followed),
		TEST(growth_is_bounded),  TEST(a_full_disk_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
