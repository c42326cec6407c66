/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/session/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "reactor/container.h"

#include "bench/session/internal.h"
#include "reactor/container.h"

#define SINK_HIGH (256u << 10)

void session_fail(struct session *s, int error)
{
	if (s->cfg.ended)
		s->cfg.ended(s->cfg.ctx, error);
}

int session_send(struct session *s, uint32_t type, const void *payload, size_t len)
{
	const struct transport *t = &s->cfg.transport;
	struct wire_header h;
	int rc;

	wire_header_init(&h, type, payload, len);
	rc = t->send(t->ctx, &h, sizeof(h));
	return rc < 0 || !len ? rc : t->send(t->ctx, payload, len);
}

/* --- guest to host ------------------------------------------------------ */

void session_regulate(struct session *s)
{
	bool full = sink_full(&s->out) || sink_full(&s->err) || (s->cfg.full && s->cfg.full(s->cfg.ctx)) ||
		    (s->cfg.outputs && outputs_full(s->cfg.outputs));

	if (full == s->held)
		return;
	s->held = full;
	s->cfg.transport.hold(s->cfg.transport.ctx, full);
}

static void out_drained(struct sink *k)
{
	session_regulate(container_of(k, struct session, out));
}

static void err_drained(struct sink *k)
{
	session_regulate(container_of(k, struct session, err));
}

static void outputs_drained(void *ctx)
{
	session_regulate(ctx);
}

void session_put(struct session *s, struct sink *k, const uint8_t *payload, size_t len)
{
	int rc = sink_put(k, payload, len);

	/* A closed pipe (-EPIPE of an earlier write) ends a command as it would on this machine. */
	if (rc < 0)
		session_fail(s, rc);
}

void session_say(struct session *s, const char *text, size_t len)
{
	session_put(s, &s->err, (const uint8_t *)text, len);
}

void session_feed(struct session *s, const void *data, size_t len)
{
	if (wire_parser_feed(&s->parser, data, len) < 0)
		session_fail(s, -ENOMEM);
	session_regulate(s);
}

/* --- host to guest ------------------------------------------------------ */

/* The port's backlog is what the guest's init has not read; what init has read waits there for the command. */
static bool input_full(const struct session *s)
{
	return s->cfg.transport.backlog(s->cfg.transport.ctx) > SESSION_BACKLOG_MAX ||
	       s->stdin_ahead >= WIRE_INPUT_WINDOW;
}

void session_input_go_on(struct session *s)
{
	if (s->in_open && s->in.paused && !input_full(s))
		source_pause(&s->in, false);
}

static void on_stdin(struct source *in, const uint8_t *data, int res)
{
	struct session *s = container_of(in, struct session, in);
	size_t len = res > 0 ? (size_t)res : 0;
	int rc;

	if (s->cfg.escape && len && memchr(data, s->cfg.escape, len)) {
		source_pause(in, true);
		session_fail(s, -ECANCELED);
		return;
	}
	/* To the command an end and an error are the same. */
	rc = session_send(s, WIRE_SINP, data, len);
	s->stdin_bytes += len;
	s->stdin_ahead += len;
	if (rc < 0)
		session_fail(s, rc);
	if (input_full(s))
		source_pause(in, true);
}

int session_open_stdin(struct session *s)
{
	int rc;

	if (s->cfg.stdin_fd < 0)
		return session_send(s, WIRE_SINP, NULL, 0);
	rc = source_open(s->r, &s->in, s->cfg.stdin_fd, WIRE_CHUNK_MAX, on_stdin);
	s->in_open = !rc;
	return rc;
}

void session_drained(struct session *s)
{
	session_input_go_on(s);
}

int session_snapshot_reply(struct session *s, uint32_t request_id, enum wire_snapshot_status status, const char *reason)
{
	struct wire_snapshot r = { .request_id = request_id, .kind_status = status };

	snprintf(r.text, sizeof(r.text), "%s", reason);
	return session_send(s, WIRE_SNRP, &r, sizeof(r));
}

int session_window(struct session *s, uint16_t rows, uint16_t columns)
{
	const uint16_t size[] = { rows, columns };

	return session_send(s, WIRE_WSIZ, size, sizeof(size));
}

int session_acknowledge(struct session *s)
{
	return session_send(s, WIRE_EACK, NULL, 0);
}

/* --- life --------------------------------------------------------------- */

bool session_one_output(int stdout_fd, int stderr_fd)
{
	struct stat out, err;

	return stdout_fd == stderr_fd || (!fstat(stdout_fd, &out) && !fstat(stderr_fd, &err) &&
					  out.st_dev == err.st_dev && out.st_ino == err.st_ino);
}

int session_open(struct session *s, struct reactor *r, const struct session_config *cfg)
{
	int rc;

	memset(s, 0, sizeof(*s));
	s->cfg = *cfg;
	s->r = r;
	s->one_output = session_one_output(cfg->stdout_fd, cfg->stderr_fd);
	wire_parser_init(&s->parser, session_dispatch, s);
	if (cfg->outputs)
		outputs_attach(cfg->outputs, r, outputs_drained, s);
	rc = sink_open(r, &s->out, cfg->stdout_fd, SINK_HIGH, out_drained);
	return rc ? rc : sink_open(r, &s->err, cfg->stderr_fd, SINK_HIGH, err_drained);
}

bool session_written(const struct session *s)
{
	return sink_idle(&s->out) && sink_idle(&s->err) && (!s->cfg.outputs || outputs_idle(s->cfg.outputs));
}

int session_output_error(const struct session *s)
{
	return s->out.error ? s->out.error : s->err.error;
}

int session_flush(struct session *s, uint64_t deadline_ns)
{
	int out = sink_flush(&s->out, deadline_ns), err = sink_flush(&s->err, deadline_ns);

	return out ? out : err;
}

void session_shut(struct session *s)
{
	source_shut(&s->in);
	sink_shut(&s->out);
	sink_shut(&s->err);
}

void session_close(struct session *s)
{
	session_shut(s);
	if (s->in_open)
		source_close(&s->in);
	s->in_open = false;
	if (s->err.r)
		sink_close(&s->err);
	if (s->out.r)
		sink_close(&s->out);
	wire_parser_free(&s->parser);
	json_decref(s->environment);
	s->environment = NULL;
}
