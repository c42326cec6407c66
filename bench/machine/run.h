/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine: one VM, its devices, the conversation with its guest, its end in order, and the facts of it all.
 *
 *   machine_create()   everything is opened, allocated and checked; no vCPU runs
 *   machine_start()    the vCPUs run
 *   machine_step()     the reactor turns, until the guest has ended and all it wrote is written
 *   machine_command()  a request from outside, while it runs
 *   machine_end()      the verdict and the facts; everything is closed
 *
 * A machine does not touch what belongs to the whole process: signals (its sinks need SIGPIPE ignored), the terminal's
 * modes, which descriptors are stdio, affinity. That is its caller's; verb/drive.c does it for the verbs.
 */
#ifndef KTSTR_BENCH_MACHINE_RUN_H
#define KTSTR_BENCH_MACHINE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/machine/job.h"
#include "bench/machine/resolved.h"

struct machine;
struct reactor;

/* @resolved outlives the machine; @job is copied, what it points to is not. 0; or an exit code, after a line on stderr.
 */
int machine_create(struct machine **out, const struct machine_resolved *resolved, const struct machine_job *job);

/* Where the caller adds its own sources and timers, between machine_create() and machine_end(). */
struct reactor *machine_reactor(struct machine *m);

/* 0; or an exit code after a line on stderr: then machine_end() follows, and returns the same code. */
int machine_start(struct machine *m);

#define MACHINE_NO_DEADLINE UINT64_MAX
/*
 * Wait for something to happen, at most until the absolute @deadline_ns, and let it. With MACHINE_NO_DEADLINE it
 * returns when the guest ends (and busy-waits as the machine is set up to). False: the machine is at rest; only
 * machine_end() is left to do. Not from a handler.
 */
bool machine_step(struct machine *m, uint64_t deadline_ns);

struct machine_command {
	enum { MACHINE_END, MACHINE_WINDOW, MACHINE_WAKE } what;
	int signo; /* MACHINE_END: the result is 128 + signo; 0: the user wants it so, and the result is 0 */
	uint16_t rows, columns; /* MACHINE_WINDOW: of the terminal that a shell has */
	uint8_t byte;		/* MACHINE_WAKE: to the guest's init (virtio/wire.h) */
};
/*
 * From a handler, or between steps. MACHINE_END during the end gives up output that nobody takes. 0; -ESHUTDOWN: the
 * guest does not run; -EINVAL: this guest has no such thing; -ENOMEM.
 */
int machine_command(struct machine *m, const struct machine_command *command);

/* Whether output was given up: then a line on stderr may never be taken either. After machine_step() returned false. */
bool machine_gave_up(const struct machine *m);

/*
 * Frees @m, whatever phase it is in; one that runs is stopped first. Returns the exit code, after its reason was said
 * on stderr. @result->facts is the caller's; free by json_decref().
 */
int machine_end(struct machine *m, struct machine_result *result);

#endif
