/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest-init/relay.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest-init/bytes.h"
#include "guest-init/clock.h"

/* The kernel sends up to 32 KiB of a write() to a port at once, so a frame of that size is one write, one descriptor
 * and one kick. */
#define CHUNK (32768 - WIRE_HEADER_SIZE)
/*
 * Stop reading the port above this many bytes that wait for the child; a host that heeds the window never gets there.
 */
#define INPUT_MAX (WIRE_INPUT_WINDOW + 4 * WIRE_CHUNK_MAX)
#define LINE_LIMIT (1u << 20)
#define QUIET_MS 500
#define LINGER_MAX_MS 5000 /* for descendants that never stop writing */
#define HOST_AWAY_MS 20
#define TERM_GRACE_MS 5000 /* between SIGTERM and SIGKILL */
#define TYPED_END_MS 1000  /* between two end-of-input characters typed into a terminal */

enum { OUT, ERR, METRICS, OUTPUTS };
enum { PORT = OUTPUTS, INPUT, ENDED, ASIDE, GUESTS, FILES, POLLED };

struct output {
	int fd; /* -1: at its end */
	enum wire_type type;
	size_t owed; /* bytes that were in the pipe when the child ended */
};

struct relay {
	struct bulk *bulk;
	struct hub *hub;
	struct output outputs[OUTPUTS];
	struct bytes input; /* from the host, not yet taken by the child */
	bool input_ended, tty;
	uint32_t taken;	      /* by the child, not yet reported to the host */
	int64_t typed_end_ms; /* of the next */
	int in;		      /* -1: closed, by either side */
	struct bytes line;
	bool line_too_long;
	pid_t child;
	bool child_ended;
	int status, ended_fd, error;
	int64_t ended_ms, busy_ms, port_away_until_ms, kill_ms; /* kill_ms 0: not asked to end */
	uint8_t frame[WIRE_HEADER_SIZE + CHUNK];
};

static void fail(struct relay *r, int err)
{
	if (!r->error)
		r->error = err;
}

static void close_input(struct relay *r)
{
	if (r->in >= 0)
		close(r->in);
	r->in = -1;
	bytes_take(&r->input, r->input.len);
}

/* Count bytes as taken by the child. A child that has closed its stdin loses the rest of its input. */
static size_t feed_child(struct relay *r, const uint8_t *data, size_t len)
{
	size_t done = 0;

	while (done < len && r->in >= 0) {
		ssize_t n = write(r->in, data + done, len - done);

		if (n >= 0) {
			done += (size_t)n;
			r->taken += (uint32_t)n;
		} else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			close_input(r);
	}
	return done;
}

static void input_arrived(void *ctx, const uint8_t *data, size_t len)
{
	struct relay *r = ctx;
	size_t done = 0;

	if (r->in < 0)
		return;
	if (!len) {
		r->input_ended = true;
		if (!r->input.len && !r->tty)
			close_input(r);
		return;
	}
	if (!r->input.len)
		done = feed_child(r, data, len);
	if (r->in >= 0 && done < len && bytes_put(&r->input, data + done, len - done))
		fail(r, -ENOMEM);
}

static void pump_input(struct relay *r)
{
	size_t done = feed_child(r, r->input.data + r->input.head, r->input.len);

	if (r->in < 0)
		return;
	bytes_take(&r->input, done);
	if (!r->input.len && r->input_ended && !r->tty)
		close_input(r);
}

/* Report in steps: a frame per key would double the traffic of a key. */
static void tell_taken(struct relay *r)
{
	uint32_t taken = r->taken;
	int ret;

	if (taken < WIRE_INPUT_STEP)
		return;
	r->taken = 0;
	ret = bulk_send(r->bulk, WIRE_STAK, &taken, sizeof(taken));
	if (ret)
		fail(r, ret);
}

static void type_end(struct relay *r)
{
	static const uint8_t end_of_transmission = 4;

	if (!r->tty || !r->input_ended || r->input.len || r->in < 0 || now_ms() < r->typed_end_ms)
		return;
	feed_child(r, &end_of_transmission, 1);
	r->typed_end_ms = now_ms() + TYPED_END_MS;
}

static void send_line(struct relay *r)
{
	int ret = 0;

	if (r->line_too_long)
		ret = bulk_complain(r->bulk, "ktstr: a metric line above %u bytes is dropped", LINE_LIMIT);
	else if (r->line.len)
		ret = bulk_send(r->bulk, WIRE_JMET, r->line.data + r->line.head, r->line.len);
	bytes_take(&r->line, r->line.len);
	r->line_too_long = false;
	if (ret)
		fail(r, ret);
}

static void take_lines(struct relay *r, const uint8_t *data, size_t len)
{
	while (len) {
		const uint8_t *end = memchr(data, '\n', len);
		size_t part = end ? (size_t)(end - data) : len;

		r->line_too_long |= r->line.len + part > LINE_LIMIT;
		if (!r->line_too_long && bytes_put(&r->line, data, part))
			fail(r, -ENOMEM);
		if (end)
			send_line(r);
		part += !!end;
		data += part;
		len -= part;
	}
}

static void pump_output(struct relay *r, struct output *o)
{
	ssize_t n = read(o->fd, r->frame + WIRE_HEADER_SIZE, CHUNK);
	int ret = 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close(o->fd);
		o->fd = -1;
		o->owed = 0;
		if (o->type == WIRE_JMET)
			send_line(r);
		return;
	}
	o->owed -= (size_t)n < o->owed ? (size_t)n : o->owed;
	if (o->type == WIRE_JMET)
		take_lines(r, r->frame + WIRE_HEADER_SIZE, (size_t)n);
	else
		ret = bulk_send_frame(r->bulk, o->type, r->frame, (size_t)n);
	if (ret)
		fail(r, ret);
	/* Read the clock after the send, which may have waited for the host. */
	r->busy_ms = now_ms();
}

static void pump_port(struct relay *r)
{
	int ret = bulk_receive(r->bulk);

	if (ret == -EPIPE)
		r->port_away_until_ms = now_ms() + HOST_AWAY_MS;
	else if (ret < 0)
		fail(r, ret);
}

static void child_ended(struct relay *r, int status)
{
	r->child_ended = true;
	r->status = status;
	r->ended_ms = r->busy_ms = now_ms();
	for (int i = 0; i < OUTPUTS; i++) {
		int there = 0;

		if (r->outputs[i].fd >= 0 && !ioctl(r->outputs[i].fd, FIONREAD, &there))
			r->outputs[i].owed = (size_t)there;
	}
	close_input(r);
}

static void reap_children(struct relay *r)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	/* One SIGCHLD may stand for several children. */
	while (read(r->ended_fd, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == r->child)
			child_ended(r, status);
}

static bool finished(const struct relay *r)
{
	bool open = false, owed = false;
	int64_t now = now_ms();

	if (!r->child_ended)
		return false;
	for (int i = 0; i < OUTPUTS; i++) {
		open |= r->outputs[i].fd >= 0;
		owed |= r->outputs[i].owed > 0;
	}
	return !open || (!owed && (now - r->busy_ms >= QUIET_MS || now - r->ended_ms >= LINGER_MAX_MS));
}

/* Handle what the last turn, or a wait for the port, has changed. */
static void settle(struct relay *r)
{
	int ret = r->hub ? hub_settle(r->hub) : 0;

	if (ret)
		fail(r, ret);
	if (!r->hub || !r->hub->wake.shutdown || r->child_ended)
		return;
	if (!r->kill_ms) {
		kill(-r->child, SIGTERM);
		r->kill_ms = now_ms() + TERM_GRACE_MS;
	} else if (now_ms() >= r->kill_ms) {
		kill(-r->child, SIGKILL);
	}
}

/*
 * Send first what a program printed before its frame: everything that is in the pipes now that the frame has arrived.
 */
static void guest_spoke(void *ctx)
{
	struct relay *r = ctx;

	for (int i = 0; i < OUTPUTS; i++) {
		int there = 0;

		if (r->outputs[i].fd >= 0 && !ioctl(r->outputs[i].fd, FIONREAD, &there))
			for (; there > 0 && r->outputs[i].fd >= 0; there -= (int)CHUNK)
				pump_output(r, &r->outputs[i]);
	}
}

static void serve_guests(struct relay *r)
{
	if (guests_serve(&r->hub->guests))
		fail(r, r->hub->guests.error);
}

static int patience_ms(const struct relay *r, bool away)
{
	if (r->child_ended)
		return QUIET_MS / 10;
	if (away)
		return HOST_AWAY_MS;
	if (r->tty && r->input_ended)
		return TYPED_END_MS / 2;
	return r->kill_ms ? QUIET_MS : -1;
}

static void relay_turn(struct relay *r)
{
	struct pollfd p[POLLED] = {
		[INPUT] = { .fd = r->in, .events = r->input.len ? POLLOUT : 0 },
		[ENDED] = { .fd = r->ended_fd, .events = POLLIN },
		[ASIDE] = { .fd = r->hub ? r->hub->aside : -1, .events = POLLIN },
		[GUESTS] = { .fd = r->hub ? r->hub->guests.epoll : -1, .events = POLLIN },
		[FILES] = { .fd = r->hub ? r->hub->output_dirs.fd : -1, .events = POLLIN },
	};
	bool away = r->port_away_until_ms > now_ms();

	for (int i = 0; i < OUTPUTS; i++)
		p[i] = (struct pollfd){ .fd = r->outputs[i].fd, .events = POLLIN };
	/* poll() reports a hang-up even with events 0, so leave the descriptor out. */
	p[PORT].fd = away || r->child_ended || r->input.len >= INPUT_MAX ? -1 : r->bulk->fd;
	p[PORT].events = POLLIN;
	if (poll(p, POLLED, patience_ms(r, away)) < 0) {
		if (errno != EINTR)
			fail(r, -errno);
		return;
	}
	/* Poll before the end of the child is handled, so that the pipes are measured after it. */
	for (int i = 0; i < OUTPUTS; i++)
		if (p[i].revents)
			pump_output(r, &r->outputs[i]);
	if (p[ASIDE].revents)
		watch_serve(r->hub->aside);
	if (p[GUESTS].revents)
		serve_guests(r);
	if (p[FILES].revents && output_dirs_serve(&r->hub->output_dirs))
		fail(r, r->hub->output_dirs.error);
	if (p[PORT].revents)
		pump_port(r);
	if (r->in >= 0 && p[INPUT].revents & POLLERR)
		close_input(r);
	else if (r->in >= 0 && r->input.len)
		pump_input(r);
	if (p[ENDED].revents)
		reap_children(r);
}

int relay_run(struct bulk *bulk, struct hub *hub, const struct relay_ends *ends, pid_t child, int *status)
{
	struct relay *r = calloc(1, sizeof(*r));
	int ret;

	if (!r)
		return -ENOMEM;
	r->bulk = bulk;
	r->hub = hub;
	r->outputs[OUT] = (struct output){ .fd = ends->out, .type = WIRE_SOUT };
	r->outputs[ERR] = (struct output){ .fd = ends->err, .type = WIRE_SERR };
	r->outputs[METRICS] = (struct output){ .fd = ends->metrics, .type = WIRE_JMET };
	r->in = ends->in;
	r->tty = ends->tty;
	r->ended_fd = ends->ended;
	r->child = child;
	bulk->input = input_arrived;
	bulk->input_ctx = r;
	if (hub) {
		hub->guests.came = guest_spoke;
		hub->guests.came_ctx = r;
	}
	while (!r->error && !finished(r)) {
		settle(r);
		type_end(r);
		relay_turn(r);
		tell_taken(r);
	}
	/* Report the last bytes taken. */
	settle(r);
	bulk->input = NULL;
	if (hub)
		hub->guests.came = NULL;
	if (!r->error)
		send_line(r);
	close_input(r);
	for (int i = 0; i < OUTPUTS; i++)
		if (r->outputs[i].fd >= 0)
			close(r->outputs[i].fd);
	close(r->ended_fd);
	*status = r->status;
	ret = r->error;
	bytes_free(&r->input);
	bytes_free(&r->line);
	free(r);
	return ret;
}
