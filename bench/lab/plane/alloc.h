/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Allocations of the calling thread so far: malloc, calloc, realloc and mmap,
 * called from this program and the libraries linked into it statically (the
 * device and the reactor), by the linker's --wrap.
 */
#ifndef KTSTR_BENCH_LAB_PLANE_ALLOC_H
#define KTSTR_BENCH_LAB_PLANE_ALLOC_H

#include <stdint.h>

uint64_t allocations(void);

#endif
