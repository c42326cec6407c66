/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The nested host: a small Linux ("L1") under QEMU's TCG with SVM, in which a
 * program of this machine runs with a KVM that boots stock kernels. Used to
 * start the same ktstr inside, where this machine's own KVM is missing or only
 * emulates. Nothing below bench/ knows of it.
 *
 * L1 is an initramfs with what the plan names at the same absolute paths. Its
 * init is guest-init, which talks frames (virtio/wire.h) over a virtio port.
 * stdin, stdout and stderr pass through; output files are written here when
 * they have come whole. Timings in L1 are not those of hardware.
 */
#ifndef KTSTR_BENCH_NESTED_RUN_H
#define KTSTR_BENCH_NESTED_RUN_H

#include <stddef.h>

#include "bench/nested/plan.h"

/*
 * Run the command; blocks. Returns its exit code, 124, or 128 + the signal
 * (SIGINT, SIGTERM) that ended it here; else a negative errno and in
 * @why one line for the user. What QEMU or L1 said last then goes to stderr.
 */
int nested_run(const struct nested_plan *plan, char *why, size_t why_size);

/* The exit code of ktstr for a negative errno of nested_run(): 69 or 70. */
int nested_exit_code(int error);

#endif
