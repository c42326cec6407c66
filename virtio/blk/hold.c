/* SPDX-License-Identifier: GPL-2.0-only */
#include "virtio/blk/hold.h"

static bool is_late(const struct hold *h, uint64_t now_ns)
{
	return now_ns - h->first_ns >= h->whole_ns;
}

void hold_init(struct hold *h, uint64_t round_trip_ns)
{
	uint64_t whole_ns = HOLD_ROUND_TRIPS * round_trip_ns;

	if (whole_ns > HOLD_WHOLE_MOST_NS)
		whole_ns = HOLD_WHOLE_MOST_NS;
	*h = (struct hold){ .whole_ns = whole_ns, .target = 1, .tries = HOLD_TRIES_FIRST };
}

void hold_asked(struct hold *h, unsigned n, uint64_t now_ns)
{
	uint64_t gap_ns = (now_ns - h->asked_ns) / n, most_ns = h->whole_ns / 4;

	if (gap_ns > most_ns)
		gap_ns = most_ns;
	/* A pause is not how it asks. */
	if (!h->asked_ns)
		h->gap_ns = most_ns;
	else if (!h->paused)
		h->gap_ns = h->gap_ns - h->gap_ns / 8 + gap_ns / 8;
	h->paused = false;
	h->asked_ns = now_ns;
	if (n > 1 && h->tries > HOLD_TRIES_SOME)
		h->tries = HOLD_TRIES_SOME;
}

bool hold_answers(struct hold *h, unsigned n, unsigned in_flight, uint64_t now_ns)
{
	uint64_t left;

	h->enough = in_flight && n >= in_flight;
	if (n >= h->target || h->enough || !h->whole_ns)
		return false;
	if (!h->first_ns)
		h->first_ns = now_ns;
	/* As long as the rest takes, and half as long again, for the last one twice; but one that stopped asking for so
	 * many gaps has nothing left to ask for. */
	left = h->target - n;
	left += (left + 1) / 2;
	if (left > HOLD_GAPS_MOST)
		left = HOLD_GAPS_MOST;
	h->until_ns = (h->asked_ns > h->first_ns ? h->asked_ns : h->first_ns) + left * h->gap_ns;
	if (h->until_ns > h->first_ns + h->whole_ns)
		h->until_ns = h->first_ns + h->whole_ns;
	return !hold_over(h, now_ns);
}

bool hold_over(const struct hold *h, uint64_t now_ns)
{
	return now_ns >= h->until_ns;
}

/* As many as were waited for, or more. */
static void told_all(struct hold *h, bool held)
{
	/* Answers that came all at once say nothing of a driver that goes on asking. */
	if (!held && h->target > 1)
		return;
	if (held && h->before) {
		h->before = 0;
		h->tries = HOLD_TRIES_FIRST;
	}
	if (h->target == HOLD_MOST || ++h->done < h->tries)
		return;
	h->before = h->target;
	h->target = h->target * 2 < HOLD_MOST ? h->target * 2 : HOLD_MOST;
	h->done = h->run = 0;
}

static void told_fewer(struct hold *h, unsigned n, bool late)
{
	unsigned run = h->run;

	if (!late) {
		h->paused = true;
		h->run = 0;
		if (run >= h->target + n)
			return;
	}
	if (h->before && h->tries < HOLD_TRIES_LAST)
		h->tries *= 2;
	if (late)
		h->target = n;
	else if (h->before && n >= h->before)
		h->target = h->before;
	else
		h->target = n > h->target / 2 ? n : h->target / 2;
	h->done = h->before = 0;
}

void hold_told(struct hold *h, unsigned n, uint64_t now_ns)
{
	bool held = h->first_ns, late = held && is_late(h, now_ns), enough = h->enough;

	h->first_ns = 0;
	h->enough = false;
	if (!n)
		h->done += HOLD_TRIES_AHEAD;
	if (!n || (enough && n < h->target))
		return;
	h->run = h->run < 2 * HOLD_MOST ? h->run + n : h->run;
	if (n >= h->target)
		told_all(h, held);
	else
		told_fewer(h, n, late);
}
