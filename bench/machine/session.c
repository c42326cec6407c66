/* SPDX-License-Identifier: GPL-2.0-only */
/* The session with a guest whose init is ours, over the console's bulk port. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/base/say.h"
#include "bench/machine/scheduler.h"
#include "bench/machine/state.h"

static void on_bulk(void *ctx, unsigned port, const uint8_t *data, size_t len)
{
	struct machine *m = ctx;

	session_feed(&m->talk.session, data, len);
}

/* What somebody in the guest writes to hvc0 is one more log. */
static void on_hvc0_aside(void *ctx, unsigned port, const uint8_t *data, size_t len)
{
	struct machine *m = ctx;

	if (m->o->console)
		machine_show(m, &m->screen.echo, data, len);
}

static int bulk_send(void *ctx, const void *data, size_t len)
{
	return console_send(ctx, CONSOLE_PORT_BULK, data, len);
}

static size_t bulk_backlog(void *ctx)
{
	return console_backlog(ctx, CONSOLE_PORT_BULK);
}

static void bulk_hold(void *ctx, bool hold)
{
	console_hold(ctx, CONSOLE_PORT_BULK, hold);
}

static void on_backlog(void *ctx, unsigned port)
{
	session_drained(ctx);
}

/* --- frames --------------------------------------------------------------- */

/* Whether the line marks an edge of a window. */
static bool take_window(struct machine *m, json_t *line)
{
	const char *edge = json_string_value(json_object_get(line, "ktstr_window"));
	const char *workload = json_string_value(json_object_get(line, "workload"));
	struct machine_window w = { .workload = workload ? workload : "", .host_ns = monotonic_ns() };

	if (!edge)
		return false;
	w.end = !strcmp(edge, "end");
	w.index = (unsigned)json_integer_value(json_object_get(line, "index"));
	w.guest_ns = (uint64_t)json_integer_value(json_object_get(line, "ns"));
	/* Before the guest is answered, and goes on. */
	if (w.end)
		machine_noise_end(m, w.workload, w.index);
	else
		machine_noise_begin(m);
	if (m->job.window)
		m->job.window(m->job.window_ctx, &w);
	return true;
}

/* An edge of a window, what bpf/loader.c reports of the scheduler, or a result of the command's. */
static void take_metric(void *ctx, struct frame *f)
{
	struct machine *m = ctx;
	json_t *scheduler = m->o->scheduler ? json_object_get(frame_json(f), "sched_ext") : NULL;

	if (take_window(m, frame_json(f)))
		return;
	if (!scheduler) {
		if (m->job.metric)
			m->job.metric(m->job.metric_ctx, frame_json(f));
		return;
	}
	json_decref(m->talk.scheduler);
	m->talk.scheduler = json_incref(scheduler);
}

static void take_scheduler_log(void *ctx, struct frame *f)
{
	struct machine *m = ctx;
	size_t len;
	char *text = scheduler_output_put(&m->talk.scheduler_output, f->payload, f->len, &len);

	if (text)
		session_say(&m->talk.session, text, len);
	free(text);
}

static void take_topology(void *ctx, struct frame *f)
{
	struct machine *m = ctx;

	if (!m->talk.topology_check && f->len <= SESSION_FACTS_MAX)
		m->talk.topology_check = json_incref(frame_json(f));
}

/* The user's terminal is the guest's from the command's start on; before, ^C is still for ktstr. */
static void take_life(void *ctx, struct frame *f)
{
	struct machine *m = ctx;

	if (f->payload[0] != WIRE_LIFE_PAYLOAD)
		return;
	conversation_command(&m->talk.conversation);
	machine_noise_begin(m);
	if (m->job.terminal && m->job.shell)
		m->job.terminal(m->job.terminal_ctx);
}

static void take_wake(void *ctx, struct frame *f)
{
	conversation_effect(&((struct machine *)ctx)->talk.conversation, f->payload, f->len);
}

static void take_dmesg(void *ctx, struct frame *f)
{
	conversation_dmesg(&((struct machine *)ctx)->talk.conversation, f->payload, f->len);
}

static const struct session_taker takers[] = {
	{ WIRE_JMET, take_metric },
	{ WIRE_SCLG, take_scheduler_log },
	{ WIRE_JTOP, take_topology },
	{ WIRE_LIFE, take_life },
	{ WIRE_WAKE, take_wake },
	{ WIRE_DMSG, take_dmesg },
	{ 0 },
};

/* --- life ----------------------------------------------------------------- */

static bool files_are_full(void *ctx)
{
	const struct machine *m = ctx;

	return events_full(&m->talk.conversation.events) || scheduler_output_full(&m->talk.scheduler_output);
}

static void on_file_drained(void *ctx)
{
	session_regulate(ctx);
}

static int open_scheduler_output(struct machine *m)
{
	char name[PATH_MAX];
	int rc;

	if (!m->o->scheduler)
		return 0;
	rc = scheduler_output_open(&m->talk.scheduler_output, m->r, machine_scheduler_name(m->o, name),
				   m->o->scheduler_log, on_file_drained, &m->talk.session);
	if (rc && m->o->scheduler_log)
		say_error("--scheduler-log %s: %s", m->o->scheduler_log,
			  rc == -ENXIO ? "nobody reads this fifo; start its reader first" : strerror(-rc));
	return rc;
}

int machine_session_open(struct machine *m)
{
	const struct session_config cfg = {
		.transport = { bulk_send, bulk_backlog, bulk_hold, m->console },
		.stdin_fd = m->job.stdio.in,
		.stdout_fd = m->job.stdio.out,
		.stderr_fd = m->job.stdio.err,
		.outputs = &m->talk.outputs,
		.events = &m->talk.conversation.events,
		.takers = takers,
		.full = files_are_full,
		.escape = m->job.escape,
		.ended = machine_on_session_end,
		.ctx = m,
	};
	int rc = open_scheduler_output(m);

	if (rc)
		return rc;
	rc = outputs_init(&m->talk.outputs, m->o->outputs.word);
	if (rc && *m->talk.outputs.why)
		say_error("--output: %s", m->talk.outputs.why);
	m->talk.session_open = true;
	if (!rc)
		rc = session_open(&m->talk.session, m->r, &cfg);
	if (rc)
		return rc;
	console_consume(m->console, CONSOLE_PORT_BULK, on_bulk, m);
	console_consume(m->console, CONSOLE_PORT_CONSOLE, on_hvc0_aside, m);
	events_on_drained(&m->talk.conversation.events, on_file_drained, &m->talk.session);
	console_on_backlog(m->console, CONSOLE_PORT_BULK, SESSION_BACKLOG_LOW, on_backlog, &m->talk.session);
	return 0;
}
