/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The nested host: a small Linux ("L1") under QEMU's TCG with SVM, in which a
 * program of this machine runs with a KVM that boots stock kernels. Used to
 * start the same ktstr inside, where this machine's own KVM is missing or only
 * emulates. Nothing below bench/ knows of it.
 *
 * L1 is an initramfs with what the plan names at the same absolute paths. Its
 * init is guest-init, which talks frames (virtio/wire.h) over a virtio port.
 * stdin, stdout and stderr pass through; output files are written here when
 * they have come whole. Timings in L1 are not those of hardware.
 */
#ifndef KTSTR_BENCH_NESTED_H
#define KTSTR_BENCH_NESTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NESTED_ENV "KTSTR_NESTED" /* set to 1 in the environment of what runs in L1 */
#define NESTED_OWN_MIB 1536	  /* what L1 needs beside its guest */
#define NESTED_DISKS_MAX 20	  /* guest-init looks at /dev/vda to /dev/vdz */
#define NESTED_CPUS 2
#define NESTED_CPUS_MAX 64
#define NESTED_START_MAX_S 86400
#define NESTED_START_S 180 /* within which L1 must report; $KTSTR_NESTED_TIMEOUT (s) overrides */

/* In the environment of a ktstr in L1: its events go to the descriptor of this number, whatever file was named. */
#define NESTED_EVENTS_ENV "KTSTR_NESTED_EVENTS"
/* Set to 1: what runs in L1 does so in the name of the same verb here. Its VM is L1's, whatever its --host says. */
#define NESTED_VERB_ENV "KTSTR_NESTED_VERB"
/* The image that --kernel means, for what runs in L1 in the name of a verb here. */
#define NESTED_KERNEL_ENV "KTSTR_NESTED_KERNEL"

struct nested_file {
	const char *host;  /* relative to the working directory, or absolute */
	const char *guest; /* NULL: the absolute form of host */
};

struct nested_disk {
	const char *path; /* appears in L1 as the same path, a link to a virtio disk */
	bool ro;
};

/* Lists may be NULL when their count is 0; strings are borrowed. */
struct nested_plan {
	const char *const *argv;	    /* the command in L1, NULL-terminated */
	const char *const *env;		    /* NAME=VALUE, NULL-terminated, or NULL */
	bool tty;			    /* stdin is a terminal: so is the command's, and it is ours */
	bool self;			    /* bring this program, with its libraries, and guest-init */
	const char *guest_init;		    /* path of guest-init on this host */
	const struct nested_file *binaries; /* with the libraries they need */
	size_t n_binaries;
	const struct nested_file *files; /* as they are */
	size_t n_files;
	const struct nested_file *trees; /* directories with all below */
	size_t n_trees;
	const struct nested_disk *disks;
	size_t n_disks;
	const char *const *kernels; /* names in the cache that are to be in L1's cache too, NULL-terminated, or NULL */
	const char *const *outputs; /* files of this host that the command writes, NULL-terminated, or NULL */
	const char *
		lines; /* a file for the lines that the command writes to its $KTSTR_METRIC_FD, as they come; or NULL */
	uint64_t memory_mib; /* of L1 altogether, 0: NESTED_OWN_MIB; $KTSTR_NESTED_MEMORY overrides */
	unsigned cpus; /* for the command, 0: NESTED_CPUS; $KTSTR_NESTED_CPUS overrides. L1 has one more for itself */
	uint64_t timeout_ns; /* for the command, from L1's first report; 0: none. Then the result is 124 */
};

/*
 * Run the command; blocks. Returns its exit code, 124, or 128 + the signal
 * (SIGINT, SIGTERM) that ended it here; else a negative errno and in
 * @why one line for the user. What QEMU or L1 said last then goes to stderr.
 */
int nested_run(const struct nested_plan *plan, char *why, size_t why_size);

/*
 * The command line of the same verb in L1: @argv with this program's path in front. No word is dropped, for only the
 * parser knows options from a guest's command: NESTED_VERB_ENV outranks --host there. To free(); NULL: no memory.
 */
const char **nested_argv(int argc, char *const *argv);

/* The exit code of ktstr for a negative errno of nested_run(): 69 or 70. */
int nested_exit_code(int error);

#endif
