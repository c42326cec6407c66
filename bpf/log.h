/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a scheduler prints: its program's stdout and stderr, and what libbpf
 * says of one of ours (a verifier's log, whole). It is kept apart from the
 * output of the command: it goes to the host as frames of its own
 * (WIRE_SCLG), or, without a host that takes them, to stderr with the
 * scheduler's name before each line.
 */
#ifndef KTSTR_BPF_LOG_H
#define KTSTR_BPF_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest-init/ktstr-guest.h"

#define LOG_LINE_MAX 512 /* longest line prefix that is searched for phrases */

struct scheduler_log {
	const char *name; /* prefix of each line on stderr */
	struct ktstr_guest host;
	bool to_host;
	bool in_line; /* the last byte was not a newline */
	char line[LOG_LINE_MAX];
	size_t len;
	uint64_t bytes;
	bool refused;	/* a verifier's log was seen */
	bool failed;	/* libbpf said that it could not load an object */
	char kfunc[64]; /* one that the kernel's BTF lacks or has otherwise: "" none was named */
	bool dumped;	/* the kernel's dump of a failed scheduler was seen */
};

/* @to_host: send to the host if the guest's init takes frames; otherwise to stderr. */
void log_open(struct scheduler_log *l, const char *name, bool to_host);
void log_put(struct scheduler_log *l, const char *data, size_t len);
/* Complete an unfinished line with a newline, before something else is printed. */
void log_end_line(struct scheduler_log *l);
void log_vprintf(struct scheduler_log *l, const char *fmt, va_list args);
/* Completes an unfinished last line. */
void log_close(struct scheduler_log *l);

#endif
