/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's end of the conversation with a guest's init (virtio/wire.h): its
 * stdout and stderr go to ours, our stdin goes to it, its exit code, facts,
 * metrics and files are collected. It knows nothing of what carries the
 * bytes; that is the transport's.
 */
#ifndef KTSTR_BENCH_SESSION_SESSION_H
#define KTSTR_BENCH_SESSION_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/session/frame.h"
#include "bench/session/outputs.h"
#include "reactor/reactor.h"
#include "virtio/wire.h"

struct events;

/* Bytes for the guest above which stdin rests, and at which it goes on: with a chunk more they fit into what the
 * console's queue keeps, so that a stream of any length allocates nothing. */
#define SESSION_BACKLOG_MAX (112u << 10)
#define SESSION_BACKLOG_LOW (48u << 10)
#define SESSION_FACTS_MAX (64u << 10)  /* of what a guest's init reports about the guest; more is dropped */
#define SESSION_ANSWERS_MAX (2u << 20) /* beside which stdin has its own */

struct transport {
	int (*send)(void *ctx, const void *data, size_t len); /* all or -errno */
	size_t (*backlog)(void *ctx);			      /* bytes sent and not taken */
	void (*hold)(void *ctx, bool hold); /* while held, nothing is to be fed, if that can be helped */
	void *ctx;
};

/* A well-formed frame of this type. */
struct session_taker {
	uint32_t type;
	void (*take)(void *ctx, struct frame *f);
};

struct session_config {
	struct transport transport;
	int stdin_fd; /* -1: the guest's stdin is empty */
	int stdout_fd, stderr_fd;
	struct outputs *outputs; /* or NULL: files that come are dropped */
	struct events *events;	 /* or NULL: where frames are reported as events */
	/* Frames that the user of the session takes, before what the session itself does with them. The last one has
	 * type 0; may be NULL. */
	const struct session_taker *takers;
	/* Whether what the takers feed can't take more now: the guest is held then; may be NULL. */
	bool (*full)(void *ctx);
	/* A request of the guest's that is well-formed; answer it by session_snapshot_reply().
	 * NULL: all are refused. */
	void (*snapshot)(void *ctx, const struct wire_snapshot *request);
	uint8_t escape; /* this byte of stdin ends the session, with -ECANCELED; 0: none */
	/* The guest reported its exit code (or, -EOWNERDEAD, that its scheduler ended), or @code < 0: the session can't
	 * go on. */
	void (*ended)(void *ctx, int code);
	void *ctx;
};

struct session {
	struct session_config cfg;
	struct reactor *r;
	struct wire_parser parser;
	struct source in;
	struct sink out, err;
	bool one_output; /* all of it goes through @out */
	bool held, in_open, exited;
	int exit_code;	     /* once @exited: 0..255 */
	json_t *environment; /* what the guest's init reports about the guest; NULL before, or if it is no JSON */
	int sched_code;	     /* once @sched_exited */
	bool sched_exited;
	char crash[512];     /* init's own last words */
	uint64_t ready_ns;   /* CLOCK_MONOTONIC of SRDY, 0 before */
	uint64_t payload_ns; /* of LIFE: the command starts */
	uint64_t bad_crc, bad_requests;
	uint64_t unanswered;  /* requests, for the guest takes no answers */
	uint64_t malformed;   /* frames of another size than their type has */
	uint64_t dropped;     /* well-formed frames that nobody takes */
	uint64_t stdin_ahead; /* bytes of stdin that the command has not reported as taken */
	uint64_t stdin_bytes, stdout_bytes, stderr_bytes;
};

/* Whether what is written to both keeps its order only if one writes it: they are the same file, pipe or terminal. */
bool session_one_output(int stdout_fd, int stderr_fd);
int session_open(struct session *s, struct reactor *r, const struct session_config *cfg);
/* Bytes of the guest's stream, as they come. */
void session_feed(struct session *s, const void *data, size_t len);
/* The transport's backlog fell to SESSION_BACKLOG_LOW. */
void session_drained(struct session *s);
int session_snapshot_reply(struct session *s, uint32_t request_id, enum wire_snapshot_status status,
			   const char *reason);
/* Text for stderr, between what the guest's command writes there. */
void session_say(struct session *s, const char *text, size_t len);
/* The size of the terminal that the guest's command has. */
int session_window(struct session *s, uint16_t rows, uint16_t columns);
/* Let a guest that waits for it (option ack_exit) power off. */
int session_acknowledge(struct session *s);
/* Whether all that came for stdout, stderr and files is written. */
bool session_written(const struct session *s);
/* 0, or the first error of writing it: what came after that is lost. */
int session_output_error(const struct session *s);
/* Write out what waits for stdout and stderr, at most until @deadline_ns. */
int session_flush(struct session *s, uint64_t deadline_ns);
/* What full() says may have changed. */
void session_regulate(struct session *s);
/* Begin to close: nothing is called any more, as source_shut() has it. */
void session_shut(struct session *s);
/* Not from a handler. Also after a session_open() that failed. */
void session_close(struct session *s);

#endif
