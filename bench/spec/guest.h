/* SPDX-License-Identifier: GPL-2.0-only */
/* What the guest's command finds around it: environment, working directory, modules. */
#ifndef KTSTR_BENCH_SPEC_GUEST_H
#define KTSTR_BENCH_SPEC_GUEST_H

#include <limits.h>
#include <stdbool.h>

#define MACHINE_LIST_MAX 64

struct machine_list {
	const char *word[MACHINE_LIST_MAX + 1]; /* NULL-terminated */
	unsigned n;
};

struct guest_options {
	struct machine_list env; /* NAME=VALUE */
	const char *cwd;	 /* as given, or NULL */
	char cwd_path[PATH_MAX]; /* absolute, by guest_options_check() */
	bool all_modules;
};

#endif
