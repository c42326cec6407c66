/* SPDX-License-Identifier: GPL-2.0-only */
/* What the nested host is given: a command, and all that it needs there. */
#ifndef KTSTR_BENCH_NESTED_PLAN_H
#define KTSTR_BENCH_NESTED_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NESTED_OWN_MIB 1536 /* what L1 needs beside its guest */
#define NESTED_DISKS_MAX 20 /* guest-init looks at /dev/vda to /dev/vdz */
#define NESTED_CPUS 2
#define NESTED_CPUS_MAX 64
#define NESTED_START_MAX_S 86400
#define NESTED_START_S 180 /* within which L1 must report; $KTSTR_NESTED_TIMEOUT (s) overrides */

struct nested_file {
	const char *host;  /* relative to the working directory, or absolute */
	const char *guest; /* NULL: the absolute form of host */
};

/* A file of the nested host that this machine does not have. */
struct nested_data {
	const char *guest; /* absolute; NULL: none */
	const void *bytes;
	size_t len;
};

/*
 * A directory of L1 whose files appear in one of this machine while the command runs, each as soon as it is finished
 * there: renamed to its name, or closed. session/output_dir.h says what of it L1 may choose. To have in L1 what is in
 * the directory before, put it among the trees too.
 */
struct nested_output_dir {
	const char *host;  /* made if it is not there */
	const char *guest; /* NULL: the absolute form of host */
};

struct nested_disk {
	const char *path; /* appears in L1 as the same path, a link to a virtio disk */
	bool ro;
};

struct reactor_counters;

/* Lists may be NULL when their count is 0; strings are borrowed. */
struct nested_plan {
	const char *const *argv;	    /* the command in L1, NULL-terminated */
	const char *const *env;		    /* NAME=VALUE, NULL-terminated, or NULL */
	bool tty;			    /* stdin is a terminal: so is the command's, and it is ours */
	bool self;			    /* copy this program, with its shared libraries, and guest-init */
	const char *guest_init;		    /* path of guest-init on this host */
	const struct nested_file *binaries; /* with the libraries they need */
	size_t n_binaries;
	const struct nested_file *files; /* as they are */
	size_t n_files;
	const struct nested_file *trees; /* directories with all below */
	size_t n_trees;
	struct nested_data data;
	const struct nested_disk *disks;
	size_t n_disks;
	const char *const *kernels; /* names in the cache that are to be in L1's cache too, NULL-terminated, or NULL */
	const char *const *outputs; /* files of this host that the command writes, NULL-terminated, or NULL */
	const struct nested_output_dir *output_dirs;
	size_t n_output_dirs;
	const char *
		lines; /* a file for the lines that the command writes to its $KTSTR_METRIC_FD, as they come; or NULL */
	uint64_t memory_mib; /* of L1 altogether, 0: NESTED_OWN_MIB; $KTSTR_NESTED_MEMORY overrides */
	unsigned cpus; /* for the command, 0: NESTED_CPUS; $KTSTR_NESTED_CPUS overrides. L1 has one more for itself */
	uint64_t timeout_ns; /* for the command, from L1's first report; 0: none. Then the result is 124 */
	struct reactor_counters *counters; /* filled in the end: of the reactor that relays all this here; or NULL */
};

#endif
