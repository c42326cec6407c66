/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/session/dispatch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/session/events.h"
#include "bench/session/internal.h"
#include "virtio/wire.h"

static void take_stdout(struct session *s, struct frame *f)
{
	s->stdout_bytes += f->len;
	session_put(s, &s->out, f->payload, f->len);
}

static void take_stderr(struct session *s, struct frame *f)
{
	s->stderr_bytes += f->len;
	session_put(s, s->one_output ? &s->out : &s->err, f->payload, f->len);
}

static void take_output(struct session *s, struct frame *f)
{
	if (s->cfg.outputs)
		outputs_frame(s->cfg.outputs, f->type, f->payload, f->len);
	else
		s->dropped++;
}

static void take_ready(struct session *s, struct frame *f)
{
	(void)f;
	if (!s->ready_ns)
		s->ready_ns = monotonic_ns();
}

static void take_life(struct session *s, struct frame *f)
{
	int rc;

	if (f->payload[0] != WIRE_LIFE_PAYLOAD || s->payload_ns)
		return;
	s->payload_ns = monotonic_ns();
	rc = session_open_stdin(s);
	if (rc < 0)
		session_fail(s, rc);
}

static void take_environment(struct session *s, struct frame *f)
{
	if (!s->environment && f->len <= SESSION_FACTS_MAX && json_is_object(frame_json(f)))
		s->environment = json_incref(frame_json(f));
}

static void take_crash(struct session *s, struct frame *f)
{
	snprintf(s->crash, sizeof(s->crash), "%.*s", (int)(f->len < 500 ? f->len : 500), (const char *)f->payload);
}

static void take_exit(struct session *s, struct frame *f)
{
	int32_t code;

	/* Once the scheduler has ended, that is how the run ends. */
	if (s->exited || s->sched_exited)
		return;
	memcpy(&code, f->payload, sizeof(code));
	s->exited = true;
	s->exit_code = code & 0xff;
	if (s->cfg.ended)
		s->cfg.ended(s->cfg.ctx, s->exit_code);
}

static void take_scheduler_exit(struct session *s, struct frame *f)
{
	int32_t code;

	if (s->sched_exited || s->exited)
		return;
	memcpy(&code, f->payload, sizeof(code));
	s->sched_exited = true;
	s->sched_code = code;
	session_fail(s, -EOWNERDEAD);
}

/* The command took input. */
static void take_taken(struct session *s, struct frame *f)
{
	uint32_t taken;

	memcpy(&taken, f->payload, sizeof(taken));
	s->stdin_ahead -= taken < s->stdin_ahead ? taken : s->stdin_ahead;
	if (s->stdin_ahead <= WIRE_INPUT_WINDOW / 2)
		session_input_go_on(s);
}

/* A request without an id cannot be answered: it is only counted. */
static void take_snapshot(struct session *s, struct frame *f)
{
	struct wire_snapshot r;
	const char *why = NULL;

	memcpy(&r, f->payload, sizeof(r));
	if (!r.request_id) {
		s->bad_requests++;
		return;
	}
	if (r.kind_status != WIRE_SNAPSHOT_CAPTURE && r.kind_status != WIRE_SNAPSHOT_WATCH)
		why = "neither capture nor watch";
	else if (!s->cfg.snapshot)
		why = "nobody takes snapshots in this run";
	s->bad_requests += !!why;
	/* A guest that asks on and on and reads no answer gets none: they would pile up here. */
	if (s->cfg.transport.backlog(s->cfg.transport.ctx) > SESSION_ANSWERS_MAX)
		s->unanswered++;
	else if (!why)
		s->cfg.snapshot(s->cfg.ctx, &r);
	else if (session_snapshot_reply(s, r.request_id, WIRE_SNAPSHOT_ERR, why) < 0)
		session_fail(s, -ENOMEM);
}

/* The frequent ones first. What a session's user takes besides is in its session_config. */
static const struct frame_type types[] = {
	{ WIRE_SOUT, NULL, FRAME_OPAQUE, take_stdout },
	{ WIRE_SERR, NULL, FRAME_OPAQUE, take_stderr },
	{ WIRE_FOUT, NULL, FRAME_OPAQUE, take_output },
	{ WIRE_FEND, NULL, FRAME_OPAQUE, take_output },
	{ WIRE_FDEL, NULL, FRAME_OPAQUE, take_output },
	{ WIRE_STAK, NULL, FRAME_CODE, take_taken },
	{ WIRE_JMET, "metric", FRAME_JSON, NULL },
	{ WIRE_SRDY, "system_ready", FRAME_EMPTY, take_ready },
	{ WIRE_LIFE, "life", FRAME_LIFE, take_life },
	{ WIRE_JENV, "environment", FRAME_JSON, take_environment },
	{ WIRE_JTOP, "topology_check", FRAME_JSON, NULL },
	{ WIRE_STIM, "stimulus", FRAME_STIMULUS, NULL },
	{ WIRE_SCST, "scenario_start", FRAME_ELAPSED, NULL },
	{ WIRE_SCEN, "scenario_end", FRAME_ELAPSED, NULL },
	{ WIRE_SCPP, "scenario_pause", FRAME_EMPTY, NULL },
	{ WIRE_SCRR, "scenario_resume", FRAME_EMPTY, NULL },
	{ WIRE_RAWO, "raw_output", FRAME_TEXT, NULL },
	{ WIRE_SCLG, "scheduler_log", FRAME_TEXT, NULL },
	{ WIRE_SCDX, "scheduler_exit", FRAME_CODE, take_scheduler_exit },
	{ WIRE_PROB, "probe", FRAME_TEXT, NULL },
	{ WIRE_DMSG, "dmesg", FRAME_TEXT, NULL },
	{ WIRE_CRSH, "crash", FRAME_TEXT, take_crash },
	{ WIRE_WAKE, "wake_effect", FRAME_WAKE, NULL },
	{ WIRE_EXIT, "exit", FRAME_CODE, take_exit },
	{ WIRE_EXCX, "exec_exit", FRAME_CODE, NULL },
	{ WIRE_SNRQ, "snapshot_request", FRAME_SNAPSHOT, take_snapshot },
	{ WIRE_PRAW, "profile", FRAME_OPAQUE, NULL },
	{ WIRE_TEST, "test_result", FRAME_OPAQUE, NULL },
	{ WIRE_PMET, "payload_metrics", FRAME_OPAQUE, NULL },
	{ WIRE_KADR, "kernel_addresses", FRAME_OPAQUE, NULL },
	{ WIRE_KORQ, "kernel_op_request", FRAME_OPAQUE, NULL },
	{ WIRE_WPRF, "wprof", FRAME_OPAQUE, NULL },
};

const struct frame_type *frame_type_of(uint32_t type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (types[i].type == type)
			return &types[i];
	return NULL;
}

/* The event, if somebody reads events. True: there is one. */
static bool put_event(struct session *s, struct frame *f)
{
	json_t *event = s->cfg.events && events_wanted(s->cfg.events) ? frame_event(f) : NULL;

	if (event)
		events_put(s->cfg.events, event);
	return event;
}

/* The user's part, then the session's own. True: somebody took it. */
static bool hand_over(struct session *s, struct frame *f)
{
	bool taken = false;

	for (const struct session_taker *t = s->cfg.takers; t && t->type; t++) {
		if (t->type != f->type)
			continue;
		t->take(s->cfg.ctx, f);
		taken = true;
	}
	if (!f->kind->take)
		return taken;
	f->kind->take(s, f);
	return true;
}

void session_dispatch(void *session, uint32_t type, const uint8_t *payload, size_t len, bool crc_ok)
{
	struct session *s = session;
	struct frame f = {
		.kind = frame_type_of(type), .type = type, .payload = payload, .len = len, .crc_ok = crc_ok
	};
	bool told = put_event(s, &f);

	if (!crc_ok) {
		s->bad_crc++;
	} else if (!f.kind) {
		s->dropped++;
	} else if (!frame_well_formed(&f)) {
		s->malformed++;
		s->bad_requests += type == WIRE_SNRQ;
	} else if (!hand_over(s, &f) && !told) {
		s->dropped++;
	}
	frame_drop(&f);
}
