/* SPDX-License-Identifier: GPL-2.0-only */
/* What the caller of a machine adds to its options, and what it gets back. */
#ifndef KTSTR_BENCH_MACHINE_JOB_H
#define KTSTR_BENCH_MACHINE_JOB_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/nested/plan.h"
#include "kvm/probe.h"

/* The files that are the guest's stdin, stdout and stderr. */
struct machine_stdio {
	int in; /* -1: empty */
	int out, err;
};

struct machine_host;
struct noise;

/* A workload in the guest begins or ends what it measures (bench/workloads/window.h). */
struct machine_window {
	const char *workload;
	unsigned index;		    /* of the workload in this run */
	bool end;		    /* else its begin */
	uint64_t guest_ns, host_ns; /* CLOCK_MONOTONIC of each */
};

struct machine_job {
	const char *const *argv; /* the guest's command, NULL-terminated; NULL: a plain VMM for --initrd, or a shell */
	bool shell;		 /* the command, or a shell, has a terminal of the guest's own, and we are its user */
	bool other_vmm;		 /* the archive is for a VMM that has none of our conversation */
	bool watch_disks;	 /* time each request; --stats does too */
	bool fingerprint;	 /* the facts have what exactly ran (machine/fingerprint.h) */
	bool watch_host;	 /* read the host's counters at each window's begin and end */
	struct machine_stdio stdio; /* the guest's console, for a plain VMM: in and out */
	uint8_t escape;		    /* this byte of stdin ends the machine; 0: none */
	struct machine_host *host;  /* the CPUs that were claimed for it (host/claim.h) */
	/* Programs to copy into the guest besides those of the options. */
	const struct nested_file *programs;
	unsigned n_programs;
	/* A line of JSON that the guest wrote to its metric descriptor, borrowed; NULL: it is none. May be NULL. */
	void (*metric)(void *ctx, json_t *object);
	void *metric_ctx;
	/*
	 * Called when the guest reports an edge of a window. The guest waits at it, its workload in its warm-up or at
	 * its end, until the job's stdin gets a line. May be NULL.
	 */
	void (*window)(void *ctx, const struct machine_window *w);
	void *window_ctx;
	/* The guest uses the terminal from here on. May be NULL. */
	void (*terminal)(void *ctx);
	void *terminal_ctx;
	struct kvm_probe probe; /* of host_choose() */
	uint64_t start_ns;	/* CLOCK_MONOTONIC when the process began */
};

struct machine_result {
	int code;	     /* the process's exit code; its reason was said on stderr */
	bool completed;	     /* the guest's command ran to its end, and @code is its own */
	struct noise *noise; /* with the job's watch_host; free by noise_free() and free(). Or NULL */
	json_t *facts;	     /* schema "ktstr-machine/1"; NULL when no VM came to be */
};

#endif
