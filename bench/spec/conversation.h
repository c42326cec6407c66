/* SPDX-License-Identifier: GPL-2.0-only */
/* What the user asks of the conversation with the guest. */
#ifndef KTSTR_BENCH_SPEC_CONVERSATION_H
#define KTSTR_BENCH_SPEC_CONVERSATION_H

#include <stdint.h>

#define CONVERSATION_WAKES_MAX 16

struct conversation_options {
	const char *events;    /* a file, or NULL */
	uint64_t scx_stats_ns; /* between two requests; 0: none are made */
	struct {
		uint8_t byte;
		uint64_t at_ns; /* since the command started */
	} wakes[CONVERSATION_WAKES_MAX];
	unsigned n_wakes;
};

#endif
