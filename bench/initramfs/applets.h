/* SPDX-License-Identifier: GPL-2.0-only */
/* What busybox has built in. */
#ifndef KTSTR_BENCH_INITRAMFS_APPLETS_H
#define KTSTR_BENCH_INITRAMFS_APPLETS_H

/*
 * The names that the program @busybox lists, each ended by a newline. It is
 * asked once and the cache keeps the answer; the text stays this module's.
 * NULL: it does not run, or fails; errno says why.
 */
const char *applets_of(const char *busybox);

#endif
