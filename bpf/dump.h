/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's dump of a scheduler that failed. ops.exit gets it cut to exit_dump_len; the trace event sched_ext_dump
 * has all of it, for any reader.
 */
#ifndef KTSTR_BPF_DUMP_H
#define KTSTR_BPF_DUMP_H

#include <stdbool.h>

/* Where tracefs is, ending with a '/'; tests have none. */
extern const char *dump_tracefs;
/* Record dumps from now on. False: this kernel can't trace them. */
bool dump_record(void);
/* All dumps recorded so far, concatenated; free() it. NULL: none. */
char *dump_read(void);

#endif
