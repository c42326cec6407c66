/* SPDX-License-Identifier: GPL-2.0-only */
/* The exit record that a scheduler leaves in a BPF ring buffer: bpf/scx.bpf.h writes it, bpf/scheduler_object.c reads
 * it. */
#ifndef KTSTR_BPF_SCX_EXIT_H
#define KTSTR_BPF_SCX_EXIT_H

#define SCX_EXIT_RING "exits" /* the map's name */
#define SCX_EXIT_RING_SIZE 65536
#define SCX_EXIT_REASON_SIZE 128
#define SCX_EXIT_MSG_SIZE 1024
#define SCX_EXIT_DUMP_SIZE 32768 /* the kernel's default, sched_ext_ops.exit_dump_len */

/* As the kernel's struct scx_exit_info; texts end with NUL. */
struct scx_exit_record {
	int kind;
	int pad;
	long long code;
	char reason[SCX_EXIT_REASON_SIZE];
	char msg[SCX_EXIT_MSG_SIZE];
	char dump[SCX_EXIT_DUMP_SIZE];
};

#endif
