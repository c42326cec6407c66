/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ktstr's guest library: what a program in the guest can tell the host, and
 * wait for. Link with libktstr-guest.a; the command `ktstr-guest` offers the
 * same to shell scripts.
 *
 * Each call returns when the host's stream holds what was said, so that it
 * stands before whatever the program writes to stdout next. A call blocks while
 * the host is slow. Calls of any number of processes and threads never mix;
 * one struct ktstr_guest is one thread's. Functions return 0 or a negative
 * errno.
 */
#ifndef KTSTR_GUEST_INIT_KTSTR_GUEST_H
#define KTSTR_GUEST_INIT_KTSTR_GUEST_H

#include <stddef.h>
#include <stdint.h>

#define KTSTR_GUEST_SOCKET "/run/ktstr.sock" /* $KTSTR_SOCKET overrides */
#define KTSTR_GUEST_NOW UINT32_MAX	     /* elapsed_ms since the scenario's start, by init's clock */

struct ktstr_guest {
	int fd;
};

/* -ENOENT or -ECONNREFUSED: not in a guest of `ktstr run`. */
int ktstr_guest_open(struct ktstr_guest *g);
void ktstr_guest_close(struct ktstr_guest *g);

/* A scenario; its end reports the time since its start, pauses included. */
int ktstr_guest_scenario_start(struct ktstr_guest *g);
int ktstr_guest_scenario_end(struct ktstr_guest *g);
int ktstr_guest_scenario_pause(struct ktstr_guest *g);
int ktstr_guest_scenario_resume(struct ktstr_guest *g);

/* A step of a scenario has been applied. */
struct ktstr_guest_stimulus {
	uint32_t elapsed_ms; /* or KTSTR_GUEST_NOW */
	uint16_t step_index, op_count;
	uint32_t op_kinds; /* bit mask */
	uint16_t cgroup_count, worker_count;
	uint64_t total_iterations;
};
int ktstr_guest_stimulus(struct ktstr_guest *g, const struct ktstr_guest_stimulus *s);

/* One JSON value on one line. */
int ktstr_guest_metric(struct ktstr_guest *g, const char *json);
/* Raw output of a payload, and a scheduler's log: any bytes, any length. */
int ktstr_guest_raw(struct ktstr_guest *g, const void *data, size_t len);
int ktstr_guest_scheduler_log(struct ktstr_guest *g, const void *data, size_t len);
/* The scheduler under test has ended: the host ends the run. */
int ktstr_guest_scheduler_exit(struct ktstr_guest *g, int32_t code);

/* Latches that the host sets; once set, each call returns at once.
 * @timeout_ms -1: none. -ETIMEDOUT leaves @g of no more use than to close. */
enum ktstr_guest_latch { KTSTR_GUEST_ACCESSOR_READY = 0xac, KTSTR_GUEST_BPF_WRITE_DONE = 0xbf };
int ktstr_guest_wait(struct ktstr_guest *g, enum ktstr_guest_latch latch, int timeout_ms);

/*
 * Ask the host to freeze the machine and store its state under @tag (capture),
 * or to do so when the kernel symbol @tag is written (watch). One at a time in
 * the guest: -EBUSY. -EREMOTEIO: the host refused, @reason says why (64 bytes,
 * may be NULL). Other errors as for ktstr_guest_wait().
 */
int ktstr_guest_capture(struct ktstr_guest *g, const char *tag, int timeout_ms, char reason[64]);
int ktstr_guest_watch(struct ktstr_guest *g, const char *symbol, int timeout_ms, char reason[64]);

#endif
