/* SPDX-License-Identifier: GPL-2.0-only */
/* What goes into the guest: its first file system and its command line. */
#ifndef KTSTR_BENCH_MACHINE_ARCHIVE_H
#define KTSTR_BENCH_MACHINE_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/initramfs/archive.h"
#include "bench/machine/job.h"
#include "bench/machine/resolved.h"

/* The guest's first file system: after the user's --initrd what guests have in common, then this one's own. */
struct machine_archive {
	int kept_fd; /* 0: none */
	uint8_t *own;
	size_t own_size;
};
/* 0 or an exit code. */
int machine_archive_make(struct machine_archive *a, const struct machine_resolved *r, const struct machine_job *job);
/* All of it into a file. 0 or -errno. */
int machine_archive_write(const struct machine_archive *a, const struct machine_spec *o, FILE *f);
void machine_archive_free(struct machine_archive *a);
/* What of it is the same for every guest with this spec, the modules among it. */
void machine_kept(struct initramfs_kept *k, const struct machine_resolved *r, const char *init);
/* The kernel's command line, to free(). */
char *machine_guest_cmdline(const struct machine_resolved *r, const struct machine_job *job);

#endif
