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

static void on_metric(void *ctx, const char *line, size_t len)
{
	struct machine *m = ctx;
	json_t *object, *scheduler;

	if (m->o->scheduler) {
		object = json_loadb(line, len, 0, NULL);
		scheduler = json_incref(json_object_get(object, "sched_ext"));
		json_decref(object);
		if (scheduler) {
			json_decref(m->talk.scheduler);
			m->talk.scheduler = scheduler;
			return;
		}
	}
	if (m->job.metric)
		m->job.metric(m->job.metric_ctx, line, len);
}

static void on_scheduler_log(struct machine *m, const uint8_t *payload, size_t len)
{
	size_t text_len;
	char *text = scheduler_output_put(&m->talk.scheduler_output, payload, len, &text_len);

	if (text)
		session_say(&m->talk.session, text, text_len);
	free(text);
}

/* The user's terminal is the guest's from the command's start on; before, ^C is ours still. */
static void on_frame(void *ctx, uint32_t type, const uint8_t *payload, size_t len, bool crc_ok)
{
	struct machine *m = ctx;

	conversation_frame(&m->talk.conversation, type, payload, len, crc_ok);
	if (type == WIRE_SCLG && crc_ok)
		on_scheduler_log(m, payload, len);
	if (type == WIRE_JTOP && crc_ok && !m->talk.topology_check && len <= SESSION_FACTS_MAX)
		m->talk.topology_check = json_loadb((const char *)payload, len, 0, NULL);
	if (m->job.terminal && m->job.shell && crc_ok && type == WIRE_LIFE && len && payload[0] == WIRE_LIFE_PAYLOAD)
		m->job.terminal(m->job.terminal_ctx);
}

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
		.metric = on_metric,
		.frame = on_frame,
		.full = files_are_full,
		.escape = m->job.escape,
		.ended = machine_on_session_end,
		.ctx = m,
	};
	int rc = open_scheduler_output(m);

	if (rc)
		return rc;
	rc = outputs_init(&m->talk.outputs, m->o->outputs.word);
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
