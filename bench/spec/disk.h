/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The grammar of --disk, in which a comma of PATH is written twice:
 *   PATH|size=S[,ro][,size=S][,engine=auto|uring|sync][,direct=on|off]
 *   [,iops=N][,bps=N][,iops-burst=N][,bps-burst=N][,serial=NAME]
 * Without a PATH it is an anonymous sparse disk in memory. Rates and sizes are
 * human-readable ("4M"); a rate of 0 means none and takes its burst with it; a burst
 * needs its rate and may not be below it.
 */
#ifndef KTSTR_BENCH_SPEC_DISK_H
#define KTSTR_BENCH_SPEC_DISK_H

#include <limits.h>
#include <stddef.h>

#include "virtio/blk.h"

#define DISK_SERIAL_MAX 20

struct disk {
	struct blk_config blk; /* path and serial point into this struct */
	char path[PATH_MAX];
	char serial[DISK_SERIAL_MAX + 1];
};

/* 0; or -EINVAL, and @why says which word is wrong and the mend. */
int disk_parse(const char *text, struct disk *out, char *why, size_t why_size);
/*
 * Whether the file can be opened as it was asked for, and holds a sector and what size= asks for. @tail: bytes behind
 * its last whole sector, which the guest does not see. 0 or -errno with @why.
 */
int disk_check(const struct disk *d, unsigned *tail, char *why, size_t why_size);
/* The argument again, with @path instead of its own: what a nested host is told. */
int disk_unparse(const struct disk *d, const char *path, char *text, size_t size);

#endif
