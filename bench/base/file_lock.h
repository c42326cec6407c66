/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who holds a lock on a file, by /proc. /proc/locks identifies a file by inode number and the superblock's device. That
 * differs from st_dev of stat(2) on btrfs subvolumes and overlayfs, so the kernel's own numbers are read here.
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
	pid_t pid; /* -1: an OFD lock, which belongs to an open file and to no process */
	struct lock_inode inode;
};

/* False: not a lock that is held, such as a waiting request. */
bool lock_line_parse(const char *text, struct lock_line *out);
bool lock_inode_equal(const struct lock_inode *a, const struct lock_inode *b);

/*
 * Identifies the file open at @fd, which must be readable. Takes an OFD lock on one byte for a moment, which does not
 * conflict with flock(2). 0 or -errno.
 */
int lock_inode_of(int fd, struct lock_inode *out);

/*
 * A process that holds an OFD lock on the file, among those whose /proc/PID/fdinfo this user may read; 0: none. This
 * process is returned only if no other one is found.
 */
pid_t lock_ofd_holder(const struct lock_inode *inode);

#endif
