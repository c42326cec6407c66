/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory as the devices see it: sorted, non-overlapping regions that map
 * guest-physical addresses to host addresses. Everything behind these calls is
 * written by a hostile guest at any time: copy once, then check the copy.
 */
#ifndef KTSTR_VIRTIO_MEMORY_H
#define KTSTR_VIRTIO_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define GUEST_MEMORY_REGIONS_MAX 16

struct guest_region {
	uint64_t gpa;  /* first guest-physical address, page aligned */
	uint64_t size; /* bytes */
	uint8_t *hva;
};

struct guest_memory {
	unsigned n;
	struct guest_region region[GUEST_MEMORY_REGIONS_MAX];
};

/* Host address of [gpa, gpa+len), or NULL unless it lies whole in one region.
 * len 0 is never valid. Safe against wrap past 2^64. */
void *guest_memory_at(const struct guest_memory *m, uint64_t gpa, uint64_t len);

/* Host ranges of [gpa, gpa+len), split where regions that adjoin in guest
 * address space do not adjoin in the host. Returns the count (0 for len 0),
 * -EFAULT when a byte is unmapped, -E2BIG when more than @max are needed. */
int guest_memory_iov(const struct guest_memory *m, uint64_t gpa, uint64_t len, struct iovec *iov, unsigned max);

/* Copy in or out; 0 or -EFAULT (then nothing was copied). */
int guest_memory_read(const struct guest_memory *m, uint64_t gpa, void *dst, size_t len);
int guest_memory_write(const struct guest_memory *m, uint64_t gpa, const void *src, size_t len);

#endif
