/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A disk image has one writer or many readers. Enforced by OFD locks on the bytes that QEMU locks in its images (100
 * and 200 plus the number of a permission), so they also work between ktstr and QEMU, including the nested host's. The
 * kernel drops the locks when their process ends.
 */
#ifndef KTSTR_BENCH_HOST_DISK_LOCK_H
#define KTSTR_BENCH_HOST_DISK_LOCK_H

#include <stdbool.h>
#include <stddef.h>

/* Descriptors that hold the lock until they are closed: the image, and the file behind it if it is a loop device. */
struct disk_lock {
	bool held;
	int fd, backing; /* or -1 */
};

/*
 * Locks @path until disk_lock_drop(). A loop device that shows a whole file counts as the same image as that file. 0,
 * and
 * @why is empty or warns that this file system has no locks; else -EBUSY, or the -errno of open(), and one line for the
 * user in @why, without "--disk".
 */
int disk_lock_take(const char *path, bool read_only, struct disk_lock *lock, char *why, size_t why_size);
void disk_lock_drop(struct disk_lock *lock);

#endif
