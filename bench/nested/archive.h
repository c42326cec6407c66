/* SPDX-License-Identifier: GPL-2.0-only */
/* The initramfs of a nested host: its init, the command of a plan, and all that the plan names. */
#ifndef KTSTR_BENCH_NESTED_ARCHIVE_H
#define KTSTR_BENCH_NESTED_ARCHIVE_H

#include <stddef.h>

#include "bench/nested/plan.h"

/* @modules_dir: of the nested host's kernel. A memfd that holds the archive, or -errno and @why. */
int nested_archive_make(const struct nested_plan *plan, const char *modules_dir, char *why, size_t size);

/* Writes to @why that the kernel @name cannot be had from the cache, for @error, which is returned. */
int nested_no_kernel(const char *name, int error, char *why, size_t size);

#endif
