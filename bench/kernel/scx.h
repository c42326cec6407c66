/* SPDX-License-Identifier: GPL-2.0-only */
/* Which kernels can load BPF schedulers. */
#ifndef KTSTR_BENCH_KERNEL_SCX_H
#define KTSTR_BENCH_KERNEL_SCX_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "bench/kernel/btf.h"

enum kernel_scx {
	KERNEL_SCX_UNKNOWN, /* the image can't be read for its BTF */
	KERNEL_SCX_NONE,    /* no sched_ext, or no BTF to load a scheduler by */
	KERNEL_SCX_LACKING, /* a scheduler that calls one of the functions that it lacks is refused */
	KERNEL_SCX_COMPLETE,
};

/* What @image can do. The answer is kept in the cache (scx/SHA-256 of the image), for finding it takes a second. */
enum kernel_scx kernel_scx(const char *image, struct kernel_btf_scx *found);

/* The same in words, "" if there is nothing to say of it (complete, or unknown). */
void kernel_scx_text(enum kernel_scx kind, const struct kernel_btf_scx *found, char *text, size_t size);

/* What to do where a kernel is not complete: the newest kernel of the cache that is, or how to get one. */
void kernel_scx_remedy(char *text, size_t size);

/* A warning on stderr if the kernel @image, called @name, is one that refuses some schedulers. */
void kernel_scx_warn(const char *image, const char *name);

#endif
