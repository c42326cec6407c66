/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Result files that appear whole or not at all: written beside their target, synced, then renamed over it.
 * Until atomic_commit() has returned 0 an older file of that name is as it was, also when the process is killed, the
 * disk is full or the rename fails.
 *
 * The target of a symbolic link is replaced, not the link; an older file's permissions (and owner, where this user may
 * set it) are kept, its further hard links are not. What is no regular file, and a descriptor of this process
 * (/dev/stdout, /proc/self/fd/N), is written straight, as it comes.
 */
#ifndef KTSTR_BENCH_BASE_ATOMIC_H
#define KTSTR_BENCH_BASE_ATOMIC_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct atomic_file {
	int fd;			  /* to be written; -1: not open */
	char target[PATH_MAX];	  /* what will be replaced */
	char temporary[PATH_MAX]; /* "": written straight */
};

/* What there is for a result file called @path. */
enum atomic_kind { ATOMIC_REPLACE, ATOMIC_STRAIGHT };
/*
 * The file that @path leads to, in @target, and how it is written. 0; or -errno: it may not be written (-EACCES), its
 * directory is missing (-ENOENT) or takes no new file (-EACCES, -EROFS), or @path is a directory (-EISDIR).
 */
int atomic_check(const char *path, char target[PATH_MAX], enum atomic_kind *kind);

/*
 * Begin. @wait: where @path is a fifo that nobody reads, wait for its reader; else that is -ENXIO and the descriptor is
 * non-blocking. 0 or -errno.
 */
int atomic_open(struct atomic_file *f, const char *path, bool wait);
/* All is written: make it appear. 0; or -errno, then nothing changed. Closes @f either way. */
int atomic_commit(struct atomic_file *f);
/* Drop what was written. Also for one that is not open any more, or all zero with fd -1. */
void atomic_abort(struct atomic_file *f);

/* All of it: open, write @data, commit. 0 or -errno. */
int atomic_write(const char *path, const void *data, size_t len);

#endif
