/* SPDX-License-Identifier: GPL-2.0-only */
/* All that is asked of a machine, and what the checks made of it. */
#ifndef KTSTR_BENCH_SPEC_MACHINE_H
#define KTSTR_BENCH_SPEC_MACHINE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/spec/conversation.h"
#include "bench/spec/disk.h"
#include "bench/spec/guest.h"
#include "bench/spec/host.h"
#include "bench/spec/nic.h"
#include "bench/spec/poll.h"
#include "bench/spec/registers.h"
#include "bench/spec/shape.h"

#define MACHINE_DISKS_MAX 12

enum dry_run { DRY_RUN_NO, DRY_RUN_TEXT, DRY_RUN_JSON };

/* Holds pointers into itself: not to be copied. */
struct machine_options {
	enum host_choice host;
	enum register_choice register_page;
	enum dry_run dry_run;
	const char *kernel; /* as given */
	const char *initrd, *append, *stats;
	const char *scheduler;	   /* see machine/scheduler.h; NULL: the kernel's own */
	const char *scheduler_log; /* a file, or NULL: stderr */
	unsigned cpus;
	uint64_t memory; /* bytes */
	struct machine_shape shape;
	uint64_t timeout_ns; /* 0: none */
	bool console, verbose;
	struct nic nic;
	struct host_options host_cpus;
	struct poll_choice poll;
	struct disk disk[MACHINE_DISKS_MAX];
	unsigned n_disks;
	struct conversation_options conversation;
	char events_fd[20]; /* of conversation, in the nested host */
	struct machine_list files, modules, outputs;
	struct guest_options guest;
	/* Of the kernel, by machine_options_check(). */
	char image[PATH_MAX];
	char module_dir[PATH_MAX];	/* .../lib/modules/RELEASE, or "" */
	char kernel_name[NAME_MAX + 1]; /* in the cache, or "": a file elsewhere */
	char config[PATH_MAX];		/* its configuration, or "" */
	char config_in_guest[NAME_MAX + 32];
};

#endif
