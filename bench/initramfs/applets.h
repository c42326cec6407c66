/* SPDX-License-Identifier: GPL-2.0-only */
/* The applets of busybox. */
#ifndef KTSTR_BENCH_INITRAMFS_APPLETS_H
#define KTSTR_BENCH_INITRAMFS_APPLETS_H

/*
 * The names that the program @busybox lists, each followed by a newline. Run once
 * per busybox, then cached. The text is owned by this module. NULL: it does not
 * run, or fails; errno says why.
 */
const char *applets_of(const char *busybox);

#endif
