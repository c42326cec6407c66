/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/nested/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/base/program.h"
#include "bench/base/size.h"
#include "bench/base/terminal.h"
#include "bench/host/disk_lock.h"
#include "bench/nested/explain.h"
#include "bench/nested/image.h"
#include "bench/nested/qemu.h"
#include "bench/session/session.h"
#include "reactor/container.h"
#include "reactor/reactor.h"
#include "virtio/wire.h"

#define SECOND_NS 1000000000ull
#define LINES_HIGH (1u << 20)
#define FLUSH_NS (5 * SECOND_NS) /* for a reader of the output, beyond the time-out */

struct nested {
	const struct nested_plan *plan;
	struct reactor *r;
	struct qemu qemu;
	int port;
	struct disk_lock disk_lock[NESTED_DISKS_MAX];
	size_t n_locked;
	bool running;	  /* L1's init has reported */
	uint64_t start_s; /* within which it must */
	bool stopped, interrupted, late;
	int result; /* exit code or negative errno, once stopped */
	struct session session;
	struct outputs outputs;
	struct source from_port;
	int lines_fd; /* of plan->lines, or -1 */
	struct sink lines;
	bool lines_lost; /* some could not be put */
	struct sink to_port;
	struct signals signals;
	struct timer deadline;
};

/* The first reason stands. */
static void stop(struct nested *n, int result)
{
	if (!n->stopped)
		n->result = result;
	n->stopped = true;
}

/* --- the session's transport: the port's socket ------------------------- */

static int port_send(void *ctx, const void *data, size_t len)
{
	struct nested *n = ctx;
	int ret = sink_put(&n->to_port, data, len);

	return ret < 0 ? ret : 0;
}

static size_t port_backlog(void *ctx)
{
	struct nested *n = ctx;

	return sink_waiting(&n->to_port);
}

/* What is not read from the socket QEMU holds back in L1's port. */
static void port_hold(void *ctx, bool hold)
{
	struct nested *n = ctx;

	source_pause(&n->from_port, hold);
}

static void on_port_drained(struct sink *s)
{
	struct nested *n = container_of(s, struct nested, to_port);

	session_drained(&n->session);
}

static void on_running(struct nested *n)
{
	n->running = true;
	timer_clear(&n->deadline);
	if (n->plan->timeout_ns)
		timer_set(&n->deadline, monotonic_ns() + n->plan->timeout_ns);
}

static void on_port(struct source *s, const uint8_t *data, int res)
{
	struct nested *n = container_of(s, struct nested, from_port);

	if (res <= 0) {
		stop(n, -ECONNRESET);
		return;
	}
	session_feed(&n->session, data, (size_t)res);
	if (!n->running && n->session.ready_ns)
		on_running(n);
}

static void on_signal(struct signals *s, int signo);

/* The user's terminal is the command's from its start to its end; before, ^C is ours still. */
static void on_life(void *ctx, struct frame *f)
{
	struct nested *n = ctx;

	if (n->plan->tty && f->payload[0] == WIRE_LIFE_PAYLOAD && terminal_raw())
		on_signal(&n->signals, SIGWINCH);
}

static void on_line(void *ctx, struct frame *f)
{
	struct nested *n = ctx;

	if (n->lines_fd < 0)
		return;
	if (sink_put(&n->lines, f->payload, f->len) || sink_put(&n->lines, "\n", 1))
		n->lines_lost = true;
}

static const struct session_taker takers[] = { { WIRE_LIFE, on_life }, { WIRE_JMET, on_line }, { 0 } };

static bool lines_full(void *ctx)
{
	struct nested *n = ctx;

	return n->lines_fd >= 0 && sink_full(&n->lines);
}

static void on_lines_drained(struct sink *s)
{
	session_regulate(&container_of(s, struct nested, lines)->session);
}

/* All there is to say came before, and L1's init has synced its disks: it needs no orderly end. */
static void on_ended(void *ctx, int code)
{
	struct nested *n = ctx;

	/* Whoever reads our stdout has gone: as if the command had run here. */
	stop(n, code == -EPIPE ? 128 + SIGPIPE : code == -ECANCELED ? 0 : code);
}

/* --- what else can end it ----------------------------------------------- */

static void on_deadline(struct timer *t)
{
	struct nested *n = container_of(t, struct nested, deadline);

	n->late = n->stopped;
	stop(n, n->running ? 124 : -ETIMEDOUT);
	timer_set(t, monotonic_ns() + FLUSH_NS);
}

static void on_signal(struct signals *s, int signo)
{
	struct nested *n = container_of(s, struct nested, signals);
	uint16_t rows, columns;

	if (signo == SIGWINCH) {
		if (n->plan->tty && terminal_size(&rows, &columns))
			session_window(&n->session, rows, columns);
		return;
	}
	n->interrupted = true;
	stop(n, 128 + signo);
}

/* --- the whole ---------------------------------------------------------- */

static int open_streams(struct nested *n)
{
	static const int signos[] = { SIGINT, SIGTERM, SIGHUP, SIGWINCH };
	const struct session_config config = {
		.transport = { .send = port_send, .backlog = port_backlog, .hold = port_hold, .ctx = n },
		.stdin_fd = STDIN_FILENO,
		.stdout_fd = STDOUT_FILENO,
		.stderr_fd = STDERR_FILENO,
		.outputs = &n->outputs,
		.takers = takers,
		.full = lines_full,
		.escape = n->plan->tty ? TERMINAL_ESCAPE : 0,
		.ended = on_ended,
		.ctx = n,
	};
	int ret;

	ret = signals_watch(n->r, &n->signals, signos, sizeof(signos) / sizeof(*signos), on_signal);
	if (!ret)
		ret = timer_open(n->r, &n->deadline, on_deadline);
	if (!ret)
		ret = timer_set(&n->deadline, monotonic_ns() + n->start_s * SECOND_NS);
	if (!ret)
		ret = session_open(&n->session, n->r, &config);
	if (!ret)
		ret = sink_open(n->r, &n->to_port, n->port, SESSION_BACKLOG_LOW, on_port_drained);
	if (!ret && n->lines_fd >= 0)
		ret = sink_open(n->r, &n->lines, n->lines_fd, LINES_HIGH, on_lines_drained);
	if (!ret)
		ret = source_open(n->r, &n->from_port, n->port, WIRE_CHUNK_MAX, on_port);
	return ret;
}

static void close_streams(struct nested *n)
{
	/* Each calls another: none of them any more, before the first is closed. */
	source_shut(&n->from_port);
	sink_shut(&n->to_port);
	sink_shut(&n->lines);
	session_shut(&n->session);
	source_close(&n->from_port);
	if (n->to_port.r)
		sink_close(&n->to_port);
	if (n->lines.r)
		sink_close(&n->lines);
	session_close(&n->session);
	timer_close(&n->deadline);
	signals_unwatch(&n->signals);
}

/* The exit code of a command that had its say, but not its reader; 0: all was read. */
static int unwritten(struct nested *n)
{
	int error = session_output_error(&n->session);

	if (n->late)
		fprintf(stderr, "ktstr: what reads the output does not take it, and what was left of it is lost\n");
	else if (error && error != -EPIPE)
		fprintf(stderr, "ktstr: the command's output can't be written: %s\n", strerror(-error));
	if (n->late)
		return 124;
	return error == -EPIPE ? 128 + SIGPIPE : error ? 1 : 0;
}

/* The exit code of a command with @code whose files did not all come to this machine. */
static int files_code(const struct nested *n, int code)
{
	int error = n->lines_fd < 0 ? 0 : n->lines.error ? n->lines.error : n->lines_lost ? -ENOMEM : 0;

	/* Who failed may have had nothing to write, and said so. */
	if (outputs_error(&n->outputs) && !(outputs_error(&n->outputs) == -ENODATA && code)) {
		fprintf(stderr, "ktstr: %s\n", n->outputs.why);
		code = 1;
	}
	if (error) {
		fprintf(stderr, "ktstr: %s: can't be written: %s\n", n->plan->lines, strerror(-error));
		code = code ? code : 1;
	}
	return code;
}

static bool written(const struct nested *n)
{
	return session_written(&n->session) && (n->lines_fd < 0 || sink_idle(&n->lines));
}

static int loop(struct nested *n)
{
	int ret = 0;

	while (!n->stopped && ret >= 0)
		ret = reactor_step(n->r, true);
	/* A reader may be slow as it likes; only a signal and the time-out cut it short. */
	while (ret >= 0 && !n->interrupted && !n->late && !written(n))
		ret = reactor_step(n->r, true);
	if (n->late || n->interrupted)
		terminal_leave_stuck_stderr();
	/* By a time-out, a panic or a signal it is not the command that ended. */
	outputs_end(&n->outputs, n->session.exited && ret >= 0 && !n->late && n->result < 124);
	if (ret < 0 || (n->result && n->result != session_output_error(&n->session) && !n->late))
		return ret < 0 ? ret : n->result;
	return unwritten(n);
}

/* Here, and not by QEMU: it would say in its own way that one is in use, and not by whom. */
static int lock_disks(struct nested *n, char *why, size_t size)
{
	for (; n->n_locked < n->plan->n_disks; n->n_locked++) {
		const struct nested_disk *d = &n->plan->disks[n->n_locked];
		int rc = disk_lock_take(d->path, d->ro, &n->disk_lock[n->n_locked], why, size);

		if (rc)
			return rc;
		if (*why)
			fprintf(stderr, "ktstr: %s\n", why);
		*why = '\0';
	}
	return 0;
}

static int start(struct nested *n, char *why, size_t size)
{
	struct nested_image image;
	int ports[2], keep[2], ret;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ports))
		return -errno;
	ret = nested_image_make(&image, n->plan, ports[1], why, size);
	if (ret)
		goto out;
	ret = lock_disks(n, why, size);
	if (ret) {
		nested_image_free(&image);
		goto out;
	}
	keep[0] = ports[1];
	keep[1] = image.initramfs_fd;
	ret = qemu_start(&n->qemu, image.qemu, (const char *const *)image.words, keep, 2);
	nested_image_free(&image);
out:
	/* QEMU's end must be the only one, for its death to be the end of the stream. */
	close(ports[1]);
	if (ret)
		close(ports[0]);
	else
		n->port = ports[0];
	return ret;
}

/* Before L1 is started: a directory that can't be written is known at once. */
static int open_outputs(struct nested *n, char *why, size_t size)
{
	int ret = outputs_init(&n->outputs, n->plan->outputs);

	for (size_t i = 0; i < n->plan->n_output_dirs && !ret; i++) {
		const struct nested_output_dir *d = &n->plan->output_dirs[i];

		ret = outputs_add_dir(&n->outputs, d->host, d->guest ? d->guest : d->host);
		if (ret)
			snprintf(why, size, "%s", n->outputs.why);
	}
	return ret;
}

int nested_run(const struct nested_plan *plan, char *why, size_t size)
{
	struct nested n = { .plan = plan, .port = -1, .lines_fd = -1, .qemu = { .stderr_fd = -1, .serial_fd = -1 } };
	void (*sigpipe)(int) = signal(SIGPIPE, SIG_IGN);
	int ret;

	why[0] = '\0';
	n.start_s = NESTED_START_S;
	ret = nested_environment("KTSTR_NESTED_TIMEOUT", "seconds", NESTED_START_MAX_S, &n.start_s, why, size);
	if (ret)
		goto out;
	if (plan->lines) {
		n.lines_fd = open(plan->lines, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_CLOEXEC, 0666);
		ret = n.lines_fd < 0 ? -errno : 0;
		if (ret) {
			snprintf(why, size, "%s: %s", plan->lines,
				 ret == -ENXIO ? "nobody reads this fifo; start its reader first" : strerror(-ret));
			goto out;
		}
	}
	ret = open_outputs(&n, why, size);
	if (ret)
		goto out;
	fprintf(stderr, "ktstr: nested host (QEMU, TCG): timings are not those of hardware\n");
	ret = start(&n, why, size);
	if (ret)
		goto out;
	ret = reactor_create(&n.r, 64, 64);
	if (ret == -EPERM || ret == -ENOSYS)
		ret = reactor_create_epoll(&n.r, 64);
	if (ret)
		goto out_qemu;
	ret = open_streams(&n);
	if (!ret)
		ret = loop(&n);
	if (ret >= 0)
		ret = files_code(&n, ret);
	/* QEMU first: its end completes what is in flight on the port. */
	qemu_end(&n.qemu, ret == -ECONNRESET ? monotonic_ns() + 2 * SECOND_NS : 0);
	terminal_restore();
	close_streams(&n);
	if (plan->counters)
		*plan->counters = *reactor_counters(n.r);
	reactor_destroy(n.r, 2 * SECOND_NS);
out_qemu:
	qemu_end(&n.qemu, 0);
	if (ret < 0 && !why[0])
		nested_explain(&n.qemu, n.session.crash, n.start_s, ret, why, size);
	qemu_free(&n.qemu);
	close(n.port);
out:
	outputs_free(&n.outputs);
	while (n.n_locked)
		disk_lock_drop(&n.disk_lock[--n.n_locked]);
	if (n.lines_fd >= 0)
		close(n.lines_fd);
	if (ret < 0 && !why[0])
		snprintf(why, size, "nested host: %s", strerror(-ret));
	signal(SIGPIPE, sigpipe);
	return ret;
}

int nested_exit_code(int error)
{
	switch (error) {
	case -ENOMEM:
	case -ECONNRESET:
	case -E2BIG:
		return 70;
	default:
		return 69;
	}
}
