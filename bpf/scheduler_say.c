/* SPDX-License-Identifier: GPL-2.0-only */
/* What all kinds of schedulers use: messages, the clock, time-outs. */
#include <stdarg.h>
#include <time.h>

#include "bpf/scheduler_kind.h"

#define SECOND_NS 1000000000ull

struct scheduler_patience scheduler_patience = {
	.quiet_ms = 120000,
	.attach_ms = 600000,
	.restart_ms = 60000,
	.grace_ms = 10000,
	.detach_ms = 10000,
};

uint64_t scheduler_clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

void scheduler_say(struct scheduler *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->said, sizeof(s->said), fmt, ap);
	va_end(ap);
	log_end_line(&s->log);
	fprintf(stderr, "ktstr-scx: %s: %s\n", s->name, s->said);
}
