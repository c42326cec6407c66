/* SPDX-License-Identifier: GPL-2.0-only */
/* The binary statistics of KVM (Documentation/virt/kvm/api.rst, KVM_GET_STATS_FD). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kvm/internal.h"

struct stats_file {
	int fd;
	struct kvm_stats_header header;
	uint8_t *desc; /* num_desc descriptors, each followed by its name */
	size_t desc_size;
};

static int stats_open(struct stats_file *s, int owner_fd)
{
	size_t all;

	s->fd = ioctl(owner_fd, KVM_GET_STATS_FD, NULL);
	if (s->fd < 0)
		return -errno;
	if (pread(s->fd, &s->header, sizeof s->header, 0) != sizeof s->header) {
		close(s->fd);
		return -EIO;
	}
	s->desc_size = sizeof(struct kvm_stats_desc) + s->header.name_size;
	all = s->desc_size * s->header.num_desc;
	s->desc = malloc(all);
	if (!s->desc || pread(s->fd, s->desc, all, s->header.desc_offset) != (ssize_t)all) {
		free(s->desc);
		close(s->fd);
		return s->desc ? -EIO : -ENOMEM;
	}
	return 0;
}

static void stats_close(struct stats_file *s)
{
	free(s->desc);
	close(s->fd);
}

static const struct kvm_stats_desc *stats_desc(const struct stats_file *s, uint32_t i)
{
	return (const struct kvm_stats_desc *)(s->desc + i * s->desc_size);
}

/* The value of scalar statistic @i. (Of a histogram it would be the first bucket.) */
static uint64_t stats_value(const struct stats_file *s, uint32_t i)
{
	uint64_t value = 0;

	if (pread(s->fd, &value, sizeof value, s->header.data_offset + stats_desc(s, i)->offset) != sizeof value)
		return 0;
	return value;
}

static bool scalar(const struct kvm_stats_desc *d)
{
	uint32_t type = d->flags & KVM_STATS_TYPE_MASK;

	return d->size == 1 &&
	       (type == KVM_STATS_TYPE_CUMULATIVE || type == KVM_STATS_TYPE_INSTANT || type == KVM_STATS_TYPE_PEAK);
}

static int read_vm(const struct vm *vm, void (*fn)(void *, const char *, bool, uint64_t), void *ctx)
{
	struct stats_file s = { 0 };
	int rc = stats_open(&s, vm->fd);

	if (rc)
		return rc;
	for (uint32_t i = 0; i < s.header.num_desc; i++)
		if (scalar(stats_desc(&s, i)))
			fn(ctx, stats_desc(&s, i)->name, false, stats_value(&s, i));
	stats_close(&s);
	return 0;
}

static int read_vcpus(const struct vm *vm, void (*fn)(void *, const char *, bool, uint64_t), void *ctx)
{
	struct stats_file *s = calloc(vm->n_vcpus, sizeof *s);
	unsigned n = 0;
	int rc = s ? 0 : -ENOMEM;

	while (!rc && n < vm->n_vcpus) {
		rc = stats_open(&s[n], vm->vcpu[n].fd);
		if (!rc)
			n++;
	}
	for (uint32_t i = 0; !rc && n && i < s[0].header.num_desc; i++) {
		uint64_t sum = 0;

		if (!scalar(stats_desc(&s[0], i)))
			continue;
		for (unsigned v = 0; v < n; v++)
			sum += stats_value(&s[v], i);
		fn(ctx, stats_desc(&s[0], i)->name, true, sum);
	}
	while (n)
		stats_close(&s[--n]);
	free(s);
	return rc;
}

int vm_stats_read(const struct vm *vm, void (*fn)(void *ctx, const char *name, bool per_vcpu, uint64_t value),
		  void *ctx)
{
	int rc = read_vm(vm, fn, ctx);

	return rc ? rc : read_vcpus(vm, fn, ctx);
}
