/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/session/events.h"
#include "bench/session/file_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reactor/container.h"

#define SINK_HIGH (1u << 20)

void events_init(struct events *e)
{
	*e = (struct events){ .fd = -1 };
}

static void sink_drained(struct sink *s)
{
	struct events *e = container_of(s, struct events, sink);

	if (e->drained)
		e->drained(e->ctx);
}

int events_open(struct events *e, struct reactor *r, const char *path)
{
	events_init(e);
	e->start_ns = monotonic_ns();
	return file_sink_open(&e->sink, &e->fd, r, path, SINK_HIGH, sink_drained);
}

void events_put(struct events *e, json_t *object)
{
	char *line = NULL;
	size_t len;

	if (object && e->fd >= 0) {
		json_object_set_new(object, "t_ns", json_integer((json_int_t)(monotonic_ns() - e->start_ns)));
		line = json_dumps(object, JSON_COMPACT);
	}
	if (line) {
		/* In the place of the NUL, so that a line is written in one piece. */
		len = strlen(line);
		line[len] = '\n';
		e->count++;
		sink_put(&e->sink, line, len + 1);
	}
	free(line);
	json_decref(object);
}

bool events_wanted(const struct events *e)
{
	return e->fd >= 0;
}

bool events_full(const struct events *e)
{
	return e->fd >= 0 && sink_full(&e->sink);
}

void events_on_drained(struct events *e, void (*drained)(void *ctx), void *ctx)
{
	e->drained = drained;
	e->ctx = ctx;
}

bool events_idle(const struct events *e)
{
	return e->fd < 0 || sink_idle(&e->sink);
}

int events_flush(struct events *e, uint64_t deadline_ns)
{
	int rc = e->fd < 0 ? 0 : sink_flush(&e->sink, deadline_ns);

	return e->fd >= 0 && e->sink.error ? e->sink.error : rc;
}

void events_shut(struct events *e)
{
	sink_shut(&e->sink);
}

void events_close(struct events *e)
{
	if (e->fd < 0)
		return;
	sink_close(&e->sink);
	close(e->fd);
	e->fd = -1;
}

/* --- what events are made of --------------------------------------------- */

json_t *event_text(const void *data, size_t len)
{
	json_t *text = json_stringn(data, len);
	char *ascii;

	if (text)
		return text;
	ascii = malloc(len);
	if (!ascii)
		return json_null();
	for (size_t i = 0; i < len; i++)
		ascii[i] = ((const char *)data)[i] & 0x80 ? '?' : ((const char *)data)[i];
	text = json_stringn(ascii, len);
	free(ascii);
	return text ? text : json_null();
}

json_t *event_new(const char *name)
{
	return json_pack("{ss}", "event", name);
}
