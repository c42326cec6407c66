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
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio/blk.h"

#define DISK_SERIAL_MAX 20

struct disk {
	char path[PATH_MAX]; /* "": in memory */
	uint64_t size;	     /* bytes; 0: the file's own */
	bool read_only, direct, discard;
	enum blk_engine engine;
	uint64_t iops, bps, iops_burst, bps_burst; /* 0: not limited */
	char serial[DISK_SERIAL_MAX + 1];	   /* "": the device's own */
};
extern const char *const disk_engines[BLK_ENGINE_SYNC + 1];

/* 0; or -EINVAL, and @why says which word is wrong and the remedy. */
int disk_parse(const char *text, struct disk *out, char *why, size_t why_size);
/*
 * The rules between the values of a disk. NULL: it keeps them; else what is wrong and the remedy, with the name of the
 * value in *@key, or NULL where none is to blame.
 */
const char *disk_contradiction(const struct disk *d, const char **key);
/* What the device is made with. Points into @d. */
struct blk_config disk_config(const struct disk *d);
/*
 * Whether the file can be opened as it was asked for, and holds a sector and what size= asks for. @tail: bytes after
 * its last whole sector, which the guest does not see. 0 or -errno with @why.
 */
int disk_check(const struct disk *d, unsigned *tail, char *why, size_t why_size);
/* As an argument of --disk. */
int disk_unparse(const struct disk *d, char *text, size_t size);

#endif
