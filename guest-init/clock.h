/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_GUEST_INIT_CLOCK_H
#define KTSTR_GUEST_INIT_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Monotonic time; its origin is arbitrary. */
static inline int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

#endif
