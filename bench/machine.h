/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From options to a machine that ran: one VM, its devices, the conversation
 * with its guest, its end in order, and the facts of it all.
 *   machine_options.c    what was asked for, checked
 *   machine_guest.c      what goes into the guest (initramfs, command line)
 *   machine_scheduler.c  the scheduler that it is to run under
 *   machine.c            the run
 *   machine_session.c    the session with the guest
 *   machine_verdict.c    the exit code
 *   machine_report.c     the facts
 *   machine_host.c       the host's CPUs, taken and given back
 *   machine_plan.c       what it would be
 *   machine_nested.c     the same verb in the nested host instead
 */
#ifndef KTSTR_BENCH_MACHINE_H
#define KTSTR_BENCH_MACHINE_H

#include <jansson.h>
#include <stdio.h>

#include "bench/initramfs.h"
#include "bench/machine_host.h"
#include "bench/machine_options.h"
#include "bench/nested.h"
#include "kvm/probe.h"
#include "kvm/vm.h"

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
};

struct machine_result {
	int code;	/* the process's exit code; its reason was said on stderr */
	bool completed; /* the guest's command ran to its end, and @code is its own */
	json_t *facts;	/* schema "ktstr-machine/1"; NULL when no VM came to be */
};

/*
 * Run it. SIGINT, SIGTERM and SIGHUP end it in order (128 + signal). Returns
 * the exit code. @result->facts is the caller's; free by json_decref().
 */
int machine_run(const struct machine_options *o, const struct machine_job *job, struct machine_result *result);

/*
 * The whole verb again, in the nested host. @argc, @argv as the verb got
 * them; @outputs: more files that it writes, NULL-terminated or NULL. Returns
 * the exit code.
 */
int machine_run_nested(const struct machine_options *o, const struct machine_job *job, const char *const *outputs,
		       int argc, char **argv);

/* --dry-run: print what the above would make, on a host of kind HOST_DIRECT or HOST_NESTED. An exit code. */
int machine_dry_run(const struct machine_options *o, const struct machine_job *job, enum host_choice host);

/* The guest's first file system: behind the user's --initrd what guests have in common, then what is this one's own. */
struct machine_archive {
	int kept_fd; /* 0: none */
	uint8_t *own;
	size_t own_size;
};
/* 0 or an exit code. */
int machine_archive_make(struct machine_archive *a, const struct machine_options *o, const struct machine_job *job);
/* All of it into a file. 0 or -errno. */
int machine_archive_write(const struct machine_archive *a, const struct machine_options *o, FILE *f);
void machine_archive_free(struct machine_archive *a);
/* What of it is the same for every guest with these options, the modules among it. */
void machine_kept(struct initramfs_kept *k, const struct machine_options *o, const char *init);
/* The kernel's command line, to free(). */
char *machine_guest_cmdline(const struct machine_options *o, const struct machine_job *job);

#endif
