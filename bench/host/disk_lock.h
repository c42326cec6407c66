/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A disk image has one machine that writes it, or many that read it. Kept by open-file-description locks on the bytes
 * that QEMU locks in its images (100 and 200 plus a permission's number), so that QEMU and ktstr, directly or by the
 * nested host's QEMU, keep out of each other's way too. The locks are gone when their process is.
 */
#ifndef KTSTR_BENCH_HOST_DISK_LOCK_H
#define KTSTR_BENCH_HOST_DISK_LOCK_H

#include <stdbool.h>
#include <stddef.h>

/* Descriptors that keep an image until they are closed: of @path, and of the file behind a loop device. */
struct disk_lock {
	bool held;
	int fd, backing; /* or -1 */
};

/*
 * Keep @path until disk_lock_drop(). A loop device and the file behind it are one image, where it shows the whole of
 * that file. 0, and @why is empty, or says that this file system keeps no locks. Else -EBUSY, or the -errno of opening
 * it, and in @why one line for the user, without "--disk".
 */
int disk_lock_take(const char *path, bool read_only, struct disk_lock *lock, char *why, size_t why_size);
void disk_lock_drop(struct disk_lock *lock);

#endif
