/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/session/events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reactor/container.h"
#include "virtio/wire.h"

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
	int rc;

	events_init(e);
	e->start_ns = monotonic_ns();
	e->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_CLOEXEC, 0666);
	if (e->fd < 0)
		return -errno;
	rc = sink_open(r, &e->sink, e->fd, SINK_HIGH, sink_drained);
	if (rc) {
		close(e->fd);
		e->fd = -1;
	}
	return rc;
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

/* --- what a frame says -------------------------------------------------- */

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

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

/* A text padded with NUL. */
static json_t *padded(const char *text, size_t size)
{
	return event_text(text, strnlen(text, size));
}

static void of_stimulus(json_t *e, const uint8_t *payload)
{
	struct wire_stimulus s;

	memcpy(&s, payload, sizeof(s));
	set(e, "elapsed_ms", json_integer(s.elapsed_ms));
	set(e, "step_index", json_integer(s.step_index));
	set(e, "op_count", json_integer(s.op_count));
	set(e, "op_kinds", json_integer(s.op_kinds));
	set(e, "cgroup_count", json_integer(s.cgroup_count));
	set(e, "worker_count", json_integer(s.worker_count));
	set(e, "total_iterations", json_integer((json_int_t)s.total_iterations));
}

static void of_snapshot(json_t *e, const uint8_t *payload)
{
	struct wire_snapshot s;

	memcpy(&s, payload, sizeof(s));
	set(e, "request_id", json_integer(s.request_id));
	set(e, "kind",
	    s.kind_status == WIRE_SNAPSHOT_CAPTURE ? json_string("capture")
	    : s.kind_status == WIRE_SNAPSHOT_WATCH ? json_string("watch")
						   : json_integer(s.kind_status));
	set(e, "tag", padded(s.text, sizeof(s.text)));
}

static void of_life(json_t *e, const uint8_t *payload, size_t len)
{
	static const char *const phases[] = { [WIRE_LIFE_INIT] = "init_started",
					      [WIRE_LIFE_PAYLOAD] = "payload_starting",
					      [WIRE_LIFE_SCHED_DIED] = "scheduler_died",
					      [WIRE_LIFE_SCHED_NOT_ATTACHED] = "scheduler_not_attached" };

	if (payload[0] && payload[0] < sizeof(phases) / sizeof(*phases))
		set(e, "phase", json_string(phases[payload[0]]));
	else
		set(e, "phase", json_integer(payload[0]));
	if (len > 1)
		set(e, "reason", event_text(payload + 1, len - 1));
}

static void of_wake(json_t *e, const uint8_t *payload, size_t len)
{
	set(e, "byte", json_integer(payload[0]));
	set(e, "effect", event_text(payload + 1, len - 1));
}

static void of_json(json_t *e, const char *key, const uint8_t *payload, size_t len)
{
	json_t *value = json_loadb((const char *)payload, len, JSON_DECODE_ANY, NULL);

	if (value)
		set(e, key, value);
	else
		set(e, "text", event_text(payload, len));
}

static void of_code(json_t *e, const uint8_t *payload)
{
	int32_t code;

	memcpy(&code, payload, sizeof(code));
	set(e, "code", json_integer(code));
}

static void of_elapsed(json_t *e, const uint8_t *payload)
{
	uint64_t elapsed_ms;

	memcpy(&elapsed_ms, payload, sizeof(elapsed_ms));
	set(e, "elapsed_ms", json_integer((json_int_t)elapsed_ms));
}

static const struct kind {
	uint32_t type;
	const char *name;
	enum {
		EMPTY,
		STIMULUS,
		ELAPSED,
		CODE,
		TEXT,
		METRIC,
		ENVIRONMENT,
		TOPOLOGY,
		LIFE,
		WAKE,
		SNAPSHOT,
		OPAQUE
	} layout;
} kinds[] = {
	{ WIRE_SRDY, "system_ready", EMPTY },
	{ WIRE_LIFE, "life", LIFE },
	{ WIRE_JENV, "environment", ENVIRONMENT },
	{ WIRE_JTOP, "topology_check", TOPOLOGY },
	{ WIRE_STIM, "stimulus", STIMULUS },
	{ WIRE_SCST, "scenario_start", ELAPSED },
	{ WIRE_SCEN, "scenario_end", ELAPSED },
	{ WIRE_SCPP, "scenario_pause", EMPTY },
	{ WIRE_SCRR, "scenario_resume", EMPTY },
	{ WIRE_JMET, "metric", METRIC },
	{ WIRE_RAWO, "raw_output", TEXT },
	{ WIRE_SCLG, "scheduler_log", TEXT },
	{ WIRE_SCDX, "scheduler_exit", CODE },
	{ WIRE_PROB, "probe", TEXT },
	{ WIRE_DMSG, "dmesg", TEXT },
	{ WIRE_CRSH, "crash", TEXT },
	{ WIRE_WAKE, "wake_effect", WAKE },
	{ WIRE_EXIT, "exit", CODE },
	{ WIRE_EXCX, "exec_exit", CODE },
	{ WIRE_SNRQ, "snapshot_request", SNAPSHOT },
	{ WIRE_PRAW, "profile", OPAQUE },
	/* Layouts that are not ours to read. */
	{ WIRE_TEST, "test_result", OPAQUE },
	{ WIRE_PMET, "payload_metrics", OPAQUE },
	{ WIRE_KADR, "kernel_addresses", OPAQUE },
	{ WIRE_KORQ, "kernel_op_request", OPAQUE },
	{ WIRE_WPRF, "wprof", OPAQUE },
};

static bool well_formed(const struct kind *k, size_t len)
{
	switch (k->layout) {
	case EMPTY:
		return !len;
	case STIMULUS:
		return len == sizeof(struct wire_stimulus);
	case ELAPSED:
		return !len || len == sizeof(uint64_t);
	case CODE:
		return len == sizeof(int32_t);
	case SNAPSHOT:
		return len == sizeof(struct wire_snapshot);
	case LIFE:
	case WAKE:
		return len >= 1;
	default:
		return true;
	}
}

static void fill(json_t *e, const struct kind *k, const uint8_t *payload, size_t len)
{
	switch (k->layout) {
	case EMPTY:
		break;
	case STIMULUS:
		of_stimulus(e, payload);
		break;
	case ELAPSED:
		if (len)
			of_elapsed(e, payload);
		break;
	case CODE:
		of_code(e, payload);
		break;
	case TEXT:
		set(e, "text", event_text(payload, len));
		break;
	case METRIC:
		of_json(e, "metric", payload, len);
		break;
	case ENVIRONMENT:
		of_json(e, "environment", payload, len);
		break;
	case TOPOLOGY:
		of_json(e, "topology_check", payload, len);
		break;
	case LIFE:
		of_life(e, payload, len);
		break;
	case WAKE:
		of_wake(e, payload, len);
		break;
	case SNAPSHOT:
		of_snapshot(e, payload);
		break;
	case OPAQUE:
		set(e, "bytes", json_integer((json_int_t)len));
		break;
	}
}

json_t *event_of_frame(uint32_t type, const uint8_t *payload, size_t len, bool crc_ok)
{
	const struct kind *k = kinds, *end = kinds + sizeof(kinds) / sizeof(*kinds);
	json_t *e;

	while (k < end && k->type != type)
		k++;
	if (k == end && crc_ok)
		return NULL;
	e = event_new(k == end ? "frame" : k->name);
	if (!crc_ok) {
		/* Delivered, not believed. */
		set(e, "type", json_integer(type));
		set(e, "crc_ok", json_false());
		set(e, "bytes", json_integer((json_int_t)len));
	} else if (!well_formed(k, len)) {
		set(e, "malformed_bytes", json_integer((json_int_t)len));
	} else {
		fill(e, k, payload, len);
	}
	if (wire_type_internal(type))
		set(e, "internal", json_true());
	return e;
}
