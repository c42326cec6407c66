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

/*
 * A descriptor that keeps @path until it is closed; @why is empty, or says that this file system keeps no locks. Else
 * -EBUSY, or the -errno of opening it, and in @why one line for the user, without "--disk".
 */
int disk_lock_take(const char *path, bool read_only, char *why, size_t why_size);

#endif
