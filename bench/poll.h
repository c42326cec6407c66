/* SPDX-License-Identifier: GPL-2.0-only */
/* --poll: whether, and how long at most, the reactor busy-waits before it sleeps. */
#ifndef KTSTR_BENCH_POLL_H
#define KTSTR_BENCH_POLL_H

#include <stdbool.h>
#include <stdint.h>

#define POLL_AUTO_NS 200000ull /* as KVM's halt polling */
#define POLL_NS_MAX 1000000000ull

struct poll_choice {
	bool fixed;	 /* false: auto */
	uint64_t max_ns; /* when fixed; 0: off */
};

/* "auto", "off", or microseconds from 0 to 1000000. 0 or -EINVAL. */
int poll_parse(const char *text, struct poll_choice *out);
/* What reactor_busy_wait() is to be given beside @vcpus vCPUs; *@reason is static text. */
uint64_t poll_choose(const struct poll_choice *choice, unsigned vcpus, const char **reason);
/* CPUs that this thread may use at the same time: by its affinity, and by the quota of its control groups. */
unsigned poll_cpus(void);

#endif
