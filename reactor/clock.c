/* SPDX-License-Identifier: GPL-2.0-only */
/* Alone in its file, so that a test can put a clock of its own in its place. */
#include <time.h>

#include "reactor/internal.h"

uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}
