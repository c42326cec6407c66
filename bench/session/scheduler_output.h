/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a guest's scheduler prints (WIRE_SCLG), apart from what its command
 * does: into --scheduler-log's file as it comes, or to stderr with the
 * scheduler's name before each line. Its end is kept for the result.
 */
#ifndef KTSTR_BENCH_SESSION_SCHEDULER_OUTPUT_H
#define KTSTR_BENCH_SESSION_SCHEDULER_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reactor/reactor.h"

#define SCHEDULER_OUTPUT_KEPT (256u << 10)

struct scheduler_output {
	char name[64];
	struct sink file; /* file.r NULL: stderr */
	int fd;
	bool in_line;
	char *kept; /* the last SCHEDULER_OUTPUT_KEPT bytes at most */
	size_t len;
	uint64_t bytes;
	void (*drained)(void *ctx);
	void *ctx;
};

/* @path NULL: stderr. 0 or -errno. @drained runs when a file that was slow takes more. */
int scheduler_output_open(struct scheduler_output *o, struct reactor *r, const char *name, const char *path,
			  void (*drained)(void *ctx), void *ctx);
/* Gives the text that is to go to stderr, to free(), and its length; NULL: none is. */
char *scheduler_output_put(struct scheduler_output *o, const uint8_t *data, size_t len, size_t *text_len);
bool scheduler_output_full(const struct scheduler_output *o);
bool scheduler_output_idle(const struct scheduler_output *o);
/* Write out what waits, at most until @deadline_ns; 0, or the first error of the file. */
int scheduler_output_flush(struct scheduler_output *o, uint64_t deadline_ns);
/* For the result: {"bytes","text","cut_bytes"}. */
json_t *scheduler_output_facts(const struct scheduler_output *o);
/* Not from a handler. Also where nothing was opened. */
void scheduler_output_close(struct scheduler_output *o);

#endif
