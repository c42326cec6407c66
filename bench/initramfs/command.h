/* SPDX-License-Identifier: GPL-2.0-only */
/* What the first word of a guest command means, seen from this machine. */
#ifndef KTSTR_BENCH_INITRAMFS_COMMAND_H
#define KTSTR_BENCH_INITRAMFS_COMMAND_H

#include <limits.h>

enum command_kind {
	COMMAND_APPLET,	 /* busybox has it, and busybox is in every guest */
	COMMAND_HOST,	 /* a program of this machine: to be brought */
	COMMAND_UNKNOWN, /* neither: perhaps a file that the guest gets otherwise */
};

/* @path: for COMMAND_HOST, absolute, links kept (programs look at their name). */
enum command_kind command_find(const char *word, char path[PATH_MAX]);

#endif
