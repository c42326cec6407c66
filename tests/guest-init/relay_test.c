/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's relay without a guest: it runs in a child of this test, its bulk
 * port a socket, and the test plays the host.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

#include "guest-init/bulk.h"
#include "guest-init/outputs.h"
#include "guest-init/payload.h"

#define MIB (1u << 20)
#define STUCK_MS 300 /* the guest takes no more input: long enough that it isn't only slow */

struct text {
	char *data;
	size_t len;
};

struct session {
	/* the guest's part */
	const char *argv[8], *env[4], *outputs[4], *cwd;
	bool wait_ack, one_output, tty;
	/* the host's part */
	const uint8_t *input;
	size_t input_len, frame_size; /* frame_size 0: WIRE_CHUNK_MAX */
	bool keep_input_open;
	int send_buffer;
	/* what came */
	struct text out, err, metrics, files, file_ends;
	unsigned metric_lines, exits, after_exit, bad_crc;
	size_t taken; /* of its input, as the guest told */
	int32_t code;
	pid_t guest;
	int fd;
	struct wire_parser parser;
	struct text pending; /* of a frame to the guest that the socket did not take yet */
	size_t sent, pending_at;
	bool input_ended;
};

static void append(struct text *t, const void *data, size_t len)
{
	t->data = realloc(t->data, t->len + len + 1);
	assert_non_null(t->data);
	memcpy(t->data + t->len, data, len);
	t->len += len;
	t->data[t->len] = '\0';
}

static void frame_arrived(void *ctx, uint32_t type, const uint8_t *payload, size_t len, bool crc_ok)
{
	struct session *s = ctx;

	s->bad_crc += !crc_ok;
	s->after_exit += s->exits;
	if (type == WIRE_SOUT)
		append(&s->out, payload, len);
	else if (type == WIRE_SERR)
		append(&s->err, payload, len);
	else if (type == WIRE_FOUT)
		append(&s->files, payload + strlen((const char *)payload) + 1, len - strlen((const char *)payload) - 1);
	else if (type == WIRE_FEND)
		append(&s->file_ends, payload, len);
	else if (type == WIRE_STAK) {
		uint32_t n;

		assert_int_equal(len, 4);
		memcpy(&n, payload, 4);
		s->taken += n;
		assert_true(s->taken <= s->sent);
	} else if (type == WIRE_JMET) {
		s->metric_lines++;
		append(&s->metrics, payload, len);
		append(&s->metrics, "|", 1);
	} else if (type == WIRE_EXIT) {
		assert_int_equal(len, 4);
		memcpy(&s->code, payload, 4);
		s->exits++;
	}
}

static void guest(const struct session *s, int fd)
{
	struct config config = { .argv = (char **)s->argv, .env = (char **)s->env, .cwd = (char *)s->cwd };
	struct bulk bulk;
	int32_t code;

	config.one_output = s->one_output;
	config.tty = s->tty;
	/* As process 1 does, inherit orphans. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	/* And what this test was started with is none of the command's. */
	close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	bulk_init(&bulk, fd);
	code = payload_run(&bulk, NULL, &config);
	if (code < 0 || outputs_send(&bulk, (char **)s->outputs) || bulk_send(&bulk, WIRE_EXIT, &code, sizeof(code)))
		_exit(1);
	if (s->wait_ack && bulk_wait_ack(&bulk, 60000))
		_exit(2);
	bulk_close(&bulk);
	_exit(0);
}

static void start(struct session *s)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	if (s->send_buffer)
		assert_int_equal(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &s->send_buffer, sizeof(int)), 0);
	wire_parser_init(&s->parser, frame_arrived, s);
	s->guest = fork();
	assert_return_code(s->guest, errno);
	if (!s->guest) {
		close(fds[0]);
		guest(s, fds[1]);
	}
	close(fds[1]);
	s->fd = fds[0];
}

/* The next frame of input into pending. */
static void next_frame(struct session *s)
{
	size_t left = s->input_len - s->sent, len = s->frame_size ? s->frame_size : WIRE_CHUNK_MAX;
	struct wire_header h;

	if (len > left)
		len = left;
	if (!len && (s->keep_input_open || s->input_ended))
		return;
	s->pending.len = s->pending_at = 0;
	wire_header_init(&h, WIRE_SINP, len ? s->input + s->sent : NULL, len);
	append(&s->pending, &h, sizeof(h));
	if (len)
		append(&s->pending, s->input + s->sent, len);
	else
		s->input_ended = true;
	s->sent += len;
}

/* One turn of the host; false: nothing could be done for @timeout_ms, or the guest is gone. */
static bool turn(struct session *s, int timeout_ms)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	uint8_t data[8192];
	ssize_t n;

	if (s->pending_at == s->pending.len)
		next_frame(s);
	if (s->pending_at < s->pending.len)
		p.events |= POLLOUT;
	if (poll(&p, 1, timeout_ms) <= 0)
		return false;
	if (p.revents & POLLOUT) {
		n = send(s->fd, s->pending.data + s->pending_at, s->pending.len - s->pending_at, MSG_NOSIGNAL);
		if (n > 0)
			s->pending_at += (size_t)n;
		else if (errno == EPIPE) /* the guest went before it had read all: allowed */
			s->pending_at = s->pending.len = 0, s->sent = s->input_len, s->keep_input_open = true;
	}
	if (!(p.revents & (POLLIN | POLLHUP)))
		return true;
	n = recv(s->fd, data, sizeof(data), 0);
	if (n > 0)
		assert_int_equal(wire_parser_feed(&s->parser, data, (size_t)n), 0);
	return n > 0 || (n < 0 && errno == EAGAIN);
}

static void finish(struct session *s)
{
	int status;

	while (turn(s, -1))
		if (s->wait_ack && s->exits) {
			struct wire_header h;

			wire_header_init(&h, WIRE_EACK, NULL, 0);
			assert_int_equal(send(s->fd, &h, sizeof(h), MSG_NOSIGNAL), sizeof(h));
			s->wait_ack = false;
		}
	assert_int_equal(waitpid(s->guest, &status, 0), s->guest);
	assert_int_equal(status, 0);
	assert_int_equal(s->exits, 1);
	assert_int_equal(s->after_exit, 0);
	assert_int_equal(s->bad_crc, 0);
	assert_int_equal(s->parser.unknown + s->parser.oversize + s->parser.bad_pad, 0);
	close(s->fd);
	wire_parser_free(&s->parser);
	free(s->pending.data);
}

static void clear(struct session *s)
{
	free(s->out.data);
	free(s->err.data);
	free(s->metrics.data);
	free(s->files.data);
	free(s->file_ends.data);
}

static void run(struct session *s)
{
	start(s);
	finish(s);
}

static uint8_t *noise(size_t len)
{
	uint8_t *data = malloc(len);
	uint32_t x = 2463534242u;

	assert_non_null(data);
	for (size_t i = 0; i < len; i++) {
		x ^= x << 13, x ^= x >> 17, x ^= x << 5;
		data[i] = (uint8_t)x;
	}
	return data;
}

static void exit_code_is_the_commands(void **state)
{
	for (int code = 0; code < 256; code += 51) {
		char script[32];
		struct session s = { .argv = { "sh", "-c", script } };

		snprintf(script, sizeof(script), "exit %d", code);
		run(&s);
		assert_int_equal(s.code, code);
		assert_int_equal(s.out.len + s.err.len, 0);
		clear(&s);
	}
}

static void signal_is_128_and_its_number(void **state)
{
	struct session killed = { .argv = { "sh", "-c", "kill -9 $$" } };
	struct session broken_pipe = { .argv = { "sh", "-c", "kill -PIPE $$" } };

	run(&killed);
	assert_int_equal(killed.code, 128 + SIGKILL);
	clear(&killed);
	/* init ignores SIGPIPE, the command must not inherit that. */
	run(&broken_pipe);
	assert_int_equal(broken_pipe.code, 128 + SIGPIPE);
	clear(&broken_pipe);
}

static void missing_command_is_127(void **state)
{
	struct session s = { .argv = { "no-such-command-here", "x" } };

	run(&s);
	assert_int_equal(s.code, 127);
	assert_string_equal(s.err.data, "ktstr: no-such-command-here: not found in the guest\n");
	clear(&s);
}

static void what_is_no_program_is_126(void **state)
{
	struct session file = { .argv = { "/etc/passwd" } };
	struct session cwd = { .argv = { "true" }, .cwd = "/no/such/directory" };

	run(&file);
	assert_int_equal(file.code, 126);
	assert_string_equal(file.err.data, "ktstr: /etc/passwd: Permission denied in the guest\n");
	clear(&file);
	run(&cwd);
	assert_int_equal(cwd.code, 126);
	assert_non_null(strstr(cwd.err.data, "/no/such/directory"));
	clear(&cwd);
}

static void missing_interpreter_is_named_as_such(void **state)
{
	char path[] = "/tmp/ktstr-test-XXXXXX";
	int fd = mkstemp(path);
	struct session s = { .argv = { path } };

	assert_return_code(fd, errno);
	assert_int_equal(write(fd, "#!/no/such/interpreter\n", 23), 23);
	assert_int_equal(fchmod(fd, 0755), 0);
	close(fd);
	run(&s);
	unlink(path);
	assert_int_equal(s.code, 127);
	assert_non_null(strstr(s.err.data, "interpreter"));
	clear(&s);
}

static void input_of_10_mib_is_counted_right(void **state)
{
	uint8_t *input = noise(10 * MIB);
	struct session s = { .argv = { "wc", "-c" }, .input = input, .input_len = 10 * MIB };

	run(&s);
	assert_int_equal(s.code, 0);
	assert_string_equal(s.out.data, "10485760\n");
	/* What the command took is told in steps. */
	assert_in_range(s.taken, 10 * MIB - WIRE_INPUT_STEP, 10 * MIB);
	clear(&s);
	free(input);
}

/* Both ways at once, binary, through a socket that takes little at a time, in
 * frames of other sizes than ours. */
static void bytes_pass_unchanged_both_ways(void **state)
{
	static const size_t frame_sizes[] = { 0, 1000, 65537, MIB };
	uint8_t *input = noise(4 * MIB);

	for (size_t i = 0; i < sizeof(frame_sizes) / sizeof(*frame_sizes); i++) {
		struct session s = { .argv = { "cat" }, .input = input, .input_len = 4 * MIB, .send_buffer = 2048 };

		s.frame_size = frame_sizes[i];
		run(&s);
		assert_int_equal(s.code, 0);
		assert_int_equal(s.out.len, 4 * MIB);
		assert_memory_equal(s.out.data, input, 4 * MIB);
		clear(&s);
	}
	free(input);
}

/* Where the host's two are one file: what is printed to them in turn comes in that order. */
static void one_output_keeps_the_order_of_stdout_and_stderr(void **state)
{
	struct session s = {
		.argv = { "sh", "-c", "i=0; while [ $i -lt 300 ]; do echo o$i; echo e$i >&2; i=$((i+1)); done" },
		.one_output = true,
	};
	char line[32], *at;

	run(&s);
	assert_int_equal(s.code, 0);
	assert_int_equal(s.err.len, 0);
	at = s.out.data;
	for (int i = 0; i < 300; i++) {
		snprintf(line, sizeof(line), "o%d\ne%d\n", i, i);
		assert_int_equal(strncmp(at, line, strlen(line)), 0);
		at += strlen(line);
	}
	assert_string_equal(at, "");
	clear(&s);
}

static void stdout_and_stderr_stay_apart(void **state)
{
	struct session s = { .argv = { "sh", "-c", "echo out; echo err >&2; echo out2" } };

	run(&s);
	assert_string_equal(s.out.data, "out\nout2\n");
	assert_string_equal(s.err.data, "err\n");
	clear(&s);
}

static void input_that_nobody_reads_harms_nobody(void **state)
{
	static const char *const scripts[] = { "exit 5", "head -c 1 >/dev/null; exit 5",
					       "exec <&-; sleep 0.2; echo alive; exit 5" };
	uint8_t *input = noise(10 * MIB);

	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		struct session s = { .argv = { "sh", "-c", scripts[i] }, .input = input, .input_len = 10 * MIB };

		run(&s);
		assert_int_equal(s.code, 5);
		assert_int_equal(s.err.len, 0);
		if (i == 2)
			assert_string_equal(s.out.data, "alive\n");
		clear(&s);
	}
	free(input);
}

/* A terminal's input has only a typed end; that of a program that reads, and then the shell's. */
static void end_of_input_is_typed_on_a_terminal(void **state)
{
	struct session s = { .argv = { "sh", "-c", "cat; echo; cat; stty size; echo over" },
			     .input = (const uint8_t *)"one\n",
			     .input_len = 4,
			     .tty = true };

	run(&s);
	assert_int_equal(s.code, 0);
	assert_int_equal(s.err.len, 0);
	assert_non_null(strstr(s.out.data, "one\r\n"));
	assert_non_null(strstr(s.out.data, "over\r\n"));
	clear(&s);
}

static void end_of_input_reaches_the_command(void **state)
{
	struct session open = { .argv = { "sh", "-c", "read x; echo got $x" }, .input = (const uint8_t *)"line\n" };
	struct session empty = { .argv = { "wc", "-c" } };

	/* Without an end of input, what is sent is there at once all the same. */
	open.input_len = 5;
	open.keep_input_open = true;
	run(&open);
	assert_string_equal(open.out.data, "got line\n");
	clear(&open);
	run(&empty);
	assert_string_equal(empty.out.data, "0\n");
	clear(&empty);
}

static void output_before_exit_is_never_lost(void **state)
{
	for (int i = 0; i < 40; i++) {
		struct session s = { .argv = { "sh", "-c",
					       "head -c 200000 /dev/zero; echo last >&2; echo '{}' >&3; exit 3" } };

		s.send_buffer = i % 2 ? 2048 : 0;
		run(&s);
		assert_int_equal(s.code, 3);
		assert_int_equal(s.out.len, 200000);
		assert_string_equal(s.err.data, "last\n");
		assert_int_equal(s.metric_lines, 1);
		clear(&s);
	}
}

/* A command that does not read: the guest stops taking, and nothing is lost. */
static void flow_of_input_is_controlled(void **state)
{
	uint8_t *input = noise(16 * MIB);
	struct session s = { .argv = { "sh", "-c", "echo $$; kill -STOP $$; exec wc -c" }, .input = input };
	size_t taken;
	pid_t command;

	s.input_len = 16 * MIB;
	start(&s);
	while (!s.out.len || !strchr(s.out.data, '\n'))
		assert_true(turn(&s, 60000));
	command = (pid_t)atol(s.out.data);
	s.out.len = 0;
	while (turn(&s, STUCK_MS))
		;
	taken = s.sent;
	assert_in_range(taken, 1, 2 * MIB);
	assert_int_equal(kill(command, SIGCONT), 0);
	finish(&s);
	assert_string_equal(s.out.data, "16777216\n");
	clear(&s);
	free(input);
}

/* What holds the pipes after the command's end does not hold up the end. */
static void daemons_do_not_hold_up_the_end(void **state)
{
	struct session s = { .argv = { "sh", "-c", "sleep 1000 & echo $!; exit 6" } };

	run(&s);
	kill((pid_t)atol(s.out.data), SIGKILL);
	assert_int_equal(s.code, 6);
	clear(&s);
}

static void talkative_daemons_do_not_either(void **state)
{
	struct session s = { .argv = { "sh", "-c", "(while :; do echo on; sleep 0.05; done) & echo $! >&2; exit 6" } };

	run(&s);
	kill((pid_t)atol(s.err.data), SIGKILL);
	assert_int_equal(s.code, 6);
	clear(&s);
}

static void orphans_are_not_the_command(void **state)
{
	struct session s = { .argv = { "sh", "-c",
				       "(sh -c 'exit 9' &); (sh -c 'sleep 0.1; exit 8' &); sleep 0.3; exit 4" } };

	run(&s);
	assert_int_equal(s.code, 4);
	clear(&s);
}

static void metrics_are_lines(void **state)
{
	struct session s = { .argv = { "sh", "-c",
				       "echo '{\"a\":1}' >&$KTSTR_METRIC_FD; echo >&3; printf '{\"b\":' >&3; "
				       "sleep 0.05; printf '2}\\n{\"c\":3}' >&3" } };
	struct session large = { .argv = { "sh", "-c",
					   "head -c 300000 /dev/zero | tr '\\0' x >&3; echo >&3; echo '{}' >&3" } };

	run(&s);
	assert_string_equal(s.metrics.data, "{\"a\":1}|{\"b\":2}|{\"c\":3}|");
	clear(&s);
	run(&large);
	assert_int_equal(large.metric_lines, 2);
	assert_int_equal(large.metrics.len, 300000 + 1 + 3);
	clear(&large);
}

static void metric_line_without_end_is_bounded(void **state)
{
	struct session s = { .argv = { "sh", "-c",
				       "head -c 3000000 /dev/zero | tr '\\0' x >&3; echo >&3; echo '{}' >&3" } };

	run(&s);
	assert_string_equal(s.metrics.data, "{}|");
	assert_non_null(strstr(s.err.data, "metric line"));
	clear(&s);
}

static void environment_and_directory_are_as_told(void **state)
{
	struct session s = {
		.argv = { "sh", "-c",
			  "echo $PWD $HOME $A $TERM; cat /proc/self/environ | tr '\\0' '\\n' | grep -c ^TERM=" },
		.env = { "A=b c", "TERM=dumb" },
		.cwd = "/usr"
	};

	run(&s);
	assert_string_equal(s.out.data, "/usr /root b c dumb\n1\n");
	clear(&s);
}

static void command_has_four_descriptors(void **state)
{
	struct session s = {
		.argv = { "sh", "-c",
			  "i=0; while [ $i -lt 64 ]; do [ -e /proc/$$/fd/$i ] && echo $i; i=$((i+1)); done" }
	};

	run(&s);
	assert_string_equal(s.out.data, "0\n1\n2\n3\n");
	clear(&s);
}

static void files_are_brought_back(void **state)
{
	struct session s = {
		.argv = { "sh", "-c", "head -c 100000 /dev/zero >/tmp/ktstr-test-out.$PPID; : >/tmp/ktstr-test-empty" }
	};
	char path[64];

	run(&s);
	clear(&s);
	snprintf(path, sizeof(path), "/tmp/ktstr-test-out.%d", (int)s.guest);
	s = (struct session){ .argv = { "true" },
			      .outputs = { path, "/tmp/ktstr-test-missing", "/tmp/ktstr-test-empty" } };
	run(&s);
	assert_int_equal(s.code, 0);
	assert_int_equal(s.files.len, 100000);
	assert_int_equal(s.file_ends.len, strlen(path) + 1 + sizeof("/tmp/ktstr-test-empty"));
	assert_string_equal(s.file_ends.data, path);
	assert_int_equal(s.err.len, 0);
	clear(&s);
	unlink(path);
	unlink("/tmp/ktstr-test-empty");

	s = (struct session){ .argv = { "true" }, .outputs = { "/tmp" } };
	run(&s);
	assert_string_equal(s.err.data, "ktstr: /tmp: not a regular file in the guest\n");
	clear(&s);
}

static void end_waits_for_the_acknowledgement(void **state)
{
	uint8_t *input = noise(MIB);
	struct session s = { .argv = { "true" }, .wait_ack = true, .input = input, .input_len = MIB };

	run(&s);
	assert_int_equal(s.code, 0);
	clear(&s);
	free(input);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exit_code_is_the_commands),
		cmocka_unit_test(signal_is_128_and_its_number),
		cmocka_unit_test(missing_command_is_127),
		cmocka_unit_test(what_is_no_program_is_126),
		cmocka_unit_test(missing_interpreter_is_named_as_such),
		cmocka_unit_test(input_of_10_mib_is_counted_right),
		cmocka_unit_test(bytes_pass_unchanged_both_ways),
		cmocka_unit_test(stdout_and_stderr_stay_apart),
		cmocka_unit_test(one_output_keeps_the_order_of_stdout_and_stderr),
		cmocka_unit_test(input_that_nobody_reads_harms_nobody),
		cmocka_unit_test(end_of_input_reaches_the_command),
		cmocka_unit_test(end_of_input_is_typed_on_a_terminal),
		cmocka_unit_test(output_before_exit_is_never_lost),
		cmocka_unit_test(flow_of_input_is_controlled),
		cmocka_unit_test(daemons_do_not_hold_up_the_end),
		cmocka_unit_test(talkative_daemons_do_not_either),
		cmocka_unit_test(orphans_are_not_the_command),
		cmocka_unit_test(metrics_are_lines),
		cmocka_unit_test(metric_line_without_end_is_bounded),
		cmocka_unit_test(environment_and_directory_are_as_told),
		cmocka_unit_test(command_has_four_descriptors),
		cmocka_unit_test(files_are_brought_back),
		cmocka_unit_test(end_waits_for_the_acknowledgement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
