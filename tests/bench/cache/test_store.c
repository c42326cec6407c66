/* SPDX-License-Identifier: GPL-2.0-only */
/* What is made once and kept: makers that fail, are killed or meet; files that are damaged; a disk that is full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench/base/nested_env.h"
#include "bench/nested/run.h"
#include "bench/cache/store.h"

#define SIZE (1u << 20)
#define NAME "thing"

static char dir[] = "/tmp/ktstr-store-XXXXXX";
static char file[128], sum[160];
static unsigned *made; /* by any process */

struct making {
	unsigned pauses; /* between its pieces */
	size_t die_at;	 /* bytes; 0: not */
	int error;
};

static uint8_t byte_at(size_t i)
{
	return (uint8_t)(i * 7 + i / 4096);
}

static int make(void *ctx, int fd)
{
	const struct making *m = ctx;
	uint8_t piece[4096];

	__atomic_fetch_add(made, 1, __ATOMIC_RELAXED);
	for (size_t at = 0; at < SIZE; at += sizeof(piece)) {
		if (m->die_at && at >= m->die_at)
			raise(SIGKILL);
		for (size_t i = 0; i < sizeof(piece); i++)
			piece[i] = byte_at(at + i);
		if (write(fd, piece, sizeof(piece)) != (ssize_t)sizeof(piece))
			return errno ? -errno : -ENOSPC;
		if (m->pauses)
			usleep(m->pauses);
	}
	return m->error;
}

static char why[512];

static int get(struct making *m)
{
	struct making nothing = { 0 };
	const struct store_maker maker = { make, m ? m : &nothing };

	return store_get("kind", NAME, &maker, why, sizeof(why));
}

static void assert_whole(int fd)
{
	uint8_t *data = malloc(SIZE);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, SIZE);
	assert_int_equal(pread(fd, data, SIZE, 0), SIZE);
	for (size_t i = 0; i < SIZE; i++)
		if (data[i] != byte_at(i))
			fail_msg("byte %zu is another one", i);
	free(data);
	close(fd);
}

static unsigned leftovers(void)
{
	char command[1024];
	unsigned n;
	FILE *f;

	snprintf(command, sizeof(command), "ls %s/kind 2>/dev/null | grep -c tmp", dir);
	f = popen(command, "r");
	assert_int_equal(fscanf(f, "%u", &n), 1);
	pclose(f);
	return n;
}

static int fresh(void **state)
{
	char command[1024];

	snprintf(command, sizeof(command), "rm -rf %s/*", dir);
	*made = 0;
	return system(command);
}

static void made_once(void **state)
{
	struct stat st;

	assert_int_equal(store_open("kind", NAME), -ENOENT);
	assert_whole(get(NULL));
	assert_whole(get(NULL));
	assert_whole(store_open("kind", NAME));
	assert_int_equal(*made, 1);
	assert_string_equal(why, "");
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0444);
	assert_int_equal(store_remove("kind", NAME), 0);
	assert_int_equal(store_open("kind", NAME), -ENOENT);
	assert_int_equal(store_remove("kind", NAME), 0);
}

static void damage(size_t at, bool keep_time)
{
	struct timespec times[2] = { { 0, UTIME_OMIT }, { 0, 0 } };
	struct stat st;
	uint8_t byte;
	int fd;

	assert_int_equal(chmod(file, 0644), 0);
	fd = open(file, O_RDWR);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
	times[1] = st.st_mtim;
	if (keep_time)
		futimens(fd, times);
	close(fd);
}

static void a_damaged_file_is_made_again(void **state)
{
	close(get(NULL));
	damage(0, false);
	assert_int_equal(store_open("kind", NAME), -EBADMSG);
	assert_whole(get(NULL));
	damage(SIZE - 1, true);
	assert_whole(get(NULL));
	assert_int_equal(*made, 3);
	assert_int_equal(truncate(file, SIZE / 2), 0);
	assert_whole(get(NULL));
	assert_int_equal(truncate(sum, 10), 0);
	assert_whole(get(NULL));
	assert_int_equal(unlink(sum), 0);
	assert_whole(get(NULL));
	assert_int_equal(unlink(file), 0);
	assert_whole(get(NULL));
	assert_int_equal(*made, 7);
}

/* The same bytes in another file: read once, and then known. */
static void a_copied_cache_is_taken(void **state)
{
	char command[1024], before[256] = "", after[256] = "";
	int fd;

	close(get(NULL));
	fd = open(sum, O_RDONLY);
	assert_true(read(fd, before, 255) > 0);
	close(fd);
	snprintf(command, sizeof(command), "cp %s %s.x && mv -f %s.x %s", file, file, file, file);
	assert_int_equal(system(command), 0);
	assert_whole(get(NULL));
	assert_int_equal(*made, 1);
	fd = open(sum, O_RDONLY);
	assert_true(read(fd, after, 255) > 0);
	close(fd);
	assert_memory_equal(before, after, 64);
	assert_string_not_equal(before, after);
}

/* Its files were brought there: times and inodes are others, and reading all again would take seconds. */
static void the_nested_host_trusts_what_was_brought(void **state)
{
	char command[1024];

	close(get(NULL));
	snprintf(command, sizeof(command), "cp %s %s.x && mv -f %s.x %s && chmod 644 %s", sum, sum, sum, sum, file);
	assert_int_equal(system(command), 0);
	damage(5, false);
	setenv(NESTED_ENV, "1", 1);
	close(get(NULL));
	unsetenv(NESTED_ENV);
	assert_int_equal(*made, 1);
	assert_whole(get(NULL));
	assert_int_equal(*made, 2);
}

static void a_maker_that_fails_leaves_nothing(void **state)
{
	struct making m = { .error = -EPROTO };

	assert_int_equal(get(&m), -EPROTO);
	assert_int_equal(*made, 1);
	assert_int_equal(store_open("kind", NAME), -ENOENT);
	assert_int_equal(leftovers(), 0);
	assert_whole(get(NULL));
}

static void a_killed_maker_leaves_nothing_bad(void **state)
{
	struct making m = { .die_at = SIZE / 2 };
	pid_t pid = fork();
	int status;

	if (!pid) {
		get(&m);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(leftovers(), 1);
	assert_int_equal(store_open("kind", NAME), -ENOENT);
	assert_whole(get(NULL));
	assert_int_equal(leftovers(), 0);
}

/* At any point: what is there afterwards is whole, or is not there. */
static void killed_at_random(void **state)
{
	unsigned whole = 0;
	int status, fd;
	pid_t pid;

	srand(1);
	for (unsigned i = 0; i < 60; i++) {
		store_remove("kind", NAME);
		pid = fork();
		if (!pid) {
			get(NULL);
			_exit(0);
		}
		usleep((unsigned)rand() % 20000);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		fd = store_open("kind", NAME);
		if (fd >= 0) {
			assert_whole(fd);
			whole++;
		} else {
			assert_int_equal(fd, -ENOENT);
		}
		assert_whole(get(NULL));
		assert_int_equal(leftovers(), 0);
	}
	print_message("%u of 60 were done before\n", whole);
}

static void two_at_once_make_one(void **state)
{
	struct making m = { .pauses = 100 };
	pid_t pid[8];
	int status;

	for (unsigned i = 0; i < 8; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			assert_whole(get(&m));
			_exit(0);
		}
	}
	for (unsigned i = 0; i < 8; i++) {
		waitpid(pid[i], &status, 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(*made, 1);
}

/* Of a file system of its own, smaller than the file. */
static void a_full_disk_is_told_and_gone_around(void **state)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("none", dir, "tmpfs", 0, "size=512k"))
			_exit(77);
		assert_whole(get(NULL));
		assert_non_null(strstr(why, "No space left on device"));
		assert_int_equal(store_open("kind", NAME), -ENOENT);
		assert_int_equal(leftovers(), 0);
		assert_int_equal(mount("none", dir, "tmpfs", MS_REMOUNT, "size=8m"), 0);
		assert_whole(get(NULL));
		assert_string_equal(why, "");
		assert_whole(store_open("kind", NAME));
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("may not mount here\n");
		skip();
	}
	assert_int_equal(status, 0);
}

static void with_no_place_it_is_made_in_memory(void **state)
{
	setenv("KTSTR_CACHE_DIR", "/proc/nowhere", 1);
	assert_whole(get(NULL));
	assert_string_not_equal(why, "");
	setenv("KTSTR_CACHE_DIR", dir, 1);
}

static void digests_are_remembered_while_the_file_stays(void **state)
{
	char path[128], name[SHA256_HEX], kept[256], hex[SHA256_HEX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/text", dir);
	f = fopen(path, "w");
	fputs("abc", f);
	fclose(f);
	assert_int_equal(store_digest(path, hex), 0);
	/* FIPS 180-2, appendix B.1 */
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	store_digest_name(path, name);
	snprintf(kept, sizeof(kept), "%s/digests/%s", dir, name);
	f = fopen(kept, "r+");
	assert_non_null(f);
	fputc('0', f);
	fclose(f);
	assert_int_equal(store_digest(path, hex), 0);
	assert_int_equal(hex[0], '0'); /* remembered */
	f = fopen(path, "a");
	fputs("d", f);
	fclose(f);
	assert_int_equal(store_digest(path, hex), 0);
	assert_string_equal(hex, "88d4266fd4e6338d13b845fcf289579d209c897823b9217da3e161936f031589");
	assert_int_equal(store_digest("/nowhere", hex), -ENOENT);
}

static void sha256_of_any_length(void **state)
{
	/* FIPS 180-2, appendix B.2 and B.3 */
	static const char text[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	char hex[SHA256_HEX], whole[SHA256_HEX], a[1000];
	struct sha256 s;

	sha256_init(&s);
	sha256_add(&s, text, strlen(text));
	sha256_hex(&s, hex);
	assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	memset(a, 'a', sizeof(a));
	sha256_init(&s);
	for (unsigned i = 0; i < 1000; i++)
		sha256_add(&s, a, sizeof(a));
	sha256_hex(&s, whole);
	assert_string_equal(whole, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	/* In pieces of any size it is the same. */
	sha256_init(&s);
	for (size_t done = 0, n = 1; done < 1000000; done += n, n = n % 997 + 1) {
		n = n < 1000000 - done ? n : 1000000 - done;
		sha256_add(&s, a, n);
	}
	sha256_hex(&s, hex);
	assert_string_equal(hex, whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(made_once, fresh),
		cmocka_unit_test_setup(a_damaged_file_is_made_again, fresh),
		cmocka_unit_test_setup(a_copied_cache_is_taken, fresh),
		cmocka_unit_test_setup(the_nested_host_trusts_what_was_brought, fresh),
		cmocka_unit_test_setup(a_maker_that_fails_leaves_nothing, fresh),
		cmocka_unit_test_setup(a_killed_maker_leaves_nothing_bad, fresh),
		cmocka_unit_test_setup(killed_at_random, fresh),
		cmocka_unit_test_setup(two_at_once_make_one, fresh),
		cmocka_unit_test_setup(a_full_disk_is_told_and_gone_around, fresh),
		cmocka_unit_test_setup(with_no_place_it_is_made_in_memory, fresh),
		cmocka_unit_test_setup(digests_are_remembered_while_the_file_stays, fresh),
		cmocka_unit_test(sha256_of_any_length),
	};
	int rc;

	if (!mkdtemp(dir))
		return 1;
	unsetenv(NESTED_ENV);
	setenv("KTSTR_CACHE_DIR", dir, 1);
	snprintf(file, sizeof(file), "%s/kind/" NAME, dir);
	snprintf(sum, sizeof(sum), "%s.sum", file);
	made = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	fresh(NULL);
	rmdir(dir);
	return rc;
}
