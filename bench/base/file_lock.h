/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Locks on files, by the names that the kernel gives them. /proc/locks names an inode by its number and its super
 * block's device; stat(2) tells other numbers where the file's device is not the super block's: a subvolume of btrfs,
 * a layer of overlayfs.
 */
#ifndef KTSTR_BENCH_BASE_FILE_LOCK_H
#define KTSTR_BENCH_BASE_FILE_LOCK_H

#include <stdbool.h>
#include <sys/types.h>

struct lock_inode {
	unsigned device_major, device_minor;
	unsigned long number;
};

/* A line of /proc/locks, or what follows "lock:" in /proc/PID/fdinfo/FD. */
struct lock_line {
	bool flock, ofd, write;
	pid_t pid; /* -1: of an open file, which has no owner (OFDLCK) */
	struct lock_inode inode;
};

/* False: another kind of line, such as a request that waits. */
bool lock_line_parse(const char *text, struct lock_line *out);
bool lock_inode_equal(const struct lock_inode *a, const struct lock_inode *b);

/* Of the file behind @fd, which can be read. One byte is locked for a moment; flock(2) does not see it. 0 or -errno. */
int lock_inode_of(int fd, struct lock_inode *out);

/*
 * The process that holds an OFD lock on it: the first one whose descriptors this user may look at, 0 if there is none.
 * This process is named only when no other is.
 */
pid_t lock_ofd_holder(const struct lock_inode *inode);

#endif
