/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The client of a scheduler's statistics server in the guest, over port 2 and
 * the relay of the guest's init. A line of JSON each way:
 *   {"req":"stats","args":{"name":"text"}}    {"errno":0,"args":{"resp":...}}
 * There are no request numbers, so one request is out at a time, and whatever
 * lies there when one begins is none of its answer: it is dropped and counted.
 */
#ifndef KTSTR_BENCH_SESSION_SCX_STATS_H
#define KTSTR_BENCH_SESSION_SCX_STATS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reactor/reactor.h"

#define SCX_STATS_CAP (256u << 10) /* of a request and of a response, without the end of line */

enum scx_stats_error {
	SCX_STATS_OK,
	SCX_STATS_POISONED,	      /* an answer is still owed, or what came is no JSON: answers can't be paired */
	SCX_STATS_REQUEST_TOO_LARGE,  /* nothing was sent */
	SCX_STATS_RESPONSE_TOO_LARGE, /* here or in the relay */
	SCX_STATS_DURING_FREEZE,      /* the guest is frozen: nothing was sent */
	SCX_STATS_CANCELLED,
	SCX_STATS_NO_SCHEDULER,
	SCX_STATS_SCHEDULER_ERROR, /* an errno of the server's */
	SCX_STATS_MISSING_RESP,	   /* no errno, and no answer either */
	SCX_STATS_TIMEOUT,
	SCX_STATS_BUSY, /* one is out already */
};
/* "NoScheduler" and so on. */
const char *scx_stats_error_name(enum scx_stats_error error);

struct scx_stats_result {
	enum scx_stats_error error;
	int scheduler_errno; /* of SCHEDULER_ERROR */
	const json_t *resp;  /* borrowed; with OK, and where the server sent one with an error; else NULL */
	uint64_t took_ns;
};

struct scx_stats {
	struct reactor *r;
	struct timer deadline;
	int (*send)(void *transport, const void *data, size_t len);
	void *transport;
	void (*done)(void *ctx, const struct scx_stats_result *result);
	void *ctx;
	char *line; /* of the response, SCX_STATS_CAP bytes */
	size_t len;
	bool too_long; /* the rest of a line above the cap is dropped */
	bool busy, owed, frozen;
	uint64_t begun_ns, left_ns; /* left_ns: of the deadline, while frozen */
	uint64_t requests, responses, discarded_bytes;
};

/* @send takes all or gives -errno. 0 or -errno. */
int scx_stats_open(struct scx_stats *s, struct reactor *r, int (*send)(void *transport, const void *data, size_t len),
		   void *transport);
/*
 * Ask for @req ("stats") with @args (an object of texts; borrowed; NULL: empty).
 * @done runs once, from here when the request can't even be sent, else from
 * scx_stats_feed() or the ring.
 */
void scx_stats_request(struct scx_stats *s, const char *req, const json_t *args, uint64_t timeout_ns,
		       void (*done)(void *ctx, const struct scx_stats_result *result), void *ctx);
/* Bytes of port 2, as they come. */
void scx_stats_feed(struct scx_stats *s, const void *data, size_t len);
/* End the request that is out, if any, with CANCELLED. */
void scx_stats_cancel(struct scx_stats *s);
/* While the guest is frozen no request begins, and no deadline passes. */
void scx_stats_freeze(struct scx_stats *s, bool frozen);
/* Cancels. Also after a scx_stats_open() that failed. */
void scx_stats_close(struct scx_stats *s);

#endif
