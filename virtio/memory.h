/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory as devices see it: sorted, non-overlapping regions that map guest-physical to host addresses. A hostile
 * guest may write to it at any time: copy once, then check the copy.
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

/* Host address of [gpa, gpa+len); NULL unless one region contains all of it. A length of 0 is never valid. A range that
 * wraps past 2^64 is refused. */
void *guest_memory_at(const struct guest_memory *m, uint64_t gpa, uint64_t len);

/* Host ranges of [gpa, gpa+len): several where regions are adjacent in the guest but not in the host. Returns how many
 * (0 for length 0); -EFAULT: a byte is unmapped; -E2BIG: more than @max are needed. */
int guest_memory_iov(const struct guest_memory *m, uint64_t gpa, uint64_t len, struct iovec *iov, unsigned max);

/* Copy from or to guest memory. 0; -EFAULT: nothing was copied. */
int guest_memory_read(const struct guest_memory *m, uint64_t gpa, void *dst, size_t len);
int guest_memory_write(const struct guest_memory *m, uint64_t gpa, const void *src, size_t len);

#endif
