/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From options to a machine that ran: one VM, its devices, the conversation
 * with its guest, its end in order, and the facts of it all.
 *   machine/options.c    what was asked for, checked
 *   machine/archive.c      what goes into the guest (initramfs, command line)
 *   machine/scheduler.c  the scheduler that it is to run under
 *   machine.c            the run
 *   machine/session.c    the session with the guest
 *   machine/verdict.c    the exit code
 *   machine/facts.c     the facts
 *   host/claim.c       the host's CPUs, taken and given back
 *   machine/plan.c       what it would be
 *   machine/nested.c     the same verb in the nested host instead
 */
#ifndef KTSTR_BENCH_MACHINE_RUN_H
#define KTSTR_BENCH_MACHINE_RUN_H

#include "bench/machine/job.h"
#include "bench/spec/machine.h"

/*
 * Run it. SIGINT, SIGTERM and SIGHUP end it in order (128 + signal). Returns
 * the exit code. @result->facts is the caller's; free by json_decref().
 */
int machine_run(const struct machine_options *o, const struct machine_job *job, struct machine_result *result);

#endif
