/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel knows of a thread of this process: its time on the CPU and in the queue, its switches and moves. */
#ifndef KTSTR_WORKLOADS_ACCOUNT_H
#define KTSTR_WORKLOADS_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

struct account {
	uint64_t run_ns, wait_ns, slices; /* /proc/TID/schedstat; 0 without CONFIG_SCHED_INFO */
	uint64_t voluntary, involuntary;  /* switches, of /proc/TID/status */
	uint64_t migrations;		  /* of /proc/TID/sched */
	bool has_migrations;		  /* kernels before 6.15 have that file only with CONFIG_SCHED_DEBUG */
};

/* All zero if there is no such thread. */
void account_read(struct account *a, int tid);
/* What came between @begin and @a. */
void account_since(struct account *a, const struct account *begin);
void account_add(struct account *sum, const struct account *a);

#endif
