/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All that is asked of a machine, as a value: nothing in it points into it, and it owns its strings and lists. What the
 * checks find out about this host (the kernel's files, the topology with its memory, ...) is no part of it, see
 * bench/machine/resolved.h. All zero asks for nothing: every option has its default.
 */
#ifndef KTSTR_BENCH_SPEC_MACHINE_H
#define KTSTR_BENCH_SPEC_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/spec/conversation.h"
#include "bench/spec/disk.h"
#include "bench/spec/field.h"
#include "bench/spec/file.h"
#include "bench/spec/guest.h"
#include "bench/spec/host.h"
#include "bench/spec/list.h"
#include "bench/spec/nic.h"
#include "bench/spec/poll.h"
#include "bench/spec/registers.h"
#include "bench/spec/shape.h"

#define MACHINE_DISKS_MAX 12
#define MACHINE_FILES_MAX 64
#define MACHINE_LIST_MAX 64		/* words of each list of the options */
#define MACHINE_APPEND_MAX 3000		/* bytes that a kernel takes */
#define MACHINE_MEMORY_MAX (1ull << 46) /* bytes that can be addressed */
#define MACHINE_CPUS_DEFAULT 2

/* Strings are owned; NULL: not asked for. */
struct machine_spec {
	enum host_choice host;
	char *kernel, *initrd, *append;
	char *scheduler;     /* see machine/scheduler.h; NULL: the kernel's own */
	char *scheduler_log; /* a file, or NULL: stderr */
	char *stats;
	unsigned cpus;	 /* 0: MACHINE_CPUS_DEFAULT, or what shape.text says */
	uint64_t memory; /* bytes, whole pages; 0: what CPUs, nodes and files need */
	struct machine_shape shape;
	struct host_options host_cpus;
	enum register_choice register_page;
	struct poll_choice poll;
	struct nic nic;
	struct disk disk[MACHINE_DISKS_MAX];
	unsigned n_disks;
	struct conversation_options conversation;
	struct file_pair file[MACHINE_FILES_MAX];
	unsigned n_files;
	struct word_list modules, outputs;
	struct guest_options guest;
	struct word_list command; /* empty: none */
	bool shell;		  /* the command, or a shell, has the terminal */
	uint64_t timeout_ns;	  /* 0: none */
	bool console, verbose;
};

/* @to becomes a value of its own, which shares nothing with @from. 0; -ENOMEM, and then it is empty. */
int machine_spec_copy(struct machine_spec *to, const struct machine_spec *from);
/* Free what it owns; it asks for nothing then. */
void machine_spec_free(struct machine_spec *spec);

/* All of its values as keys of JSON (bench/spec/field.h). */
extern const struct field machine_fields[];

#endif
