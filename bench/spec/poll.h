/* SPDX-License-Identifier: GPL-2.0-only */
/* --poll: whether, and how long at most, the reactor busy-waits before it sleeps. */
#ifndef KTSTR_BENCH_SPEC_POLL_H
#define KTSTR_BENCH_SPEC_POLL_H

#include <stdbool.h>
#include <stdint.h>

#define POLL_AUTO_NS 2000000ull /* over 200 us only where the reactor finds that it pays (reactor/busywait.h) */
#define POLL_NS_MAX 1000000000ull

struct poll_choice {
	bool fixed;	 /* false: auto */
	uint64_t max_ns; /* when fixed; 0: off */
};

/* "auto", "off", or microseconds from 0 to 1000000. 0 or -EINVAL. */
int poll_parse(const char *text, struct poll_choice *out);
/*
 * What reactor_busy_wait() is to be given beside @vcpus vCPUs. @spare: there is
 * a CPU that none of them needs; auto wants that, and a control group that
 * grants more CPUs' worth of time than they can take. *@reason is static text.
 */
uint64_t poll_choose(const struct poll_choice *choice, unsigned vcpus, bool spare, const char **reason);
/* The least quota of CPUs, rounded down, from the control group (version 2) that
 * @proc_cgroup names to the root at @root; UINT_MAX: none. */
unsigned poll_quota(const char *proc_cgroup, const char *root);

#endif
