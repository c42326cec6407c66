/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What happens in a run, as JSON lines while it happens: an object a line, with
 * "t_ns" (since events_open()) and "event" (what). Frames of the guest's stream
 * that mean something to a reader become one event each; bytes of stdio and files don't.
 * One that is the coordinator's and the guest's own affair has "internal": true
 * and is no part of a verdict.
 */
#ifndef KTSTR_BENCH_SESSION_EVENTS_H
#define KTSTR_BENCH_SESSION_EVENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reactor/reactor.h"

struct events {
	struct sink sink;
	uint64_t start_ns, count;
	int fd; /* ours; -1: not open */
	void (*drained)(void *ctx);
	void *ctx;
};

/* Before events_open(): events are dropped, the rest does nothing. */
void events_init(struct events *e);
/* Make @path, or empty it; a fifo has a reader already. 0 or -errno. */
int events_open(struct events *e, struct reactor *r, const char *path);
/* Somebody reads events: they are worth being made. */
bool events_wanted(const struct events *e);
/* Its reader is slow: make no more events than must be. @drained runs when that is over. */
bool events_full(const struct events *e);
void events_on_drained(struct events *e, void (*drained)(void *ctx), void *ctx);
/* Takes over @object. */
void events_put(struct events *e, json_t *object);
/* An object {"event": @name}, to be filled. */
json_t *event_new(const char *name);
/* Any bytes as a JSON string: what is not UTF-8 loses its upper bytes to '?'. */
json_t *event_text(const void *data, size_t len);
bool events_idle(const struct events *e);
/* Write out what waits, at most until @deadline_ns; the first error of a write,
 * -ETIMEDOUT, or 0. */
int events_flush(struct events *e, uint64_t deadline_ns);
/* Begin to close: nothing is called any more, and nothing more is written. */
void events_shut(struct events *e);
/* Not from a handler. */
void events_close(struct events *e);

#endif
