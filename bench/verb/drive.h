/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs a machine for a verb, and owns what belongs to the whole process while it does: signals, SIGPIPE, the terminal's
 * modes, the CPUs of this thread. All of it is given back.
 */
#ifndef KTSTR_BENCH_VERB_DRIVE_H
#define KTSTR_BENCH_VERB_DRIVE_H

#include "bench/machine/job.h"
#include "bench/machine/resolved.h"

/*
 * From machine_create() to machine_end(). SIGINT, SIGTERM and SIGHUP end the machine in order (128 + signal); those
 * that were ignored when the process began stay ignored. Returns the exit code. @result->facts is the caller's.
 */
int drive_machine(const struct machine_resolved *r, const struct machine_job *job, struct machine_result *result);

#endif
