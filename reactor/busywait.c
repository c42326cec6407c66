/* SPDX-License-Identifier: GPL-2.0-only */
#include "reactor/busywait.h"

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool uses_long_window(const struct busy_wait *w)
{
	return w->state == BUSY_WAIT_TRIAL || w->state == BUSY_WAIT_LONG;
}

static uint64_t ceiling_ns(const struct busy_wait *w)
{
	return uses_long_window(w) ? w->most_ns : min_u64(BUSY_WAIT_SHORT_NS, w->most_ns);
}

static void enter_state(struct busy_wait *w, enum busy_wait_state state)
{
	w->state = state;
	w->idles = 0;
	if (state == BUSY_WAIT_TRIAL)
		w->with_long = (struct busy_wait_mean){ 0 };
	else if (state == BUSY_WAIT_CONTROL)
		w->with_short = (struct busy_wait_mean){ 0 };
	w->window_ns = uses_long_window(w) ? w->most_ns : min_u64(w->window_ns, ceiling_ns(w));
}

static void long_trial_failed(struct busy_wait *w)
{
	if (w->trial_after < BUSY_WAIT_TRIAL_LAST)
		w->trial_after *= 2;
	enter_state(w, BUSY_WAIT_SHORT);
}

void busy_wait_init(struct busy_wait *w, uint64_t most_ns)
{
	*w = (struct busy_wait){ .most_ns = most_ns, .trial_after = BUSY_WAIT_TRIAL_FIRST };
}

static void update_mean(struct busy_wait_mean *mean, uint64_t ns)
{
	if (mean->n < BUSY_WAIT_IDLES)
		mean->n++;
	mean->ns = mean->ns - mean->ns / mean->n + ns / mean->n;
}

static bool long_pays(const struct busy_wait *w)
{
	return w->with_long.ns + w->with_long.ns / 8 <= w->with_short.ns;
}

/* One sample. @spared: a long window would have avoided this wake-up. */
static void account_idle(struct busy_wait *w, uint64_t idle_ns, bool spared)
{
	update_mean(uses_long_window(w) ? &w->with_long : &w->with_short, idle_ns);
	if (w->state != BUSY_WAIT_SHORT || spared)
		w->idles++;
	switch (w->state) {
	case BUSY_WAIT_SHORT:
		if (w->idles >= w->trial_after && w->with_short.n == BUSY_WAIT_IDLES)
			enter_state(w, BUSY_WAIT_TRIAL);
		break;
	case BUSY_WAIT_TRIAL:
		if (w->idles == BUSY_WAIT_IDLES && long_pays(w))
			enter_state(w, BUSY_WAIT_LONG);
		else if (w->idles == BUSY_WAIT_IDLES)
			long_trial_failed(w);
		break;
	case BUSY_WAIT_LONG:
		if (w->idles == BUSY_WAIT_LONG_IDLES)
			enter_state(w, BUSY_WAIT_CONTROL);
		break;
	case BUSY_WAIT_CONTROL:
		if (w->idles < BUSY_WAIT_IDLES)
			break;
		w->trial_after = BUSY_WAIT_TRIAL_FIRST;
		enter_state(w, long_pays(w) ? BUSY_WAIT_LONG : BUSY_WAIT_SHORT);
		break;
	}
}

void busy_wait_found(struct busy_wait *w, uint64_t idle_ns)
{
	if (idle_ns <= w->most_ns)
		account_idle(w, idle_ns, false);
}

void busy_wait_slept(struct busy_wait *w, uint64_t idle_ns, uint64_t now_ns)
{
	uint64_t ceiling = ceiling_ns(w);

	if (idle_ns > ceiling) {
		w->window_ns /= 2;
		if (w->window_ns < BUSY_WAIT_FIRST_NS)
			w->window_ns = 0;
	} else if (now_ns >= w->away_until_ns) {
		w->window_ns = min_u64(w->window_ns ? w->window_ns * 2 : BUSY_WAIT_FIRST_NS, ceiling);
	}
	if (idle_ns <= w->most_ns && now_ns >= w->away_until_ns)
		account_idle(w, idle_ns, idle_ns > ceiling);
}

void busy_wait_lost(struct busy_wait *w, uint64_t now_ns)
{
	if (w->state == BUSY_WAIT_TRIAL)
		enter_state(w, BUSY_WAIT_SHORT);
	w->window_ns = 0;
	w->away_until_ns = now_ns + BUSY_WAIT_AWAY_NS;
}
