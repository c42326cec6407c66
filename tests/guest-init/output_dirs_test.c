/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files of output directories, without a guest: init's loop runs a command in a child of this test, which plays the
 * host. The command waits at points of its own (`read x`) until the test has seen what must have come by then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "guest-init/hub.h"
#include "guest-init/payload.h"

static struct {
	char dir[64];
	pid_t guest;
	int fd;
	struct wire_parser parser;
	char content[4096]; /* of the file that arrives */
	size_t len;
	char said[1 << 16]; /* NAME=CONTENT; for a file, -NAME; for one that is gone */
	char errors[4096];
	bool exited;
} f;

static const char *name_of(const uint8_t *path)
{
	assert_int_equal(strncmp((const char *)path, f.dir, strlen(f.dir)), 0);
	return (const char *)path + strlen(f.dir) + 1;
}

__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
	size_t len = strlen(f.said);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f.said + len, sizeof(f.said) - len, fmt, ap);
	va_end(ap);
}

static void on_frame(void *ctx, uint32_t type, const uint8_t *payload, size_t len, bool crc_ok)
{
	size_t path = strnlen((const char *)payload, len) + 1;

	assert_true(crc_ok);
	if (type == WIRE_FOUT) {
		assert_true(path < len && f.len + len - path < sizeof(f.content));
		memcpy(f.content + f.len, payload + path, len - path);
		f.len += len - path;
	} else if (type == WIRE_FEND) {
		say("%s=%.*s;", name_of(payload), (int)f.len, f.content);
		f.len = 0;
	} else if (type == WIRE_FDEL) {
		say("-%s%.*s;", name_of(payload), (int)(len - path), payload + path);
		f.len = 0;
	} else if (type == WIRE_SERR) {
		snprintf(f.errors, sizeof(f.errors), "%.*s", (int)len, payload);
	} else if (type == WIRE_EXIT) {
		f.exited = true;
	}
}

static void guest(const char *script, int fd)
{
	char *const argv[] = { "sh", "-c", (char *)script, NULL }, *const roots[] = { f.dir, NULL };
	struct config config = { .argv = (char **)argv, .output_dirs = (char **)roots, .cwd = f.dir };
	struct bulk bulk;
	struct hub hub;
	int32_t code;

	/* A test that fails leaves no init behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close_range(3, fd - 1, CLOSE_RANGE_CLOEXEC);
	bulk_init(&bulk, fd);
	if (hub_open(&hub, &bulk, &config))
		_exit(1);
	code = payload_run(&bulk, &hub, &config);
	if (code < 0 || output_dirs_finish(&hub.output_dirs) || bulk_send(&bulk, WIRE_EXIT, &code, sizeof(code)))
		_exit(2);
	hub_close(&hub);
	bulk_close(&bulk);
	_exit(0);
}

static void start(const char *script)
{
	int fds[2];

	f.said[0] = f.errors[0] = '\0';
	f.len = 0;
	f.exited = false;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	wire_parser_init(&f.parser, on_frame, NULL);
	f.guest = fork();
	assert_return_code(f.guest, errno);
	if (!f.guest) {
		fcntl(fds[1], F_SETFL, O_NONBLOCK);
		guest(script, fds[1]);
	}
	close(fds[1]);
	f.fd = fds[0];
}

static bool turn(void)
{
	uint8_t data[8192];
	ssize_t n = read(f.fd, data, sizeof(data));

	if (n > 0)
		assert_int_equal(wire_parser_feed(&f.parser, data, (size_t)n), 0);
	return n > 0;
}

/* Wait until @text has come, and let the command go on. */
static void expect_then_go_on(const char *text)
{
	struct wire_header h;

	while (!strstr(f.said, text))
		assert_true(turn());
	wire_header_init(&h, WIRE_SINP, "\n", 1);
	assert_int_equal(send(f.fd, &h, sizeof(h), MSG_NOSIGNAL), sizeof(h));
	assert_int_equal(send(f.fd, "\n", 1, MSG_NOSIGNAL), 1);
}

static void finish(void)
{
	int status;

	while (turn())
		;
	assert_int_equal(waitpid(f.guest, &status, 0), f.guest);
	assert_int_equal(status, 0);
	assert_true(f.exited);
	wire_parser_free(&f.parser);
	close(f.fd);
}

static int set_up(void **state)
{
	strcpy(f.dir, "/tmp/ktstr-dirs-XXXXXX");
	return mkdtemp(f.dir) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static int tear_down(void **state)
{
	return nftw(f.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* While the command runs, once each, whole; what was there before is not sent. */
static void files_come_when_they_are_finished(void **state)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/before", f.dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	start("exec 4>open; echo part >&4; echo one >.ktstr-t; mv .ktstr-t renamed; echo two >closed; read x; exec "
	      "4>&-; read x");
	expect_then_go_on("renamed=one\n;closed=two\n;");
	assert_null(strstr(f.said, "open="));
	expect_then_go_on("open=part\n;");
	finish();
	assert_string_equal(f.said, "renamed=one\n;closed=two\n;open=part\n;");
	assert_string_equal(f.errors, "");
}

/* Directories that appear, already with files in them; a file still open there is not sent before it is closed. */
static void new_directories_are_followed(void **state)
{
	/* "open" is in its directory before that is seen: it has no event of its own until it is closed. */
	start("mkdir -p .ktstr-a/b/c; exec 4>.ktstr-a/b/open; echo half >&4; mv .ktstr-a a; echo deep >a/b/c/f; read x;"
	      "exec 4>&-; read x; mkdir .ktstr-d; echo in >.ktstr-d/g; mv .ktstr-d d; read x; mv d e; read x;"
	      "echo late >e/h; read x");
	expect_then_go_on("a/b/c/f=deep\n;");
	assert_null(strstr(f.said, "half"));
	expect_then_go_on("a/b/open=half\n;");
	expect_then_go_on("d/g=in\n;");
	expect_then_go_on("-d/g;");
	expect_then_go_on("e/h=late\n;");
	finish();
	assert_non_null(strstr(f.said, "e/g=in\n;"));
}

/* What was renamed or removed goes from the host too, and what was never sent does not. */
static void removals_are_sent(void **state)
{
	start("echo 1 >run; read x; mv run run.invalid; read x; rm run.invalid; echo t >.ktstr-x; rm .ktstr-x; read "
	      "x; ");
	expect_then_go_on("run=1\n;");
	expect_then_go_on("run.invalid=1\n;");
	expect_then_go_on("-run.invalid;");
	finish();
	assert_non_null(strstr(f.said, "-run;"));
	assert_null(strstr(f.said, ".ktstr"));
}

/* A link makes no event of a finished file; and whatever else was missed. */
static void the_sweep_finds_the_rest(void **state)
{
	start("echo 1 >.ktstr-x; ln .ktstr-x linked; exec 4>never-closed; echo 2 >&4; ln -s /etc/passwd link; mkfifo "
	      "fifo");
	finish();
	assert_non_null(strstr(f.said, "linked=1\n;"));
	assert_non_null(strstr(f.said, "never-closed=2\n;"));
	assert_null(strstr(f.said, "link="));
	assert_null(strstr(f.said, "fifo"));
}

/* More events than the kernel keeps: files are sent once more or by the sweep, and the last contents of each come. */
static void lost_events_lose_no_files(void **state)
{
	char want[64];

	start("kill -STOP $PPID; i=0; while [ $i -lt 20 ]; do for n in $(seq 1000); do echo $i >f$((n % 10)); done;"
	      "i=$((i + 1)); done; kill -CONT $PPID");
	finish();
	for (int i = 0; i < 10; i++) {
		const char *last = NULL;

		snprintf(want, sizeof(want), "f%d=", i);
		for (const char *p = f.said; (p = strstr(p, want)); p++)
			last = p;
		assert_non_null(last);
		assert_int_equal(strncmp(last + 3, "19\n;", 4), 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_come_when_they_are_finished), TEST(new_directories_are_followed), TEST(removals_are_sent),
		TEST(the_sweep_finds_the_rest),		 TEST(lost_events_lose_no_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
