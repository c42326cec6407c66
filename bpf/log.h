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

#define LOG_LINE_MAX 512 /* of a line, for what is searched in it */

struct scheduler_log {
	const char *name; /* before each line on stderr */
	struct ktstr_guest host;
	bool to_host;
	bool in_line; /* the last byte was no end of line */
	char line[LOG_LINE_MAX];
	size_t len;
	uint64_t bytes;
	bool refused; /* a verifier's log went by */
	bool failed;  /* libbpf said that it could not load an object */
	bool dumped;  /* the kernel's dump of a scheduler that failed went by */
};

/* @to_host: where the guest's init takes frames; else, and where it does not, stderr. */
void log_open(struct scheduler_log *l, const char *name, bool to_host);
void log_put(struct scheduler_log *l, const char *data, size_t len);
/* End a line that has no end yet, before something else is printed. */
void log_end_line(struct scheduler_log *l);
void log_vprintf(struct scheduler_log *l, const char *fmt, va_list args);
/* Ends a last line that has no end. */
void log_close(struct scheduler_log *l);

#endif
