/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/session/scx_stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reactor/container.h"

const char *scx_stats_error_name(enum scx_stats_error error)
{
	static const char *const names[] = {
		[SCX_STATS_OK] = "OK",
		[SCX_STATS_POISONED] = "Poisoned",
		[SCX_STATS_REQUEST_TOO_LARGE] = "RequestTooLarge",
		[SCX_STATS_RESPONSE_TOO_LARGE] = "ResponseTooLarge",
		[SCX_STATS_DURING_FREEZE] = "DuringFreeze",
		[SCX_STATS_CANCELLED] = "Cancelled",
		[SCX_STATS_NO_SCHEDULER] = "NoScheduler",
		[SCX_STATS_SCHEDULER_ERROR] = "SchedulerError",
		[SCX_STATS_MISSING_RESP] = "MissingResp",
		[SCX_STATS_TIMEOUT] = "Timeout",
		[SCX_STATS_BUSY] = "Busy",
	};

	return names[error];
}

/* From here on the user may ask anew, also in @done. */
static void finish(struct scx_stats *s, struct scx_stats_result result)
{
	void (*done)(void *ctx, const struct scx_stats_result *) = s->done;

	result.took_ns = monotonic_ns() - s->begun_ns;
	/* Of an answer that comes too late. */
	s->discarded_bytes += s->len;
	s->busy = false;
	s->done = NULL;
	timer_clear(&s->deadline);
	done(s->ctx, &result);
}

static void on_deadline(struct timer *t)
{
	struct scx_stats *s = container_of(t, struct scx_stats, deadline);

	if (s->busy)
		finish(s, (struct scx_stats_result){ .error = SCX_STATS_TIMEOUT });
}

int scx_stats_open(struct scx_stats *s, struct reactor *r, int (*send)(void *transport, const void *data, size_t len),
		   void *transport)
{
	*s = (struct scx_stats){ .r = r, .send = send, .transport = transport };
	s->line = malloc(SCX_STATS_CAP);
	if (!s->line)
		return -ENOMEM;
	return timer_open(r, &s->deadline, on_deadline);
}

/* What a line that came says. */
static struct scx_stats_result judge(const json_t *line)
{
	const json_t *relay = json_object_get(line, "ktstr_relay_error"), *error = json_object_get(line, "errno");
	struct scx_stats_result r = { .resp = json_object_get(json_object_get(line, "args"), "resp") };

	if (!json_is_object(line))
		r.error = SCX_STATS_POISONED;
	else if (json_is_string(relay))
		r.error = !strcmp(json_string_value(relay), "response cap overflow") ? SCX_STATS_RESPONSE_TOO_LARGE
										     : SCX_STATS_NO_SCHEDULER;
	else if (json_is_integer(error) && json_integer_value(error)) {
		r.error = SCX_STATS_SCHEDULER_ERROR;
		r.scheduler_errno = (int)json_integer_value(error);
	} else if (!r.resp)
		r.error = SCX_STATS_MISSING_RESP;
	return r;
}

static void line_arrived(struct scx_stats *s)
{
	struct scx_stats_result result = { .error = SCX_STATS_RESPONSE_TOO_LARGE };
	json_t *line = NULL;

	if (s->busy && !s->too_long) {
		line = json_loadb(s->line, s->len, 0, NULL);
		result = judge(line);
	}
	/* Before the user hears of it, who may ask anew. */
	s->len = 0;
	s->too_long = false;
	s->owed = false;
	if (s->busy) {
		s->responses++;
		finish(s, result);
	}
	json_decref(line);
}

void scx_stats_feed(struct scx_stats *s, const void *data, size_t len)
{
	const char *in = data;

	while (len) {
		const char *end = memchr(in, '\n', len);
		size_t part = end ? (size_t)(end - in) : len;

		/* Nobody waits: that of a request that was given up, or nobody's. */
		if (!s->busy)
			s->discarded_bytes += part + !!end;
		s->too_long |= part > SCX_STATS_CAP - s->len;
		if (!s->too_long)
			memcpy(s->line + s->len, in, part);
		s->len += s->too_long ? 0 : part;
		if (end) {
			line_arrived(s);
			part++;
		}
		in += part;
		len -= part;
	}
}

static char *request_line(const char *req, const json_t *args, size_t *len)
{
	json_t *request = args ? json_pack("{sssO}", "req", req, "args", (json_t *)args)
			       : json_pack("{sss{}}", "req", req, "args");
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;

	json_decref(request);
	*len = text ? strlen(text) : 0;
	return text;
}

static enum scx_stats_error begin(struct scx_stats *s, const char *req, const json_t *args)
{
	enum scx_stats_error error = SCX_STATS_OK;
	size_t len;
	char *text;

	if (s->frozen)
		return SCX_STATS_DURING_FREEZE;
	if (s->owed)
		return SCX_STATS_POISONED;
	text = request_line(req, args, &len);
	if (!text || len > SCX_STATS_CAP)
		error = SCX_STATS_REQUEST_TOO_LARGE;
	if (!error) {
		/* The part of a line that nobody asked for. */
		s->len = 0;
		s->too_long = false;
		/* In the place of the NUL, so that it goes in one piece. */
		text[len] = '\n';
		if (s->send(s->transport, text, len + 1) < 0)
			error = SCX_STATS_CANCELLED;
	}
	free(text);
	return error;
}

void scx_stats_request(struct scx_stats *s, const char *req, const json_t *args, uint64_t timeout_ns,
		       void (*done)(void *ctx, const struct scx_stats_result *result), void *ctx)
{
	struct scx_stats_result refused = { .error = s->busy ? SCX_STATS_BUSY : begin(s, req, args) };

	if (refused.error) {
		done(ctx, &refused);
		return;
	}
	s->busy = s->owed = true;
	s->requests++;
	s->done = done;
	s->ctx = ctx;
	s->begun_ns = monotonic_ns();
	timer_set(&s->deadline, s->begun_ns + timeout_ns);
}

void scx_stats_cancel(struct scx_stats *s)
{
	if (s->busy)
		finish(s, (struct scx_stats_result){ .error = SCX_STATS_CANCELLED });
}

void scx_stats_freeze(struct scx_stats *s, bool frozen)
{
	uint64_t now = monotonic_ns();

	if (frozen == s->frozen)
		return;
	s->frozen = frozen;
	if (!s->busy)
		return;
	if (frozen) {
		s->left_ns = s->deadline.deadline_ns > now ? s->deadline.deadline_ns - now : 1;
		timer_clear(&s->deadline);
	} else {
		timer_set(&s->deadline, now + s->left_ns);
	}
}

void scx_stats_close(struct scx_stats *s)
{
	if (s->busy)
		scx_stats_cancel(s);
	if (s->deadline.r)
		timer_close(&s->deadline);
	free(s->line);
	s->line = NULL;
}
