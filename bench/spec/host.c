/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/spec/host.h"

const char *const host_choice_names[] = { "auto", "direct", "nested", "try" };
const char *const host_mode_names[] = { "default", "performance", "shared" };
