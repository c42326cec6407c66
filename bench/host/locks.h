/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Locks by which machines on one host avoid each other's CPUs: one lock file per LLC and per CPU,
 *   DIR/ktstr-llc-N.lock, DIR/ktstr-cpu-C.lock    DIR: $KTSTR_LOCK_DIR, else /tmp
 * locked by flock(2), so the kernel releases them however their holder ends. Each holder writes a line to the file:
 * "pid=1 mode=default vcpus=2 since=SECONDS command=ktstr run ...". /proc/locks says who holds a lock; the lines add
 * details. A sole holder overwrites stale lines.
 */
#ifndef KTSTR_BENCH_HOST_LOCKS_H
#define KTSTR_BENCH_HOST_LOCKS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum lock_kind { LOCK_LLC, LOCK_CPU };

struct lock {
	int fd;
	enum lock_kind kind;
	unsigned number;
	bool exclusive;
	bool alone; /* no other process held it when it was taken */
};

struct locks {
	struct lock *lock;
	unsigned n;
	int taking; /* the file of locks_begin(), or 0 */
};

/*
 * Only one process at a time takes locks: between begin and end it holds DIR/ktstr-take.lock, so that two processes
 * never block each other with half of the locks that each needs. 0; -EBUSY: not free within @patience_ns; or -errno.
 */
int locks_begin(struct locks *l, uint64_t patience_ns);
void locks_end(struct locks *l);
/* The process between locks_begin() and locks_end(); 0: none, or unknown. */
pid_t locks_taker(void);

/*
 * Takes one more lock without waiting. @about: "mode=default vcpus=2", for the line. 0; -EBUSY: others hold it; or the
 * -errno of the file.
 */
int lock_take(struct locks *l, enum lock_kind kind, unsigned number, bool exclusive, const char *about);
/* Releases all locks, but not that of locks_begin(). */
void locks_drop(struct locks *l);

/*
 * Whether another process shares one of our locks of this kind. Tries to take each exclusively and shares it again,
 * with ktstr-take.lock held. (Reading /proc/locks would block all locking on the host for milliseconds.)
 */
bool locks_shared(struct locks *l, enum lock_kind kind);

struct lock_holder {
	enum lock_kind kind;
	unsigned number;
	bool exclusive;
	pid_t pid;
	unsigned vcpus;
	int64_t since; /* seconds since the epoch; 0: unknown */
	char mode[16], command[160];
};

/* All holders, LLCs first, by number. Returns their count, with @list to free(), or -errno. */
int locks_read(struct lock_holder **list);
/* A holder of this lock, for a message: "pid 12 (performance: ktstr run ...)", or "another process". */
const char *lock_holder_text(enum lock_kind kind, unsigned number, char *text, size_t size);
const char *lock_kind_name(enum lock_kind kind);
const char *locks_dir(void);

#endif
