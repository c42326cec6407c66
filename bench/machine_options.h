/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What run and bench have in common on their command lines: the machine. All
 * of it is checked, by name and by looking at the files, before any VM exists.
 */
#ifndef KTSTR_BENCH_MACHINE_OPTIONS_H
#define KTSTR_BENCH_MACHINE_OPTIONS_H

#include <argp.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/conversation.h"
#include "bench/disk.h"
#include "bench/guest_options.h"
#include "bench/host_options.h"
#include "bench/machine_shape.h"
#include "bench/nic.h"
#include "bench/busy_wait.h"
#include "bench/register_page.h"

#define MACHINE_DISKS_MAX 12

/* HOST_TRY, not documented: direct, whatever the probe says, to time a start up to where such a KVM gives up. */
enum host_choice { HOST_AUTO, HOST_DIRECT, HOST_NESTED, HOST_TRY };
enum dry_run { DRY_RUN_NO, DRY_RUN_TEXT, DRY_RUN_JSON };

/* Holds pointers into itself: not to be copied. */
struct machine_options {
	enum host_choice host;
	enum register_choice register_page;
	enum dry_run dry_run;
	const char *kernel; /* as given */
	const char *initrd, *append, *stats;
	const char *scheduler;	   /* see machine_scheduler.h; NULL: the kernel's own */
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

/* Set what is not asked for; @o is zeroed. */
void machine_options_init(struct machine_options *o);
/* The options, as an argp child whose input is struct machine_options. */
extern const struct argp machine_options_argp;
/*
 * Find the kernel; look at kernel, initrd, disks and files. Returns 0, or an
 * exit code after it said on stderr what is wrong.
 */
int machine_options_check(struct machine_options *o);
/* Whether the kernel can be booted, as far as that can be told before. 0, or an exit code after a word on stderr. */
int machine_kernel_check(const struct machine_options *o);
/* The same for a file to be written: @path may not exist, its directory must. */
int machine_output_check(const char *option, const char *path);
/* HOST[:GUEST]: the host's part in @host; the guest's, or NULL. False: too long. */
bool machine_file_split(const char *word, char host[PATH_MAX], const char **guest);

#endif
