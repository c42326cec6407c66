/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ways to handle a kick, each timed with the same guest and the same device: on the vCPU thread, as the exit that
 * the kick is (so do simple VMMs); and by the reactor, with and without a register page and a busy-wait.
 */
#ifndef KTSTR_BENCH_LAB_FRAMES_WAY_H
#define KTSTR_BENCH_LAB_FRAMES_WAY_H

#include <stdbool.h>
#include <stdint.h>

enum way { WAY_EXIT, WAY_REACTOR, WAY_PAGE, WAY_POLL, WAY_PAGE_POLL, WAYS };
extern const char *const way_names[WAYS];

struct load {
	unsigned window;       /* frames under way at once; 1: the time between two is a round trip */
	unsigned bytes;	       /* of a frame, 14..1514 */
	uint64_t busy_wait_ns; /* of the reactor, at most; 0: it sleeps at once */
};

/* Times and counts are per frame. */
struct sample {
	double frames; /* that came back; 0: not measured */
	double frames_per_s;
	double mean_us, p50_us, p99_us;	    /* of a round trip; only with a window of 1 */
	double exits;			    /* of the vCPU to user space */
	double outside_us;		    /* the vCPU thread's between KVM_RUNs; -1: not known */
	double vcpu_cpu_us, reactor_cpu_us; /* CPU time; the first with the guest's */
	double interrupts;
	uint64_t allocations; /* in all, by the thread that handles frames, while the guest was measured */
};

/* Boot @guest, have it send frames, measure for @ns. 0, or a negative errno with the reason in @why. */
int way_measure(enum way way, const char *guest, const struct load *load, uint64_t ns, struct sample *s, char *why,
		unsigned why_size);

#endif
