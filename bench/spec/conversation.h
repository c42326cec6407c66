/* SPDX-License-Identifier: GPL-2.0-only */
/* What the user asks of the conversation with the guest. */
#ifndef KTSTR_BENCH_SPEC_CONVERSATION_H
#define KTSTR_BENCH_SPEC_CONVERSATION_H

#include <stdint.h>

#define CONVERSATION_WAKES_MAX 16
#define WAKE_KINDS 4

struct wake_request {
	unsigned kind;	/* index of wake_names and wake_bytes */
	uint64_t at_ns; /* since the command started */
};

struct conversation_options {
	char *events;	       /* a file, owned, or NULL */
	uint64_t scx_stats_ns; /* between two requests; 0: none are made */
	struct wake_request wakes[CONVERSATION_WAKES_MAX];
	unsigned n_wakes;
};

extern const char *const wake_names[WAKE_KINDS];
extern const uint8_t wake_bytes[WAKE_KINDS];
/* The name of a wake byte, or "none". */
const char *wake_name(uint8_t byte);
/* NAME[@TIME], added to @o->wakes. 0; -EINVAL: no such name, or no time; -E2BIG: too many. */
int conversation_wake_parse(struct conversation_options *o, const char *arg);

#endif
