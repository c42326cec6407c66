/* SPDX-License-Identifier: GPL-2.0-only */
/* What exactly a machine ran, so that two results can be told to be of the same thing: key "fingerprint" of a result.
 */
#ifndef KTSTR_BENCH_MACHINE_FINGERPRINT_H
#define KTSTR_BENCH_MACHINE_FINGERPRINT_H

#include <jansson.h>

#include "bench/machine/archive.h"

/*
 * Kernel (release, build-id, digests of image and configuration, command line), scheduler (digest of its file, its
 * words; the ops' name comes from the guest), the initramfs that all guests with this kernel share, topology, and this
 * program. What is not known is null. @elf: the kernel's, decompressed, or 0. NULL: no memory.
 */
json_t *machine_fingerprint(const struct machine_resolved *r, const char *cmdline, const struct machine_archive *a,
			    int elf);

#endif
