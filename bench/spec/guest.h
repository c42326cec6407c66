/* SPDX-License-Identifier: GPL-2.0-only */
/* What the guest's command finds around it: environment, working directory, modules. */
#ifndef KTSTR_BENCH_SPEC_GUEST_H
#define KTSTR_BENCH_SPEC_GUEST_H

#include <stdbool.h>

#include "bench/spec/list.h"

struct guest_options {
	struct word_list env; /* NAME=VALUE */
	char *cwd;	      /* as given, owned; NULL: the guest's own */
	bool all_modules;
};

#endif
