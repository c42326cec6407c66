/* SPDX-License-Identifier: GPL-2.0-only */
/* How the first word of a guest command is resolved. */
#ifndef KTSTR_BENCH_INITRAMFS_COMMAND_H
#define KTSTR_BENCH_INITRAMFS_COMMAND_H

#include <limits.h>

enum command_kind {
	COMMAND_APPLET,	 /* an applet of busybox, which every guest has */
	COMMAND_HOST,	 /* a program of this machine, to be copied into the guest */
	COMMAND_UNKNOWN, /* neither: perhaps a file that the guest gets by an option */
};

/* @path: for COMMAND_HOST, absolute, with links kept, as programs may depend on their name. */
enum command_kind command_find(const char *word, char path[PATH_MAX]);

#endif
