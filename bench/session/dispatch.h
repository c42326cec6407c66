/* SPDX-License-Identifier: GPL-2.0-only */
/* The one table of all frames that a guest sends: each one's name, layout, and who takes it. */
#ifndef KTSTR_BENCH_SESSION_DISPATCH_H
#define KTSTR_BENCH_SESSION_DISPATCH_H

#include <stdint.h>

#include "bench/session/frame.h"

/* NULL: no type that a guest sends. */
const struct frame_type *frame_type_of(uint32_t type);

#endif
