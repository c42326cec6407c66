/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's end of the conversation with a guest's init, over a transport that is memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/session/session.h"

#define SECOND_NS 1000000000ull

/* What the session sent; a guest that takes nothing until told to. */
static struct fixture {
	struct reactor *r;
	struct session s;
	uint8_t *sent;
	size_t sent_size, n_sent, taken;
	bool held;
	unsigned holds;
	int ended, n_ended;
	char metric[256];
	int in[2], out[2], err[2];
} f;

static int fake_send(void *ctx, const void *data, size_t len)
{
	if (f.n_sent + len > f.sent_size) {
		f.sent_size = 2 * (f.n_sent + len);
		f.sent = realloc(f.sent, f.sent_size);
		assert_non_null(f.sent);
	}
	if (len)
		memcpy(f.sent + f.n_sent, data, len);
	f.n_sent += len;
	return 0;
}

static size_t fake_backlog(void *ctx)
{
	return f.n_sent - f.taken;
}

static void fake_hold(void *ctx, bool hold)
{
	f.held = hold;
	f.holds++;
}

static json_t *parsed;

static void take_metric(void *ctx, struct frame *frame)
{
	snprintf(f.metric, sizeof(f.metric), "%.*s", (int)frame->len, (const char *)frame->payload);
	parsed = json_incref(frame_json(frame));
}

static const struct session_taker takers[] = { { WIRE_JMET, take_metric }, { 0 } };

static void on_ended(void *ctx, int code)
{
	f.ended = code;
	f.n_ended++;
}

static int setup(void **state)
{
	struct session_config cfg = {
		.transport = { fake_send, fake_backlog, fake_hold, NULL },
		.takers = takers,
		.ended = on_ended,
	};

	memset(&f, 0, sizeof(f));
	signal(SIGPIPE, SIG_IGN);
	if (pipe2(f.in, O_CLOEXEC) || pipe2(f.out, O_CLOEXEC) || pipe2(f.err, O_CLOEXEC))
		return -1;
	cfg.stdin_fd = f.in[0];
	cfg.stdout_fd = f.out[1];
	cfg.stderr_fd = f.err[1];
	return reactor_create(&f.r, 32, 32) || session_open(&f.s, f.r, &cfg);
}

static int teardown(void **state)
{
	session_close(&f.s);
	free(f.sent);
	for (int i = 0; i < 2; i++) {
		close(f.in[i]);
		close(f.out[i]);
		close(f.err[i]);
	}
	return reactor_destroy(f.r, SECOND_NS);
}

static void feed(uint32_t type, const void *payload, size_t len)
{
	struct wire_header h;

	wire_header_init(&h, type, payload, len);
	session_feed(&f.s, &h, sizeof(h));
	session_feed(&f.s, payload, len);
}

static void start_command(void)
{
	static const uint8_t phase = WIRE_LIFE_PAYLOAD;

	feed(WIRE_LIFE, &phase, 1);
}

/* The ring until @done, or for long enough to say that it never will be. */
static void step_until(bool (*done)(void))
{
	uint64_t deadline = monotonic_ns() + 20 * SECOND_NS;

	while (!done()) {
		assert_true(monotonic_ns() < deadline);
		assert_true(reactor_step_until(f.r, deadline) >= 0);
	}
}

static void expect_bytes(int fd, const char *text)
{
	char got[256];
	size_t len = strlen(text), at = 0;

	assert_int_equal(session_flush(&f.s, monotonic_ns() + 20 * SECOND_NS), 0);
	while (at < len) {
		ssize_t n = read(fd, got + at, len - at);

		assert_true(n > 0);
		at += (size_t)n;
	}
	assert_memory_equal(got, text, len);
}

static void output_goes_where_it_belongs(void **state)
{
	feed(WIRE_SOUT, "to out", 6);
	feed(WIRE_SERR, "to err", 6);
	feed(WIRE_SOUT, ", too", 5);
	expect_bytes(f.out[0], "to out, too");
	expect_bytes(f.err[0], "to err");
	assert_int_equal(f.s.stdout_bytes, 11);
	assert_int_equal(f.s.stderr_bytes, 6);
}

static void exit_code_is_told_once(void **state)
{
	int32_t code = 7, other = 9;

	feed(WIRE_EXIT, &code, 3);
	assert_false(f.s.exited);
	feed(WIRE_EXIT, &code, sizeof(code));
	assert_true(f.s.exited);
	assert_int_equal(f.s.exit_code, 7);
	feed(WIRE_EXIT, &other, sizeof(other));
	assert_int_equal(f.s.exit_code, 7);
	assert_int_equal(f.n_ended, 1);
	assert_int_equal(f.ended, 7);
}

static void exit_code_is_a_byte(void **state)
{
	int32_t code = -1;

	feed(WIRE_EXIT, &code, sizeof(code));
	assert_int_equal(f.s.exit_code, 255);
}

static void bad_crc_is_counted_and_dropped(void **state)
{
	struct wire_header h;
	int32_t code = 3;

	wire_header_init(&h, WIRE_EXIT, &code, sizeof(code));
	h.crc32 ^= 1;
	session_feed(&f.s, &h, sizeof(h));
	session_feed(&f.s, &code, sizeof(code));
	assert_int_equal(f.s.bad_crc, 1);
	assert_false(f.s.exited);
	feed(WIRE_EXIT, &code, sizeof(code));
	assert_true(f.s.exited);
}

static void facts_and_metrics_are_kept(void **state)
{
	feed(WIRE_SRDY, NULL, 0);
	feed(WIRE_JENV, "{\"kernel\":\"7.2\"}", 16);
	feed(WIRE_JENV, "{}", 2);
	feed(WIRE_JMET, "{\"a\":1}", 7);
	assert_true(f.s.ready_ns > 0);
	assert_string_equal(json_string_value(json_object_get(f.s.environment, "kernel")), "7.2");
	assert_string_equal(f.metric, "{\"a\":1}");
	assert_int_equal(json_integer_value(json_object_get(parsed, "a")), 1);
	json_decref(parsed);
	/* Nobody asked for files. */
	feed(WIRE_FOUT, "/etc/passwd\0x", 13);
	assert_int_equal(f.s.dropped, 1);
	/* Nor for the kernel's log, nor for what no guest sends. */
	feed(WIRE_DMSG, "text", 4);
	feed(WIRE_SINP, "text", 4);
	assert_int_equal(f.s.dropped, 3);
}

/* What has another size than its type is counted, and nobody takes it. */
static void a_malformed_frame_is_taken_by_nobody(void **state)
{
	feed(WIRE_EXIT, "abc", 3);
	feed(WIRE_LIFE, NULL, 0);
	feed(WIRE_STAK, "abcde", 5);
	feed(WIRE_SRDY, "x", 1);
	assert_int_equal(f.s.malformed, 4);
	assert_int_equal(f.s.dropped, 0);
	assert_false(f.s.exited || f.s.ready_ns || f.s.payload_ns);
}

static bool sent_something(void)
{
	return f.n_sent > 0;
}

static void stdin_waits_for_the_command(void **state)
{
	struct wire_header h;

	assert_int_equal(write(f.in[1], "abc", 3), 3);
	feed(WIRE_SRDY, NULL, 0);
	assert_int_equal(reactor_step_until(f.r, monotonic_ns() + 20000000), 0);
	assert_int_equal(f.n_sent, 0);
	start_command();
	step_until(sent_something);
	memcpy(&h, f.sent, sizeof(h));
	assert_int_equal(h.type, WIRE_SINP);
	assert_int_equal(h.length, 3);
	assert_int_equal(h.crc32, wire_crc32("abc", 3));
	assert_memory_equal(f.sent + sizeof(h), "abc", 3);
}

static bool sent_end(void)
{
	struct wire_header h;

	if (f.n_sent < sizeof(h))
		return false;
	memcpy(&h, f.sent + f.n_sent - sizeof(h), sizeof(h));
	return h.type == WIRE_SINP && !h.length;
}

static void end_of_stdin_is_an_empty_frame(void **state)
{
	close(f.in[1]);
	f.in[1] = -1;
	start_command();
	step_until(sent_end);
	assert_int_equal(f.n_sent, WIRE_HEADER_SIZE);
}

static bool paused(void)
{
	static uint8_t zeros[65536];

	/* The pipe is kept full. */
	while (write(f.in[1], zeros, sizeof(zeros)) > 0)
		;
	return f.s.in.paused;
}

static size_t before;

static bool sent_more(void)
{
	return f.n_sent > before;
}

/* A guest that takes nothing bounds what is read for it. */
static void stdin_rests_while_the_guest_does_not_take_it(void **state)
{
	assert_int_equal(fcntl(f.in[1], F_SETFL, O_NONBLOCK), 0);
	start_command();
	step_until(paused);
	assert_true(f.n_sent > SESSION_BACKLOG_MAX);
	assert_true(f.n_sent <= SESSION_BACKLOG_MAX + 2 * (WIRE_CHUNK_MAX + WIRE_HEADER_SIZE));
	before = f.n_sent;
	assert_int_equal(reactor_step_until(f.r, monotonic_ns() + 20000000), 0);
	assert_int_equal(f.n_sent, before);
	f.taken = f.n_sent;
	session_drained(&f.s);
	assert_false(f.s.in.paused);
	step_until(sent_more);
}

/*
 * The guest's init reads its port, but the command takes no input: stdin rests when the window is full, and what else
 * goes to the guest does not wait behind it.
 */
static void stdin_that_the_command_does_not_take_is_bounded(void **state)
{
	static const uint8_t chunk[4096];
	const uint32_t taken = WIRE_INPUT_WINDOW;
	uint64_t deadline = monotonic_ns() + 20 * SECOND_NS;

	assert_int_equal(fcntl(f.in[1], F_SETFL, O_NONBLOCK), 0);
	start_command();
	while (!f.s.in.paused) {
		assert_true(monotonic_ns() < deadline);
		while (write(f.in[1], chunk, sizeof(chunk)) > 0)
			;
		assert_true(reactor_step_until(f.r, monotonic_ns() + SECOND_NS) >= 0);
		f.taken = f.n_sent;
		session_drained(&f.s);
	}
	assert_in_range(f.s.stdin_bytes, WIRE_INPUT_WINDOW, WIRE_INPUT_WINDOW + WIRE_CHUNK_MAX);
	before = f.n_sent;
	assert_int_equal(session_snapshot_reply(&f.s, 1, WIRE_SNAPSHOT_ERR, "now"), 0);
	assert_true(f.n_sent > before);
	f.taken = before = f.n_sent;
	feed(WIRE_STAK, &taken, sizeof(taken));
	assert_false(f.s.in.paused);
	while (write(f.in[1], chunk, sizeof(chunk)) > 0)
		;
	step_until(sent_more);
}

static bool released(void)
{
	char buf[65536];

	assert_true(read(f.out[0], buf, sizeof(buf)) >= 0 || errno == EAGAIN);
	return !f.held;
}

/* A reader that is slow holds the guest back; nothing is lost. */
static void slow_stdout_holds_the_transport(void **state)
{
	static const uint8_t chunk[WIRE_CHUNK_MAX];

	assert_int_equal(fcntl(f.out[0], F_SETFL, O_NONBLOCK), 0);
	for (int i = 0; i < 64 && !f.held; i++) {
		feed(WIRE_SOUT, chunk, sizeof(chunk));
		assert_true(reactor_step(f.r, false) >= 0);
	}
	assert_true(f.held);
	assert_int_equal(f.holds, 1);
	/* Held, but fed all the same: kept. */
	feed(WIRE_SOUT, chunk, sizeof(chunk));
	step_until(released);
	assert_int_equal(f.holds, 2);
}

static bool out_failed(void)
{
	return f.s.out.error != 0;
}

static void closed_stdout_ends_the_session(void **state)
{
	close(f.out[0]);
	f.out[0] = -1;
	feed(WIRE_SOUT, "x", 1);
	step_until(out_failed);
	feed(WIRE_SOUT, "y", 1);
	assert_int_equal(f.ended, -EPIPE);
}

static void acknowledgement_is_an_empty_frame(void **state)
{
	struct wire_header h;

	assert_int_equal(session_acknowledge(&f.s), 0);
	assert_int_equal(f.n_sent, sizeof(h));
	memcpy(&h, f.sent, sizeof(h));
	assert_int_equal(h.type, WIRE_EACK);
	assert_int_equal(h.length, 0);
}

/* WIR-09 */
static void ready_counts_once_empty_and_with_its_crc(void **state)
{
	struct wire_header h;
	uint64_t first;

	feed(WIRE_SRDY, "x", 1);
	assert_int_equal(f.s.ready_ns, 0);
	wire_header_init(&h, WIRE_SRDY, NULL, 0);
	h.crc32 = 1;
	session_feed(&f.s, &h, sizeof(h));
	assert_int_equal(f.s.ready_ns, 0);
	feed(WIRE_SRDY, NULL, 0);
	first = f.s.ready_ns;
	assert_int_not_equal(first, 0);
	while (monotonic_ns() == first)
		;
	feed(WIRE_SRDY, NULL, 0);
	assert_int_equal(f.s.ready_ns, first);
}

/* WIR-10 */
static void scheduler_exit_kills_only_with_its_crc(void **state)
{
	struct wire_header h;
	int32_t code = 139;

	wire_header_init(&h, WIRE_SCDX, &code, sizeof(code));
	h.crc32 ^= 1;
	session_feed(&f.s, &h, sizeof(h));
	session_feed(&f.s, &code, sizeof(code));
	feed(WIRE_SCDX, &code, 3);
	assert_int_equal(f.n_ended, 0);
	feed(WIRE_SCDX, &code, sizeof(code));
	assert_int_equal(f.n_ended, 1);
	assert_int_equal(f.ended, -EOWNERDEAD);
	assert_int_equal(f.s.sched_code, 139);
	feed(WIRE_SCDX, &code, sizeof(code));
	assert_int_equal(f.n_ended, 1);
	/* The command's end comes too late to make a result of it. */
	code = 0;
	feed(WIRE_EXIT, &code, sizeof(code));
	assert_false(f.s.exited);
	assert_int_equal(f.n_ended, 1);
}

static unsigned n_snapshots;

static void on_snapshot(void *ctx, const struct wire_snapshot *request)
{
	n_snapshots++;
	session_snapshot_reply(&f.s, request->request_id, WIRE_SNAPSHOT_OK, "stored");
}

/* The one frame that was sent is this reply. */
static void replied(uint32_t id, uint32_t status, const char *reason)
{
	struct wire_snapshot r;
	struct wire_header h;

	/* WIR-12 */
	assert_int_equal(f.n_sent, WIRE_HEADER_SIZE + 72);
	memcpy(&h, f.sent, sizeof(h));
	memcpy(&r, f.sent + sizeof(h), sizeof(r));
	assert_int_equal(h.type, WIRE_SNRP);
	assert_int_equal(h.length, 72);
	assert_int_equal(h.crc32, wire_crc32(&r, sizeof(r)));
	assert_int_equal(h.pad, 0);
	assert_int_equal(r.request_id, id);
	assert_int_equal(r.kind_status, status);
	assert_string_equal(r.text, reason);
	f.n_sent = 0;
}

/* WIR-11 */
static void snapshot_requests_are_exact(void **state)
{
	struct wire_snapshot r = { 5, WIRE_SNAPSHOT_CAPTURE, "tag" };
	uint8_t long_one[73] = { 5, 0, 0, 0, 1 };
	struct wire_header h;

	/* Nobody takes them: an error, not silence. */
	feed(WIRE_SNRQ, &r, sizeof(r));
	replied(5, WIRE_SNAPSHOT_ERR, "nobody takes snapshots in this run");
	f.s.cfg.snapshot = on_snapshot;
	feed(WIRE_SNRQ, &r, sizeof(r));
	replied(5, WIRE_SNAPSHOT_OK, "stored");
	r.kind_status = WIRE_SNAPSHOT_WATCH;
	feed(WIRE_SNRQ, &r, sizeof(r));
	replied(5, WIRE_SNAPSHOT_OK, "stored");
	assert_int_equal(n_snapshots, 2);

	for (uint32_t kind = 0; kind < 5; kind += 3) {
		r.kind_status = kind;
		feed(WIRE_SNRQ, &r, sizeof(r));
		replied(5, WIRE_SNAPSHOT_ERR, "neither capture nor watch");
	}
	/* To whom would these be answered? */
	feed(WIRE_SNRQ, &r, 71);
	feed(WIRE_SNRQ, long_one, sizeof(long_one));
	r = (struct wire_snapshot){ 0, WIRE_SNAPSHOT_CAPTURE, "tag" };
	feed(WIRE_SNRQ, &r, sizeof(r));
	r.request_id = 1;
	wire_header_init(&h, WIRE_SNRQ, &r, sizeof(r));
	h.crc32 ^= 1;
	session_feed(&f.s, &h, sizeof(h));
	session_feed(&f.s, &r, sizeof(r));
	assert_int_equal(f.n_sent, 0);
	assert_int_equal(n_snapshots, 2);
	assert_int_equal(f.s.bad_requests, 1 + 2 + 3);
}

static void the_escape_key_ends_a_terminals_session(void **state)
{
	f.s.cfg.escape = 0x1d;
	start_command();
	assert_int_equal(write(f.in[1],
			       "ab\x1d"
			       "c",
			       4),
			 4);
	while (!f.n_ended)
		assert_true(reactor_step_until(f.r, monotonic_ns() + 20 * SECOND_NS) > 0);
	assert_int_equal(f.ended, -ECANCELED);
}

static void a_window_is_rows_and_columns(void **state)
{
	static const uint8_t want[] = { 24, 0, 80, 1 };
	struct wire_header h;

	assert_int_equal(session_window(&f.s, 24, 336), 0);
	memcpy(&h, f.sent, sizeof(h));
	assert_int_equal(h.type, WIRE_WSIZ);
	assert_memory_equal(f.sent + sizeof(h), want, sizeof(want));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* A guest that asks without end and takes no answer: memory has a bound (WIR-11). */
static void requests_without_end_are_not_answered_without_end(void **state)
{
	struct wire_snapshot request = { .request_id = 7, .kind_status = WIRE_SNAPSHOT_CAPTURE };
	unsigned n = 2 * SESSION_ANSWERS_MAX / sizeof(request);

	for (unsigned i = 0; i < n; i++)
		feed(WIRE_SNRQ, &request, sizeof(request));
	assert_in_range(f.n_sent, SESSION_ANSWERS_MAX, SESSION_ANSWERS_MAX + 200);
	assert_int_equal(f.s.bad_requests, n);
	assert_true(f.s.unanswered > n / 3);
	/* One who takes them has answers again. */
	f.taken = f.n_sent;
	feed(WIRE_SNRQ, &request, sizeof(request));
	assert_int_equal(f.n_sent - f.taken, WIRE_HEADER_SIZE + sizeof(request));
}

static bool taker_full;

static bool full(void *ctx)
{
	return taker_full;
}

/* What takes the frames is full: the guest is held until it is not. */
static void a_full_taker_of_frames_holds_the_guest(void **state)
{
	f.s.cfg.full = full;
	taker_full = true;
	feed(WIRE_RAWO, "text", 4);
	assert_true(f.held);
	session_regulate(&f.s);
	assert_true(f.held && f.holds == 1);
	taker_full = false;
	session_regulate(&f.s);
	assert_false(f.held);
}

/* What could not be written is known when all has been said. */
static void output_that_is_lost_is_known(void **state)
{
	int nowhere = open("/dev/full", O_WRONLY | O_CLOEXEC);

	assert_true(nowhere >= 0 && dup2(nowhere, f.out[1]) >= 0);
	assert_int_equal(session_output_error(&f.s), 0);
	feed(WIRE_SOUT, "text", 4);
	assert_int_equal(session_flush(&f.s, monotonic_ns() + 20 * SECOND_NS), -ENOSPC);
	assert_true(session_written(&f.s));
	assert_int_equal(session_output_error(&f.s), -ENOSPC);
	close(nowhere);
}

static void outputs_changed(void *ctx)
{
	session_regulate(ctx);
}

static void begin_output(struct outputs *o, const char *path)
{
	const char *const paths[] = { path, NULL };

	assert_int_equal(outputs_init(o, paths), 0);
	outputs_attach(o, f.r, outputs_changed, &f.s);
	f.s.cfg.outputs = o;
}

/* Of the file @path, what a guest sends. */
static void feed_chunk(const char *path, size_t len)
{
	static uint8_t payload[128 + WIRE_CHUNK_MAX];
	size_t name = strlen(path) + 1;

	memcpy(payload, path, name);
	memset(payload + name, 'x', len);
	feed(WIRE_FOUT, payload, name + len);
}

/* A fifo whose reader is slow is written as it reads: the guest waits, and nothing else does. */
static void a_slow_reader_of_an_output_holds_the_guest_alone(void **state)
{
	char dir[] = "/tmp/ktstr-outputs-XXXXXX", path[64], buf[65536];
	struct outputs o;
	size_t got = 0;
	int reader;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(reader >= 0);
	begin_output(&o, path);
	for (unsigned i = 0; i < 8; i++)
		feed_chunk(path, 60000);
	feed(WIRE_FEND, path, strlen(path) + 1);
	assert_true(f.held);
	assert_false(session_written(&f.s));
	while (!session_written(&f.s)) {
		ssize_t n = read(reader, buf, sizeof(buf));

		got += n > 0 ? (size_t)n : 0;
		assert_true(reactor_step_until(f.r, monotonic_ns() + SECOND_NS / 100) >= 0);
	}
	for (ssize_t n; (n = read(reader, buf, sizeof(buf))) > 0;)
		got += (size_t)n;
	assert_int_equal(got, 8 * 60000);
	assert_false(f.held);
	outputs_end(&o, true);
	assert_int_equal(outputs_error(&o), 0);
	outputs_free(&o);
	f.s.cfg.outputs = NULL;
	close(reader);
	unlink(path);
	rmdir(dir);
}

/* What was there before a run is not taken for what the run did not write. */
static void an_output_that_did_not_come_is_an_error(void **state)
{
	char dir[] = "/tmp/ktstr-outputs-XXXXXX", path[64];
	struct outputs o;
	int fd;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "old", 3), 3);
	close(fd);
	/* The machine died: the command may never have run. */
	begin_output(&o, path);
	feed_chunk(path, 100);
	outputs_end(&o, false);
	assert_int_equal(outputs_error(&o), 0);
	assert_string_equal(outputs_stale(&o), path);
	outputs_free(&o);
	assert_int_equal(access(path, F_OK), 0);
	/* The command ended, and had not written it. */
	begin_output(&o, path);
	outputs_end(&o, true);
	assert_int_equal(outputs_error(&o), -ENODATA);
	assert_non_null(strstr(o.why, "the command did not write it; the file from before this run is removed"));
	outputs_free(&o);
	assert_int_equal(access(path, F_OK), -1);
	/* An empty file is one that came. */
	begin_output(&o, path);
	feed(WIRE_FEND, path, strlen(path) + 1);
	outputs_end(&o, true);
	assert_int_equal(outputs_error(&o), 0);
	outputs_free(&o);
	f.s.cfg.outputs = NULL;
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* Where both are one file, one writes it, in the order of the frames. */
static void one_file_for_stdout_and_stderr_keeps_their_order(void **state)
{
	char want[4000] = "", line[32];

	assert_false(session_one_output(f.out[1], f.err[1]));
	assert_int_equal(dup2(f.out[1], f.err[1]), f.err[1]);
	assert_true(session_one_output(f.out[1], f.err[1]));
	f.s.one_output = true;
	for (unsigned i = 0; i < 100; i++) {
		snprintf(line, sizeof(line), "%u\n", i);
		feed(i % 2 ? WIRE_SERR : WIRE_SOUT, line, strlen(line));
		strcat(want, line);
		if (strlen(want) > 200) {
			expect_bytes(f.out[0], want);
			*want = '\0';
		}
	}
	expect_bytes(f.out[0], want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(output_goes_where_it_belongs),
		TEST(one_file_for_stdout_and_stderr_keeps_their_order),
		TEST(a_slow_reader_of_an_output_holds_the_guest_alone),
		TEST(an_output_that_did_not_come_is_an_error),
		TEST(exit_code_is_told_once),
		TEST(exit_code_is_a_byte),
		TEST(bad_crc_is_counted_and_dropped),
		TEST(facts_and_metrics_are_kept),
		TEST(a_malformed_frame_is_taken_by_nobody),
		TEST(stdin_waits_for_the_command),
		TEST(end_of_stdin_is_an_empty_frame),
		TEST(stdin_rests_while_the_guest_does_not_take_it),
		TEST(stdin_that_the_command_does_not_take_is_bounded),
		TEST(slow_stdout_holds_the_transport),
		TEST(closed_stdout_ends_the_session),
		TEST(ready_counts_once_empty_and_with_its_crc),
		TEST(scheduler_exit_kills_only_with_its_crc),
		TEST(snapshot_requests_are_exact),
		TEST(the_escape_key_ends_a_terminals_session),
		TEST(a_window_is_rows_and_columns),
		TEST(acknowledgement_is_an_empty_frame),
		TEST(requests_without_end_are_not_answered_without_end),
		TEST(a_full_taker_of_frames_holds_the_guest),
		TEST(output_that_is_lost_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
