/* SPDX-License-Identifier: GPL-2.0-only */
/* Which kernels can load BPF schedulers. */
#ifndef KTSTR_BENCH_KERNEL_SCX_H
#define KTSTR_BENCH_KERNEL_SCX_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "bench/kernel/btf.h"

enum kernel_scx {
	KERNEL_SCX_UNKNOWN, /* the BTF in the image cannot be read */
	KERNEL_SCX_NONE,    /* no sched_ext, or no BTF, which schedulers need */
	KERNEL_SCX_LACKING, /* some kfuncs are missing: schedulers that call them are refused */
	KERNEL_SCX_COMPLETE,
};

/* What @image supports. The answer takes a second, so it is cached (scx/SHA-256 of the image). */
enum kernel_scx kernel_scx(const char *image, struct kernel_btf_scx *found);

/* The same in words; "" if complete or unknown. */
void kernel_scx_text(enum kernel_scx kind, const struct kernel_btf_scx *found, char *text, size_t size);

/* The remedy for a kernel that is not complete: the newest cached kernel that is, or how to get one. */
void kernel_scx_remedy(char *text, size_t size);

/* Warns on stderr if the kernel @image, named @name, refuses some schedulers. */
void kernel_scx_warn(const char *image, const char *name);

#endif
