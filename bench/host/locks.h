/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Locks by which the machines of one host keep out of each other's way: a file an LLC and a file a CPU,
 *   DIR/ktstr-llc-N.lock, DIR/ktstr-cpu-C.lock    DIR: $KTSTR_LOCK_DIR, else /tmp
 * locked by flock(2), so that they are free when their holder is gone, however it went. In the file stands a line for
 * each holder: "pid=1 mode=default vcpus=2 since=SECONDS command=ktstr run ...". Who holds a lock is known from
 * /proc/locks; the lines only tell more of him, and those of the dead go when the next finds himself alone.
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
	bool alone; /* nobody else held it when it was taken */
};

struct locks {
	struct lock *lock;
	unsigned n;
	int taking; /* the file of locks_begin(), or 0 */
};

/*
 * One process at a time takes locks, for a moment: between begin and end nobody else's try is in the way of ours, nor
 * half of what he needs in ours. The file is DIR/ktstr-take.lock. 0; -EBUSY: not within @patience_ns; or another
 * negative errno.
 */
int locks_begin(struct locks *l, uint64_t patience_ns);
void locks_end(struct locks *l);
/* Who takes locks just now: a pid, or 0: nobody, or it is not told. */
pid_t locks_taker(void);

/*
 * Take one more, at once or not at all. @about: "mode=default vcpus=2", for the line. 0; -EBUSY: others hold it so
 * that it can't be had; another negative errno: of the file.
 */
int lock_take(struct locks *l, enum lock_kind kind, unsigned number, bool exclusive, const char *about);
/* Give all back; locks_end() is another's. */
void locks_drop(struct locks *l);

/*
 * Whether another holds one of this kind too. It is tried out by taking it for oneself, in one's turn, and sharing it
 * again. (/proc/locks would tell, but each look at it stops all locking of the machine for milliseconds.)
 */
bool locks_shared(struct locks *l, enum lock_kind kind);

struct lock_holder {
	enum lock_kind kind;
	unsigned number;
	bool exclusive;
	pid_t pid;
	unsigned vcpus;
	int64_t since; /* seconds since the epoch; 0: not known */
	char mode[16], command[160];
};

/* Who holds what, LLCs first, by number. A count with @list to free(), or -errno. */
int locks_read(struct lock_holder **list);
/* A holder of this lock in words for an error: "pid 12 (performance: ktstr run ...)"; "another process". */
const char *lock_holder_text(enum lock_kind kind, unsigned number, char *text, size_t size);
const char *lock_kind_name(enum lock_kind kind);
const char *locks_dir(void);

#endif
