/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two token buckets, for operations and bytes. Nothing here sleeps or reads a clock: the caller passes CLOCK_MONOTONIC
 * in ns, and arms a timer.
 */
#ifndef KTSTR_VIRTIO_BLK_THROTTLE_H
#define KTSTR_VIRTIO_BLK_THROTTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A stalled request is tried again after at most this long. */
#define THROTTLE_RETRY_NS_MAX 1000000000ull

/* What a user sets. rate 0: no limit; burst 0: one second's worth of rate. */
struct throttle_limit {
	uint64_t rate;	/* tokens a second */
	uint64_t burst; /* tokens */
};

/* 0, or -EINVAL with the reason in @why: a burst without a rate or below it. */
int throttle_limit_check(const struct throttle_limit *l, const char *name, char *why, size_t why_size);

/*
 * A capacity or a rate of 0: unlimited. A bucket starts full. A request larger than the capacity passes once there is
 * no debt, and leaves a debt.
 */
struct bucket {
	uint64_t capacity, rate;
	int64_t available;    /* tokens; negative: debt */
	uint64_t refilled_ns; /* when @available was last refilled */
	uint64_t carry;	      /* billionths of a token beyond @available, so that rounding does not lower the rate */
};

void bucket_init(struct bucket *b, const struct throttle_limit *l, uint64_t now_ns);
bool bucket_can_consume(struct bucket *b, uint64_t n, uint64_t now_ns);
/* Only after bucket_can_consume() of the same @n. */
void bucket_consume(struct bucket *b, uint64_t n);
/* Time until bucket_can_consume(@n) is true if nothing is consumed: rounded up, saturating; UINT64_MAX: never. */
uint64_t bucket_nanos_until(const struct bucket *b, uint64_t n, uint64_t now_ns);

struct throttle {
	struct bucket ops, bytes;
};

/* Both buckets full. */
void throttle_init(struct throttle *t, const struct throttle_limit *ops, const struct throttle_limit *bytes,
		   uint64_t now_ns);
bool throttle_limited(const struct throttle *t);
/*
 * Take one operation of @bytes. True: both buckets are charged. False: neither is, and @wait_ns is the longer of the
 * two waits, 0..THROTTLE_RETRY_NS_MAX.
 */
bool throttle_take(struct throttle *t, uint64_t bytes, uint64_t now_ns, uint64_t *wait_ns);

#endif
