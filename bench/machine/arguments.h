/* SPDX-License-Identifier: GPL-2.0-only */
/* What the options of a machine are parsed into. */
#ifndef KTSTR_BENCH_MACHINE_ARGUMENTS_H
#define KTSTR_BENCH_MACHINE_ARGUMENTS_H

#include "bench/spec/machine.h"

/* DRY_RUN_NEEDS, undocumented: JSON that also says what the nested host would be given (machine/nested.h). */
enum dry_run { DRY_RUN_NO, DRY_RUN_TEXT, DRY_RUN_JSON, DRY_RUN_NEEDS };

/* Options that may be repeated. */
enum machine_list {
	LIST_DISKS = 1,
	LIST_FILES = 2,
	LIST_MODULES = 4,
	LIST_OUTPUTS = 8,
	LIST_ENV = 16,
	LIST_WAKES = 32,
	LIST_MADVISE = 64
};

struct machine_arguments {
	struct machine_spec spec;
	const char *spec_file; /* of --spec, or NULL */
	unsigned typed;	       /* lists that were typed after it */
	enum dry_run dry_run;
};

/* Whether @list is typed for the first time beside a --spec: then what the spec says of it is replaced. */
static inline bool machine_list_replaces(struct machine_arguments *a, enum machine_list list)
{
	bool first = a->spec_file && !(a->typed & list);

	a->typed |= list;
	return first;
}

#endif
