/* SPDX-License-Identifier: GPL-2.0-only */
#include "virtio/blk/hold.h"

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void update_average(uint64_t *mean, uint64_t sample)
{
	*mean = *mean ? *mean - *mean / 8 + sample / 8 : sample;
}

/* The most from the first completion held to the interrupt. */
static uint64_t hold_limit_ns(const struct hold *h)
{
	return min_u64(HOLD_REACTIONS * h->reaction_ns, HOLD_WHOLE_MOST_NS);
}

void hold_init(struct hold *h)
{
	*h = (struct hold){ .target = 1, .trial_after = HOLD_TRIAL_FIRST };
}

/* Note (2) of the header. */
static void driver_submits_ahead(struct hold *h)
{
	h->misses = 0;
	if (h->trial_after > HOLD_TRIAL_AHEAD)
		h->trial_after = HOLD_TRIAL_AHEAD;
}

void hold_submitted(struct hold *h, unsigned n, uint64_t now_ns)
{
	uint64_t reaction_ns = now_ns - h->interrupt_ns, gap_ns = (now_ns - h->request_ns) / n;

	if (h->interrupt_ns && reaction_ns <= HOLD_PAUSE_NS)
		update_average(&h->reaction_ns, min_u64(reaction_ns, HOLD_REACTION_MOST_NS));
	if (h->request_ns && !h->paused)
		update_average(&h->gap_ns, min_u64(gap_ns, h->reaction_ns));
	h->interrupt_ns = 0;
	h->paused = false;
	h->request_ns = now_ns;
	if (n > 1)
		driver_submits_ahead(h);
}

/* How long the driver may submit nothing while @missing completions are awaited. */
static uint64_t hold_idle_ns(const struct hold *h, unsigned missing)
{
	uint64_t gaps = min_u64(missing + (missing + 1) / 2, HOLD_GAPS_MOST);
	uint64_t most_ns = h->previous == 1 ? h->reaction_ns >> h->misses : h->reaction_ns;

	return min_u64(gaps * h->gap_ns, most_ns);
}

bool hold_completed(struct hold *h, unsigned n, unsigned in_flight, uint64_t now_ns)
{
	uint64_t from_ns;

	h->enough = in_flight && n >= in_flight;
	if (n >= h->target || h->enough || !h->reaction_ns)
		return false;
	if (!h->first_ns) {
		h->first_ns = now_ns;
		h->limit_ns = now_ns + hold_limit_ns(h);
	}
	from_ns = h->request_ns > h->first_ns ? h->request_ns : h->first_ns;
	h->until_ns = min_u64(from_ns + hold_idle_ns(h, h->target - n), h->limit_ns);
	return !hold_expired(h, now_ns);
}

bool hold_expired(const struct hold *h, uint64_t now_ns)
{
	return now_ns >= h->until_ns;
}

static void target_reached(struct hold *h, bool held)
{
	if (!held && h->target > 1)
		return;
	if (held && h->previous) {
		h->previous = h->misses = 0;
		h->trial_after = HOLD_TRIAL_FIRST;
	}
	if (h->target == HOLD_TARGET_MOST || ++h->interrupts < h->trial_after || !h->reaction_ns)
		return;
	h->previous = h->target;
	h->target *= 2;
	h->interrupts = h->taken = 0;
}

static void hold_trial_failed(struct hold *h)
{
	if (h->trial_after < HOLD_TRIAL_LAST)
		h->trial_after *= 2;
	if (h->previous == 1 && h->misses < HOLD_MISSES_MOST)
		h->misses++;
}

static void target_missed(struct hold *h, unsigned n, bool late)
{
	unsigned taken = h->taken;

	if (!late) {
		h->paused = true;
		h->taken = 0;
		if (taken >= h->target + n)
			return;
	}
	if (h->previous)
		hold_trial_failed(h);
	if (late)
		h->target = n;
	else if (h->previous && n >= h->previous)
		h->target = h->previous;
	else
		h->target = n > h->target / 2 ? n : h->target / 2;
	h->interrupts = h->previous = 0;
}

void hold_interrupted(struct hold *h, unsigned n, uint64_t now_ns)
{
	bool held = h->first_ns, late = held && now_ns >= h->limit_ns, enough = h->enough;

	h->first_ns = 0;
	h->enough = false;
	if (!n) {
		h->interrupts += HOLD_TRIAL_AHEAD;
		driver_submits_ahead(h);
		return;
	}
	h->interrupt_ns = now_ns;
	if (enough && n < h->target)
		return;
	h->taken = h->taken < 2 * HOLD_TARGET_MOST ? h->taken + n : h->taken;
	if (n >= h->target)
		target_reached(h, held);
	else
		target_missed(h, n, late);
}
