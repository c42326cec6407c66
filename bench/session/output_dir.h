/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A directory of the guest whose finished files appear on this host while the command runs. The guest is trusted less
 * than the host: it chooses names below one directory and what is in the files, and nothing else. A name has no ".",
 * ".." or control characters, no link is followed, and the growth of the directory is bounded.
 *
 * A file is written beside its target and renamed over it once all of it came, so that whoever reads the directory, or
 * kills this process, finds whole files only. Writing is synchronous: the target is a regular file, and the rename
 * waits for the disk anyway.
 */
#ifndef KTSTR_BENCH_SESSION_OUTPUT_DIR_H
#define KTSTR_BENCH_SESSION_OUTPUT_DIR_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/base/atomic.h"

#define OUTPUT_DIR_NAME_MAX 1024 /* bytes of a file's path below the directory */
#define OUTPUT_DIR_DEPTH_MAX 32
#define OUTPUT_DIR_FILES_MAX 100000ull
#define OUTPUT_DIR_BYTES_MAX (16ull << 30)

struct output_dir {
	char *host, *guest; /* paths; the guest's is absolute */
	int fd;		    /* of the host's directory; -1: not open */
	/* By how much the directory may grow, and has grown. */
	uint64_t files_max, bytes_max, files, bytes;
	char name[OUTPUT_DIR_NAME_MAX]; /* of the file that is arriving, below the directory; "": none */
	int parent;			/* the directory that it goes into; -1: none */
	struct atomic_file file;
	uint64_t size;	       /* of what arrived of it */
	uint64_t replaced;     /* size of the file that it replaces */
	bool replaces, failed; /* failed: the rest of it is dropped */
};

/* Makes @host and its parents if they are not there. 0; or -errno and @why. */
int output_dir_open(struct output_dir *d, const char *host, const char *guest, char *why, size_t size);
/* Drops a file that did not arrive whole. Also for one that is all zero with fd and parent -1. */
void output_dir_close(struct output_dir *d);

/* The name below the directory of the guest's file @path; NULL: it is not below it. */
const char *output_dir_name(const struct output_dir *d, const char *path);

/*
 * What the guest sends of the file @name; each returns 0, or -errno and @why, once for a file: the rest of it is
 * dropped then. A chunk of another file drops one that did not end.
 */
int output_dir_chunk(struct output_dir *d, const char *name, const void *data, size_t len, char *why, size_t size);
int output_dir_end(struct output_dir *d, const char *name, char *why, size_t size);
/* The guest removed the file, so it is removed here. Or, with a @reason (not NUL-terminated), could not read it: that
 * is a failure, and the file of this host stays. */
int output_dir_gone(struct output_dir *d, const char *name, const char *reason, size_t reason_len, char *why,
		    size_t size);

#endif
