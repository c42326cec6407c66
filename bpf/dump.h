/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's dump of a scheduler that failed. It goes to the scheduler's own
 * ops.exit, cut to its exit_dump_len; the trace event sched_ext_dump has the
 * same, whole, for everybody.
 */
#ifndef KTSTR_BPF_DUMP_H
#define KTSTR_BPF_DUMP_H

#include <stdbool.h>

/* Where tracefs is, ending with a '/'; tests have none. */
extern const char *dump_tracefs;
/* Record dumps from now on. False: this kernel can't trace them. */
bool dump_record(void);
/* The dumps so far, one after the other, to free(); NULL: none. */
char *dump_read(void);

#endif
