/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Derived files in the cache. The first process that needs one makes it; later ones use it.
 *   DIR/KIND/NAME      the file; it appears by rename() and is never written to again
 *   DIR/KIND/NAME.sum  its SHA-256 and its identity: size, inode, times
 *   DIR/KIND/lock      locked while a file of this kind is made; other processes wait, then use that file
 * A maker that is killed leaves a *.tmp, which the next maker removes. A file without .sum does not exist yet. If a
 * file's identity is not the one in its .sum, its digest is computed again: if that matches (the cache was copied), the
 * .sum is rewritten; otherwise the file is damaged and made again. In the nested host only the size is compared, since
 * all files there are copies.
 */
#ifndef KTSTR_BENCH_CACHE_STORE_H
#define KTSTR_BENCH_CACHE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "bench/cache/sha256.h"

/* Size of an identity: text that distinguishes one state of a file from all other files and states. */
#define STORE_IDENTITY 160
void store_identity(const struct stat *st, char text[STORE_IDENTITY]);

/*
 * Returns a descriptor for reading the file. If the file is missing or damaged, @make writes it to @fd and returns 0 or
 * -errno. If the cache cannot be written (no space, no permission, no directory), the result is a file in memory, and
 * @why gets a warning; otherwise @why is empty. Negative: @make's error.
 */
struct store_maker {
	int (*make)(void *ctx, int fd);
	void *ctx;
};
int store_get(const char *kind, const char *name, const struct store_maker *maker, char *why, size_t why_size);

/* A descriptor for reading the file, or -ENOENT, -EBADMSG (damaged) or -errno. */
int store_open(const char *kind, const char *name);
/* 0 or -errno. */
int store_remove(const char *kind, const char *name);

/* The SHA-256 of any file, cached until the file changes. 0 or -errno. */
int store_digest(const char *path, char hex[SHA256_HEX]);
/* The name below DIR/digests under which it is cached. */
void store_digest_name(const char *path, char name[SHA256_HEX]);

/* Creates and locks the file @path; waits unless @try. Returns a descriptor to close(), -EWOULDBLOCK or -errno. */
int store_lock(const char *path, bool try);
/* Replaces a file atomically. 0 or -errno. */
int store_write(const char *path, const void *data, size_t len);
int store_write_text(const char *path, const char *text);
/* Creates the directory @path and its parents. 0 or -errno. */
int store_mkdirs(const char *path);

#endif
