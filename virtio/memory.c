/* SPDX-License-Identifier: GPL-2.0-only */
#include "virtio/memory.h"

#include <errno.h>
#include <string.h>

static const struct guest_region *region_of(const struct guest_memory *m, uint64_t gpa)
{
	for (unsigned i = 0; i < m->n; i++) {
		if (gpa >= m->region[i].gpa && gpa - m->region[i].gpa < m->region[i].size)
			return &m->region[i];
	}
	return NULL;
}

void *guest_memory_at(const struct guest_memory *m, uint64_t gpa, uint64_t len)
{
	const struct guest_region *r = region_of(m, gpa);

	/* gpa is inside r, so neither difference wraps. */
	if (!r || len == 0 || len > r->size - (gpa - r->gpa))
		return NULL;
	return r->hva + (gpa - r->gpa);
}

int guest_memory_iov(const struct guest_memory *m, uint64_t gpa, uint64_t len, struct iovec *iov, unsigned max)
{
	unsigned n = 0;

	if (len && gpa + (len - 1) < gpa)
		return -EFAULT;
	while (len) {
		const struct guest_region *r = region_of(m, gpa);
		uint64_t part;
		uint8_t *hva;

		if (!r)
			return -EFAULT;
		hva = r->hva + (gpa - r->gpa);
		part = r->size - (gpa - r->gpa);
		if (part > len)
			part = len;
		if (n && (uint8_t *)iov[n - 1].iov_base + iov[n - 1].iov_len == hva) {
			iov[n - 1].iov_len += part;
		} else {
			if (n == max)
				return -E2BIG;
			iov[n].iov_base = hva;
			iov[n++].iov_len = part;
		}
		gpa += part;
		len -= part;
	}
	return (int)n;
}

/* The ranges of one access: each region at most once. */
static int ranges_of(const struct guest_memory *m, uint64_t gpa, size_t len, struct iovec iov[GUEST_MEMORY_REGIONS_MAX])
{
	return guest_memory_iov(m, gpa, len, iov, GUEST_MEMORY_REGIONS_MAX);
}

int guest_memory_read(const struct guest_memory *m, uint64_t gpa, void *dst, size_t len)
{
	struct iovec iov[GUEST_MEMORY_REGIONS_MAX];
	int n = ranges_of(m, gpa, len, iov);
	uint8_t *to = dst;

	if (n < 0)
		return -EFAULT;
	for (int i = 0; i < n; i++) {
		memcpy(to, iov[i].iov_base, iov[i].iov_len);
		to += iov[i].iov_len;
	}
	return 0;
}

int guest_memory_write(const struct guest_memory *m, uint64_t gpa, const void *src, size_t len)
{
	struct iovec iov[GUEST_MEMORY_REGIONS_MAX];
	int n = ranges_of(m, gpa, len, iov);
	const uint8_t *from = src;

	if (n < 0)
		return -EFAULT;
	for (int i = 0; i < n; i++) {
		memcpy(iov[i].iov_base, from, iov[i].iov_len);
		from += iov[i].iov_len;
	}
	return 0;
}
