/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What host and guest exchange besides the command's own stdio, in one
 * run: events, wake bytes, the scheduler's statistics, and what goes into the
 * final report (crash text, kernel log, effects of wakes).
 */
#ifndef KTSTR_BENCH_SESSION_CONVERSATION_H
#define KTSTR_BENCH_SESSION_CONVERSATION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/session/events.h"
#include "bench/session/scx_stats.h"
#include "bench/spec/conversation.h"
#include "reactor/reactor.h"
#include "virtio/console.h"

#define CONVERSATION_DMESG_MAX (512u << 10)
#define CONVERSATION_CRASH_MAX (64u << 10)

struct conversation {
	const struct conversation_options *o;
	struct console *console;
	struct events events;
	struct scx_stats scx_stats;
	struct timer wake_timer, stats_timer;
	uint64_t command_ns; /* when the command started; 0 before */
	uint32_t wakes_done; /* bits of o->wakes */
	char *dmesg, *crash; /* texts, CONVERSATION_..._MAX at most */
	size_t dmesg_len, crash_len, crash_sent;
	json_t *effects; /* array of {"wake","effect"} */
	bool open, ending;
};

/* All but the events' file. 0 or -errno. */
int conversation_open(struct conversation *c, struct reactor *r, struct console *console,
		      const struct conversation_options *o);
/* The file of the events, where one was asked for. 0 or -errno. */
int conversation_open_events(struct conversation *c, struct reactor *r);
/* The guest's command starts: the times of wakes and statistics count from now. */
void conversation_command(struct conversation *c);
/* What a wake byte did (WIRE_WAKE), a part of the kernel's log (WIRE_DMSG), and what COM2 says. */
void conversation_effect(struct conversation *c, const uint8_t *payload, size_t len);
void conversation_dmesg(struct conversation *c, const uint8_t *text, size_t len);
void conversation_crash_text(struct conversation *c, const uint8_t *data, size_t len);
/* Send a wake byte. 0 or -ENOMEM. */
int conversation_wake(struct conversation *c, uint8_t byte);
/* Make no more requests: the guest is going. */
void conversation_stop(struct conversation *c);
/* The crash text, kernel log and wakes into @end; the whole of it is the last event. */
void conversation_report(struct conversation *c, json_t *end);
/* Begin to close: nothing is called any more, and there are no further events. */
void conversation_shut(struct conversation *c);
void conversation_close(struct conversation *c);

#endif
