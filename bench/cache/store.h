/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is made once and kept: files of the cache that are made from others by whoever needs them first.
 *   DIR/KIND/NAME      the file; it appears whole, by a rename, and is not written to again
 *   DIR/KIND/NAME.sum  its SHA-256, and which file of the file system had it: size, inode, times
 *   DIR/KIND/lock      locked by who makes one; others wait, and find it made
 * A maker that is killed leaves a *.tmp that the next one removes. A file without .sum is not there yet. One that is
 * not the file of its .sum is read again: if it is the same after all (the cache was copied) the .sum is made new, else
 * it is damaged, and made again. In the nested host, whose files this one brought, times and inodes say nothing.
 */
#ifndef KTSTR_BENCH_CACHE_STORE_H
#define KTSTR_BENCH_CACHE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "bench/cache/sha256.h"

/* Room for what tells a file, and this state of it, from all others. */
#define STORE_IDENTITY 160
void store_identity(const struct stat *st, char text[STORE_IDENTITY]);

/*
 * The file as a descriptor for reading. If there is none, or a damaged one, @make writes it to @fd (0 or -errno, after
 * it said why if it wants to). Where the cache can't be written (no space, no permission, no place for it) the result
 * is a file in memory, and @why, empty otherwise, tells it: a warning. Negative: @make's error.
 */
struct store_maker {
	int (*make)(void *ctx, int fd);
	void *ctx;
};
int store_get(const char *kind, const char *name, const struct store_maker *maker, char *why, size_t why_size);

/* The file if it is there and whole, else -ENOENT, -EBADMSG (damaged) or -errno. */
int store_open(const char *kind, const char *name);
/* Remove it. 0 or -errno. */
int store_remove(const char *kind, const char *name);

/* The SHA-256 of any file, remembered as long as the file stays the same. 0 or -errno. */
int store_digest(const char *path, char hex[SHA256_HEX]);
/* Where that is remembered, below the cache's directory. */
void store_digest_name(const char *path, char name[SHA256_HEX]);

/* A lock file at @path, which is made; waits unless @try. A descriptor to close(), -EWOULDBLOCK or -errno. */
int store_lock(const char *path, bool try);
/* A file in one step: it has its old contents or the new ones. 0 or -errno. */
int store_write(const char *path, const void *data, size_t len);
int store_write_text(const char *path, const char *text);
/* Make directory @path and its parents. 0 or -errno. */
int store_mkdirs(const char *path);

#endif
