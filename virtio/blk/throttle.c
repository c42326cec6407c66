/* SPDX-License-Identifier: GPL-2.0-only */
#include "virtio/blk/throttle.h"

#include <errno.h>
#include <stdio.h>

#define NS_PER_S 1000000000ull

int throttle_limit_check(const struct throttle_limit *l, const char *name, char *why, size_t why_size)
{
	if (l->burst && !l->rate) {
		snprintf(why, why_size, "%s-burst is set, but %s is not; a burst needs a rate", name, name);
		return -EINVAL;
	}
	if (l->burst && l->burst < l->rate) {
		snprintf(why, why_size, "%s-burst %llu is less than %s %llu: it holds at least one second's worth",
			 name, (unsigned long long)l->burst, name, (unsigned long long)l->rate);
		return -EINVAL;
	}
	return 0;
}

static int64_t clamp_tokens(uint64_t n)
{
	return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

static bool bucket_unlimited(const struct bucket *b)
{
	return !b->capacity || !b->rate;
}

void bucket_init(struct bucket *b, const struct throttle_limit *l, uint64_t now_ns)
{
	uint64_t capacity = l->burst ? l->burst : l->rate;

	*b = (struct bucket){ .capacity = (uint64_t)clamp_tokens(capacity),
			      .rate = l->rate,
			      .available = clamp_tokens(capacity),
			      .refilled_ns = now_ns };
}

static void bucket_refill(struct bucket *b, uint64_t now_ns)
{
	unsigned __int128 grown;
	uint64_t room;

	if (now_ns <= b->refilled_ns)
		return;
	grown = (unsigned __int128)(now_ns - b->refilled_ns) * b->rate + b->carry;
	/* Less than a token: the time since refilled_ns still counts. */
	if (grown < NS_PER_S)
		return;
	b->refilled_ns = now_ns;
	b->carry = (uint64_t)(grown % NS_PER_S);
	grown /= NS_PER_S;
	room = b->capacity - (uint64_t)b->available; /* modulo 2^64, so right for a debt too */
	if (grown >= room) {
		b->available = (int64_t)b->capacity;
		b->carry = 0;
	} else {
		b->available = (int64_t)((uint64_t)b->available + (uint64_t)grown);
	}
}

/* The tokens that must be there for @n to pass. A request that could never fit only waits until there is no debt. */
static int64_t bucket_needed(const struct bucket *b, uint64_t n)
{
	return n <= b->capacity ? (int64_t)n : 0;
}

bool bucket_can_consume(struct bucket *b, uint64_t n, uint64_t now_ns)
{
	if (!n || bucket_unlimited(b))
		return true;
	if (n > INT64_MAX)
		return false;
	bucket_refill(b, now_ns);
	return b->available >= bucket_needed(b, n);
}

void bucket_consume(struct bucket *b, uint64_t n)
{
	if (!n || bucket_unlimited(b))
		return;
	/* The debt of one request is bounded by its size, below INT64_MAX. */
	if (__builtin_sub_overflow(b->available, (int64_t)n, &b->available))
		b->available = INT64_MIN;
}

uint64_t bucket_nanos_until(const struct bucket *b, uint64_t n, uint64_t now_ns)
{
	struct bucket then = *b;
	unsigned __int128 missing, wait;
	uint64_t since;

	if (!n || bucket_unlimited(b))
		return 0;
	if (n > INT64_MAX)
		return UINT64_MAX;
	bucket_refill(&then, now_ns);
	if (then.available >= bucket_needed(b, n))
		return 0;
	missing = (unsigned __int128)((__int128)bucket_needed(b, n) - then.available) * NS_PER_S - then.carry;
	wait = (missing + b->rate - 1) / b->rate;
	since = now_ns > then.refilled_ns ? now_ns - then.refilled_ns : 0;
	wait = wait > since ? wait - since : 1;
	return wait > UINT64_MAX ? UINT64_MAX : (uint64_t)wait;
}

void throttle_init(struct throttle *t, const struct throttle_limit *ops, const struct throttle_limit *bytes,
		   uint64_t now_ns)
{
	bucket_init(&t->ops, ops, now_ns);
	bucket_init(&t->bytes, bytes, now_ns);
}

bool throttle_limited(const struct throttle *t)
{
	return !bucket_unlimited(&t->ops) || !bucket_unlimited(&t->bytes);
}

bool throttle_take(struct throttle *t, uint64_t bytes, uint64_t now_ns, uint64_t *wait_ns)
{
	uint64_t ops_wait, bytes_wait;
	/* Both are checked before either is charged. */
	bool ops_ok = bucket_can_consume(&t->ops, 1, now_ns), bytes_ok = bucket_can_consume(&t->bytes, bytes, now_ns);

	if (ops_ok && bytes_ok) {
		bucket_consume(&t->ops, 1);
		bucket_consume(&t->bytes, bytes);
		return true;
	}
	ops_wait = bucket_nanos_until(&t->ops, 1, now_ns);
	bytes_wait = bucket_nanos_until(&t->bytes, bytes, now_ns);
	*wait_ns = ops_wait > bytes_wait ? ops_wait : bytes_wait;
	if (*wait_ns > THROTTLE_RETRY_NS_MAX)
		*wait_ns = THROTTLE_RETRY_NS_MAX;
	return false;
}
