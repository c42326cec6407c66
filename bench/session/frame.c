/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/session/frame.h"

#include <string.h>

#include "bench/session/events.h"
#include "virtio/wire.h"

json_t *frame_json(struct frame *f)
{
	if (!f->parsed)
		f->json = json_loadb((const char *)f->payload, f->len, JSON_DECODE_ANY, NULL);
	f->parsed = true;
	return f->json;
}

void frame_drop(struct frame *f)
{
	json_decref(f->json);
	f->json = NULL;
	f->parsed = false;
}

bool frame_well_formed(const struct frame *f)
{
	switch (f->kind->layout) {
	case FRAME_EMPTY:
		return !f->len;
	case FRAME_STIMULUS:
		return f->len == sizeof(struct wire_stimulus);
	case FRAME_ELAPSED:
		return !f->len || f->len == sizeof(uint64_t);
	case FRAME_CODE:
		return f->len == sizeof(int32_t);
	case FRAME_SNAPSHOT:
		return f->len == sizeof(struct wire_snapshot);
	case FRAME_LIFE:
	case FRAME_WAKE:
		return f->len >= 1;
	default:
		return true;
	}
}

/* --- as an event -------------------------------------------------------- */

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

static void of_json(json_t *e, struct frame *f)
{
	json_t *value = frame_json(f);

	if (value)
		json_object_set(e, f->kind->event, value);
	else
		set(e, "text", event_text(f->payload, f->len));
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

static void fill(json_t *e, struct frame *f)
{
	switch (f->kind->layout) {
	case FRAME_EMPTY:
		break;
	case FRAME_STIMULUS:
		of_stimulus(e, f->payload);
		break;
	case FRAME_ELAPSED:
		if (f->len)
			of_elapsed(e, f->payload);
		break;
	case FRAME_CODE:
		of_code(e, f->payload);
		break;
	case FRAME_TEXT:
		set(e, "text", event_text(f->payload, f->len));
		break;
	case FRAME_JSON:
		of_json(e, f);
		break;
	case FRAME_LIFE:
		of_life(e, f->payload, f->len);
		break;
	case FRAME_WAKE:
		of_wake(e, f->payload, f->len);
		break;
	case FRAME_SNAPSHOT:
		of_snapshot(e, f->payload);
		break;
	case FRAME_OPAQUE:
		set(e, "bytes", json_integer((json_int_t)f->len));
		break;
	}
}

json_t *frame_event(struct frame *f)
{
	const char *name = f->kind ? f->kind->event : NULL;
	json_t *e;

	if (!name && f->crc_ok)
		return NULL;
	e = event_new(name ? name : "frame");
	if (!f->crc_ok) {
		/* It is mentioned, and not believed. */
		set(e, "type", json_integer(f->type));
		set(e, "crc_ok", json_false());
		set(e, "bytes", json_integer((json_int_t)f->len));
	} else if (!frame_well_formed(f)) {
		set(e, "malformed_bytes", json_integer((json_int_t)f->len));
	} else {
		fill(e, f);
	}
	if (wire_type_internal(f->type))
		set(e, "internal", json_true());
	return e;
}
