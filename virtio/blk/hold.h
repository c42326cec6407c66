/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How many answers one interrupt is to tell of. A driver with many requests in
 * flight asks for the next interrupt as soon as it has taken the last one; a
 * device that is quicker than it then interrupts it for each answer, and in a
 * virtual machine that costs more than the request. So the interrupt waits for
 * more answers as long as the driver goes on asking: it is awake.
 *
 * It is learnt whether that pays, by trying: twice as many are waited for now
 * and then. Where the driver pauses before so many are there, it has no more to
 * ask for, and the next try comes after twice as many interrupts. What is left
 * over at a pause, after it was told of as many as were waited for, is no such
 * case: that is a driver with a whole number of them and some. One that asks for
 * more before it took what it was told of has several things in flight, so that
 * it is tried sooner; else hardly ever, for a try delays an answer. No clock is
 * read here.
 */
#ifndef KTSTR_VIRTIO_BLK_HOLD_H
#define KTSTR_VIRTIO_BLK_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#define HOLD_MOST 16u	      /* answers that one interrupt waits for */
#define HOLD_TRIES_FIRST 4u   /* interrupts until more are tried, */
#define HOLD_TRIES_LAST 4096u /* where that never pays; */
#define HOLD_TRIES_AHEAD 64u  /* an answer that needs no interrupt counts for as many */
#define HOLD_TRIES_SOME 64u   /* where the driver asks for several things at once */
#define HOLD_GAPS_MOST 4u     /* without a request, and nothing is waited for */
/* From the first answer to the interrupt, at most: so many of the round trips that it saves, and no more than this. */
#define HOLD_ROUND_TRIPS 10u
#define HOLD_WHOLE_MOST_NS 3000000ull

struct hold {
	uint64_t whole_ns;
	unsigned target; /* answers that are worth an interrupt; 1: nothing is held */
	unsigned before; /* the target was this, and more are tried; 0: they are not */
	bool enough;	 /* as many as there were then: that says nothing of the target */
	bool paused;	 /* the driver, before the next thing that it asks for */
	unsigned run;	 /* answers that it was told of since its last pause */
	unsigned tries;	 /* interrupts at this target until a larger one is tried */
	unsigned done;	 /* of them */
	uint64_t gap_ns; /* between two requests, on the average */
	uint64_t asked_ns;
	uint64_t first_ns; /* when the first answer came that is held; 0: none is */
	uint64_t until_ns; /* when it is held no longer, should nothing more be asked */
};

/* @round_trip_ns: a request's that takes no time in the device; 0: not known, so that nothing is held. */
void hold_init(struct hold *h, uint64_t round_trip_ns);
/* The driver has asked for @n things more, at @now_ns. */
void hold_asked(struct hold *h, unsigned n, uint64_t now_ns);
/* It waits for @n answers, and @in_flight are still worked on: whether their interrupt waits for more of them. Not for
 * more than that is, so that the disk has something to do meanwhile. */
bool hold_answers(struct hold *h, unsigned n, unsigned in_flight, uint64_t now_ns);
/* Whether what is held is to be held no longer. */
bool hold_over(const struct hold *h, uint64_t now_ns);
/* It was interrupted, for @n answers; 0: it knows of them all and wanted no interrupt. */
void hold_told(struct hold *h, unsigned n, uint64_t now_ns);

#endif
