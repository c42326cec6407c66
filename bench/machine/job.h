/* SPDX-License-Identifier: GPL-2.0-only */
/* What a verb adds to the options of a machine, and what it gets back. */
#ifndef KTSTR_BENCH_MACHINE_JOB_H
#define KTSTR_BENCH_MACHINE_JOB_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/nested/plan.h"
#include "kvm/probe.h"

/* What a verb adds to the options. */
struct machine_job {
	char **argv;	  /* the guest's command, NULL-terminated; NULL: none, a plain VMM for --initrd, or a shell */
	bool shell;	  /* the command, or a shell, has hvc0 as its terminal, and that is ours */
	bool other_vmm;	  /* the archive is for a VMM that has none of our conversation */
	bool no_stdin;	  /* the command gets an empty stdin */
	bool watch_disks; /* time each request; --stats does too */
	bool out_to_err;  /* its stdout goes to our stderr: stdout is the verb's */
	/* Files to bring besides the options': a program of this build. */
	struct nested_file companion; /* host NULL: none */
	/* A line of JSON that the guest put on its metric descriptor. */
	void (*metric)(void *ctx, const char *line, size_t len);
	void *ctx;
	struct kvm_probe probe; /* of host_choose() */
	uint64_t start_ns;	/* CLOCK_MONOTONIC when the process began */
};

struct machine_result {
	int code;	/* the process's exit code; its reason was said on stderr */
	bool completed; /* the guest's command ran to its end, and @code is its own */
	json_t *facts;	/* schema "ktstr-machine/1"; NULL when no VM came to be */
};

#endif
