/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <sched.h>

#include "guest-init/setup.h"

int cpu0_spare(void)
{
	cpu_set_t cpus;

	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		return -errno;
	CPU_CLR(0, &cpus);
	return sched_setaffinity(0, sizeof(cpus), &cpus) ? -errno : 0;
}
