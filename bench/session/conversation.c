/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/session/conversation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/base/size.h"
#include "reactor/container.h"
#include "virtio/wire.h"

#define STATS_TIMEOUT_NS 5000000000ull

/* --- wake bytes --------------------------------------------------------- */

int conversation_wake(struct conversation *c, uint8_t byte)
{
	json_t *e = event_new("wake_sent");
	int rc = console_send(c->console, CONSOLE_PORT_CONSOLE, &byte, 1);

	json_object_set_new(e, "wake", json_string(wake_name(byte)));
	json_object_set_new(e, "byte", json_integer(byte));
	events_put(&c->events, e);
	return rc;
}

/* Send those whose time has come; the timer for the next one. */
static void on_wake_time(struct timer *t)
{
	struct conversation *c = container_of(t, struct conversation, wake_timer);
	uint64_t now = monotonic_ns(), next = UINT64_MAX;

	for (unsigned i = 0; i < c->o->n_wakes; i++) {
		uint64_t at = c->command_ns + c->o->wakes[i].at_ns;

		if (c->wakes_done & 1u << i)
			continue;
		if (at > now) {
			next = at < next ? at : next;
			continue;
		}
		c->wakes_done |= 1u << i;
		conversation_wake(c, wake_bytes[c->o->wakes[i].kind]);
	}
	if (next != UINT64_MAX)
		timer_set(t, next);
}

#define EFFECT_MAX 1024 /* of its text that is kept */

void conversation_effect(struct conversation *c, const uint8_t *payload, size_t len)
{
	if (!len || json_array_size(c->effects) >= 4 * CONVERSATION_WAKES_MAX)
		return;
	len = len > EFFECT_MAX ? EFFECT_MAX : len;
	json_array_append_new(c->effects, json_pack("{ss so}", "wake", wake_name(payload[0]), "effect",
						    event_text(payload + 1, len - 1)));
}

/* --- statistics --------------------------------------------------------- */

static void on_stats_time(struct timer *t);

static void on_stats(void *ctx, const struct scx_stats_result *result)
{
	struct conversation *c = ctx;
	json_t *e = event_new("scx_stats");

	json_object_set_new(e, "took_ns", json_integer((json_int_t)result->took_ns));
	if (result->error)
		json_object_set_new(e, "error", json_string(scx_stats_error_name(result->error)));
	if (result->error == SCX_STATS_SCHEDULER_ERROR)
		json_object_set_new(e, "errno", json_integer(result->scheduler_errno));
	if (result->resp)
		json_object_set(e, "resp", (json_t *)result->resp);
	events_put(&c->events, e);
	if (!c->ending)
		timer_set(&c->stats_timer, monotonic_ns() + c->o->scx_stats_ns);
}

static void on_stats_time(struct timer *t)
{
	struct conversation *c = container_of(t, struct conversation, stats_timer);

	/* While nobody reads the events, answers would only pile up. */
	if (events_full(&c->events)) {
		timer_set(t, monotonic_ns() + c->o->scx_stats_ns);
		return;
	}
	scx_stats_request(&c->scx_stats, "stats", NULL, STATS_TIMEOUT_NS, on_stats, c);
}

static void on_stats_bytes(void *ctx, unsigned port, const uint8_t *data, size_t len)
{
	scx_stats_feed(ctx, data, len);
}

static int stats_send(void *transport, const void *data, size_t len)
{
	return console_send(transport, CONSOLE_PORT_STATS, data, len);
}

/* --- what comes --------------------------------------------------------- */

void conversation_command(struct conversation *c)
{
	if (c->command_ns)
		return;
	c->command_ns = monotonic_ns();
	if (c->o->n_wakes)
		timer_set(&c->wake_timer, c->command_ns);
	if (c->o->scx_stats_ns)
		timer_set(&c->stats_timer, c->command_ns);
}

static void append(char **text, size_t *len, size_t max, const void *data, size_t n)
{
	char *grown;

	if (n > max - *len)
		n = max - *len;
	grown = n ? realloc(*text, *len + n) : NULL;
	if (!grown)
		return;
	memcpy(grown + *len, data, n);
	*text = grown;
	*len += n;
}

void conversation_dmesg(struct conversation *c, const uint8_t *text, size_t len)
{
	append(&c->dmesg, &c->dmesg_len, CONVERSATION_DMESG_MAX, text, len);
}

void conversation_crash_text(struct conversation *c, const uint8_t *data, size_t len)
{
	char *end;

	append(&c->crash, &c->crash_len, CONVERSATION_CRASH_MAX, data, len);
	while (c->crash_sent < c->crash_len &&
	       (end = memchr(c->crash + c->crash_sent, '\n', c->crash_len - c->crash_sent))) {
		const char *line = c->crash + c->crash_sent;
		size_t n = (size_t)(end - line);
		json_t *e = event_new("crash_text");

		json_object_set_new(e, "text", event_text(line, n && line[n - 1] == '\r' ? n - 1 : n));
		events_put(&c->events, e);
		c->crash_sent += n + 1;
	}
}

/* --- life --------------------------------------------------------------- */

int conversation_open(struct conversation *c, struct reactor *r, struct console *console,
		      const struct conversation_options *o)
{
	int rc;

	*c = (struct conversation){ .o = o, .console = console, .open = true };
	events_init(&c->events);
	c->effects = json_array();
	rc = timer_open(r, &c->wake_timer, on_wake_time);
	if (!rc)
		rc = timer_open(r, &c->stats_timer, on_stats_time);
	if (!rc)
		rc = scx_stats_open(&c->scx_stats, r, stats_send, console);
	if (!rc)
		console_consume(console, CONSOLE_PORT_STATS, on_stats_bytes, &c->scx_stats);
	return rc;
}

int conversation_open_events(struct conversation *c, struct reactor *r)
{
	return c->o->events ? events_open(&c->events, r, c->o->events) : 0;
}

void conversation_stop(struct conversation *c)
{
	if (!c->open)
		return;
	c->ending = true;
	timer_clear(&c->wake_timer);
	timer_clear(&c->stats_timer);
	scx_stats_cancel(&c->scx_stats);
}

static json_t *text_or_null(const char *text, size_t len)
{
	return len ? event_text(text, len) : json_null();
}

void conversation_report(struct conversation *c, json_t *end)
{
	json_t *e;

	json_object_set_new(end, "crash", text_or_null(c->crash, c->crash_len));
	json_object_set_new(end, "dmesg", text_or_null(c->dmesg, c->dmesg_len));
	json_object_set_new(end, "wakes", c->effects ? json_incref(c->effects) : json_array());
	if (!c->open)
		return;
	e = event_new("end");
	json_object_update(e, end);
	/* The log was an event of its own. */
	json_object_del(e, "dmesg");
	events_put(&c->events, e);
}

void conversation_shut(struct conversation *c)
{
	if (!c->open)
		return;
	conversation_stop(c);
	scx_stats_close(&c->scx_stats);
	if (c->stats_timer.r)
		timer_close(&c->stats_timer);
	if (c->wake_timer.r)
		timer_close(&c->wake_timer);
	events_shut(&c->events);
}

void conversation_close(struct conversation *c)
{
	if (!c->open)
		return;
	conversation_shut(c);
	events_close(&c->events);
	json_decref(c->effects);
	free(c->dmesg);
	free(c->crash);
	c->effects = NULL;
	c->dmesg = c->crash = NULL;
	c->open = false;
}
