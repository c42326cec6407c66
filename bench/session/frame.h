/* SPDX-License-Identifier: GPL-2.0-only */
/* A frame of the guest's stream while it is handed round: what type it is, and what its payload says as JSON. */
#ifndef KTSTR_BENCH_SESSION_FRAME_H
#define KTSTR_BENCH_SESSION_FRAME_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct session;
struct frame;

/* How a payload is laid out. One of another size is malformed: it becomes an event that says so, and nobody takes it.
 */
enum frame_layout {
	FRAME_EMPTY,
	FRAME_STIMULUS, /* struct wire_stimulus */
	FRAME_ELAPSED,	/* u64 ms, or empty */
	FRAME_CODE,	/* i32 */
	FRAME_TEXT,
	FRAME_JSON,	/* an object, under the event's own name; what is no JSON becomes text */
	FRAME_LIFE,	/* u8 phase, text */
	FRAME_WAKE,	/* u8 wake byte, text */
	FRAME_SNAPSHOT, /* struct wire_snapshot */
	FRAME_OPAQUE,	/* not ours to read */
};

struct frame_type {
	uint32_t type;
	const char *event; /* NULL: none, bytes of stdio and files are no events */
	enum frame_layout layout;
	void (*take)(struct session *s, struct frame *f); /* NULL: the session itself does nothing with it */
};

struct frame {
	const struct frame_type *kind; /* NULL: of no type that we know */
	uint32_t type;
	const uint8_t *payload;
	size_t len;
	bool crc_ok;
	bool parsed;
	json_t *json; /* once @parsed */
};

/* The payload as JSON, or NULL; parsed once, however many ask. Borrowed. */
json_t *frame_json(struct frame *f);
bool frame_well_formed(const struct frame *f);
/* The event that a frame becomes, or NULL: frames of this type are no events. */
json_t *frame_event(struct frame *f);
/* Forgets what was parsed. */
void frame_drop(struct frame *f);

#endif
