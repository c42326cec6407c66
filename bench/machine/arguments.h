/* SPDX-License-Identifier: GPL-2.0-only */
/* What the options of a machine are parsed into. */
#ifndef KTSTR_BENCH_MACHINE_ARGUMENTS_H
#define KTSTR_BENCH_MACHINE_ARGUMENTS_H

#include "bench/spec/machine.h"

enum dry_run { DRY_RUN_NO, DRY_RUN_TEXT, DRY_RUN_JSON };

struct machine_arguments {
	struct machine_spec spec;
	enum dry_run dry_run;
};

#endif
