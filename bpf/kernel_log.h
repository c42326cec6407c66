/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel logs about a scheduler's end. A program's scheduler tells its
 * reason to the program alone; the log (kernel/sched/ext.c, scx_disable) has it
 * for everybody:
 *   sched_ext: BPF scheduler "NAME" disabled (REASON)
 *   sched_ext: NAME: MESSAGE                            after an error only
 */
#ifndef KTSTR_BPF_KERNEL_LOG_H
#define KTSTR_BPF_KERNEL_LOG_H

#include <stdbool.h>
#include <stddef.h>

struct kernel_log {
	int fd; /* /dev/kmsg; -1: not readable, so no end is found */
};

/* Follow the log from now on. */
void kernel_log_open(struct kernel_log *l);
/* The last end of scheduler @ops since kernel_log_open(); false: none was logged. @message is "" without an error. */
bool kernel_log_end(struct kernel_log *l, const char *ops, char *reason, size_t reason_size, char *message,
		    size_t message_size);
void kernel_log_close(struct kernel_log *l);

/* One record's text, for kernel_log_end(). True: it is about @ops. */
bool kernel_log_parse(const char *text, const char *ops, char *reason, size_t reason_size, char *message,
		      size_t message_size);
/* enum scx_exit_kind by its reason (scx_exit_reason()); -1: unknown. */
int kernel_log_kind(const char *reason);

#endif
