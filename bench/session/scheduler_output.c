/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/session/scheduler_output.h"
#include "bench/session/file_sink.h"
#include "bpf/named_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/session/events.h"
#include "reactor/container.h"

#define SINK_HIGH (256u << 10)

static void file_drained(struct sink *s)
{
	struct scheduler_output *o = container_of(s, struct scheduler_output, file);

	if (o->drained)
		o->drained(o->ctx);
}

int scheduler_output_open(struct scheduler_output *o, struct reactor *r, const char *name, const char *path,
			  void (*drained)(void *ctx), void *ctx)
{
	*o = (struct scheduler_output){ .fd = -1, .drained = drained, .ctx = ctx };
	snprintf(o->name, sizeof(o->name), "%s", name);
	o->kept = malloc(2 * SCHEDULER_OUTPUT_KEPT);
	if (!o->kept)
		return -ENOMEM;
	return path ? file_sink_open(&o->file, &o->fd, r, path, SINK_HIGH, file_drained) : 0;
}

/* Twice as much is there, so that it is moved once a SCHEDULER_OUTPUT_KEPT and not at each call. */
static void keep(struct scheduler_output *o, const uint8_t *data, size_t len)
{
	if (len > SCHEDULER_OUTPUT_KEPT) {
		data += len - SCHEDULER_OUTPUT_KEPT;
		len = SCHEDULER_OUTPUT_KEPT;
	}
	if (o->len + len > 2 * SCHEDULER_OUTPUT_KEPT) {
		size_t stay = SCHEDULER_OUTPUT_KEPT - len;

		memmove(o->kept, o->kept + o->len - stay, stay);
		o->len = stay;
	}
	memcpy(o->kept + o->len, data, len);
	o->len += len;
}

static char *with_names(struct scheduler_output *o, const uint8_t *data, size_t len, size_t *text_len)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, text_len);

	if (!f)
		return NULL;
	o->in_line = named_lines_put(f, o->name, o->in_line, data, len);
	fclose(f);
	return text;
}

char *scheduler_output_put(struct scheduler_output *o, const uint8_t *data, size_t len, size_t *text_len)
{
	if (!o->kept || !len)
		return NULL;
	o->bytes += len;
	keep(o, data, len);
	if (!o->file.r)
		return with_names(o, data, len, text_len);
	sink_put(&o->file, data, len);
	return NULL;
}

bool scheduler_output_full(const struct scheduler_output *o)
{
	return o->file.r && sink_full(&o->file);
}

bool scheduler_output_idle(const struct scheduler_output *o)
{
	return !o->file.r || sink_idle(&o->file);
}

int scheduler_output_flush(struct scheduler_output *o, uint64_t deadline_ns)
{
	return o->file.r ? sink_flush(&o->file, deadline_ns) : 0;
}

json_t *scheduler_output_facts(const struct scheduler_output *o)
{
	size_t len = o->len < SCHEDULER_OUTPUT_KEPT ? o->len : SCHEDULER_OUTPUT_KEPT;

	return json_pack("{sI so sI}", "bytes", (json_int_t)o->bytes, "text",
			 event_text(o->kept ? o->kept + o->len - len : "", len), "cut_bytes",
			 (json_int_t)(o->bytes - len));
}

void scheduler_output_close(struct scheduler_output *o)
{
	if (o->file.r)
		sink_close(&o->file);
	if (o->kept && o->fd >= 0)
		close(o->fd);
	free(o->kept);
	*o = (struct scheduler_output){ .fd = -1 };
}
