/* SPDX-License-Identifier: GPL-2.0-only */
#include "kvm/statistics.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kvm/internal.h"

/* Far more than any KVM has: a file that says otherwise is not one. */
#define STATISTICS_MAX 4096u
#define NAME_MAX_BYTES 4096u
#define BUCKETS_MAX 1024u

static int read_at(int fd, void *data, size_t size, uint64_t at)
{
	ssize_t n = pread(fd, data, size, (off_t)at);

	return n < 0 ? -errno : (size_t)n == size ? 0 : -EIO;
}

static int read_header(int fd, struct kvm_stats_header *h)
{
	int rc = read_at(fd, h, sizeof(*h), 0);

	if (!rc && (!h->num_desc || h->num_desc > STATISTICS_MAX || !h->name_size || h->name_size > NAME_MAX_BYTES))
		rc = -EIO;
	return rc;
}

/* False: of a type that came after this was written. */
static bool type_of(const struct kvm_stats_desc *d, enum vm_statistic_type *type)
{
	switch (d->flags & KVM_STATS_TYPE_MASK) {
	case KVM_STATS_TYPE_CUMULATIVE:
		*type = VM_STATISTIC_CUMULATIVE;
		return true;
	case KVM_STATS_TYPE_INSTANT:
		*type = VM_STATISTIC_INSTANT;
		return true;
	case KVM_STATS_TYPE_PEAK:
		*type = VM_STATISTIC_PEAK;
		return true;
	case KVM_STATS_TYPE_LINEAR_HIST:
		*type = VM_STATISTIC_LINEAR;
		return true;
	case KVM_STATS_TYPE_LOG_HIST:
		*type = VM_STATISTIC_LOG;
		return true;
	default:
		return false;
	}
}

static void take(struct vm_statistics *s, const struct kvm_stats_desc *d, unsigned name_size, bool per_vcpu)
{
	struct vm_statistic *t = &s->statistic[s->n];
	size_t end = d->offset + (size_t)d->size * sizeof(uint64_t);

	memset(t, 0, sizeof(*t));
	if (!d->size || d->size > BUCKETS_MAX || !type_of(d, &t->type))
		return;
	snprintf(t->name, sizeof(t->name), "%.*s", (int)name_size, d->name);
	t->per_vcpu = per_vcpu;
	t->size = d->size;
	t->bucket_size = d->bucket_size;
	t->offset = d->offset;
	t->at = s->n_values;
	s->n_values += t->size;
	s->n++;
	if (end > s->file[per_vcpu].bytes)
		s->file[per_vcpu].bytes = end;
}

/* Room for what the file may add. */
static int grow(struct vm_statistics *s, const struct kvm_stats_header *h, const uint8_t *desc, size_t each)
{
	struct vm_statistic *statistic = realloc(s->statistic, (s->n + h->num_desc) * sizeof(*statistic));
	size_t values = s->n_values;
	uint64_t *value;

	if (!statistic)
		return -ENOMEM;
	s->statistic = statistic;
	for (unsigned i = 0; i < h->num_desc; i++) {
		const struct kvm_stats_desc *d = (const struct kvm_stats_desc *)(desc + i * each);

		values += d->size <= BUCKETS_MAX ? d->size : 0;
	}
	value = realloc(s->value, (values + 1) * sizeof(*value));
	if (!value)
		return -ENOMEM;
	s->value = value;
	memset(value + s->n_values, 0, (values + 1 - s->n_values) * sizeof(*value));
	return 0;
}

static int describe(struct vm_statistics *s, int fd, bool per_vcpu)
{
	struct kvm_stats_header h;
	uint8_t *desc = NULL;
	size_t each = 0;
	int rc = read_header(fd, &h);

	if (!rc) {
		each = sizeof(struct kvm_stats_desc) + h.name_size;
		desc = malloc(each * h.num_desc);
		rc = desc ? read_at(fd, desc, each * h.num_desc, h.desc_offset) : -ENOMEM;
	}
	if (!rc)
		rc = grow(s, &h, desc, each);
	if (!rc) {
		s->file[per_vcpu].first = s->n;
		s->file[per_vcpu].data = h.data_offset;
		for (unsigned i = 0; i < h.num_desc; i++)
			take(s, (const struct kvm_stats_desc *)(desc + i * each), h.name_size, per_vcpu);
		s->file[per_vcpu].end = s->n;
	}
	free(desc);
	return rc;
}

int vm_statistics_add(struct vm_statistics *s, int fd, bool per_vcpu)
{
	int rc = s->file[per_vcpu].end ? 0 : describe(s, fd, per_vcpu);
	uint64_t value, *to;
	uint8_t *data;

	if (rc)
		return rc;
	data = malloc(s->file[per_vcpu].bytes + 1);
	rc = data ? read_at(fd, data, s->file[per_vcpu].bytes, s->file[per_vcpu].data) : -ENOMEM;
	for (unsigned i = s->file[per_vcpu].first; !rc && i < s->file[per_vcpu].end; i++) {
		const struct vm_statistic *t = &s->statistic[i];

		for (unsigned k = 0; k < t->size; k++) {
			memcpy(&value, data + t->offset + k * sizeof(value), sizeof(value));
			to = &s->value[t->at + k];
			if (t->type != VM_STATISTIC_PEAK)
				*to += value;
			else if (value > *to)
				*to = value;
		}
	}
	free(data);
	return rc;
}

static int add_owner(struct vm_statistics *s, int owner_fd, bool per_vcpu)
{
	int fd = ioctl(owner_fd, KVM_GET_STATS_FD, NULL), rc;

	if (fd < 0)
		return -errno;
	rc = vm_statistics_add(s, fd, per_vcpu);
	close(fd);
	return rc;
}

static int add_vcpu(struct vm_statistics *s, const struct vcpu *v)
{
	if (v->stats_fd)
		return v->stats_fd < 0 ? v->stats_fd : vm_statistics_add(s, v->stats_fd, true);
	return v->loop.running ? -EBUSY : add_owner(s, v->fd, true);
}

int vm_statistics_read(const struct vm *vm, struct vm_statistics *out)
{
	int rc;

	memset(out, 0, sizeof(*out));
	rc = add_owner(out, vm->fd, false);
	for (unsigned i = 0; i < vm->n_vcpus && !rc; i++)
		rc = add_vcpu(out, &vm->vcpu[i]);
	return rc;
}

void vm_statistics_free(struct vm_statistics *s)
{
	free(s->statistic);
	free(s->value);
	memset(s, 0, sizeof(*s));
}

int vm_stats_read(const struct vm *vm, void (*fn)(void *ctx, const char *name, bool per_vcpu, uint64_t value),
		  void *ctx)
{
	struct vm_statistics s;
	int rc = vm_statistics_read(vm, &s);

	for (unsigned i = 0; !rc && i < s.n; i++)
		if (s.statistic[i].type != VM_STATISTIC_LINEAR && s.statistic[i].type != VM_STATISTIC_LOG)
			fn(ctx, s.statistic[i].name, s.statistic[i].per_vcpu, s.value[s.statistic[i].at]);
	vm_statistics_free(&s);
	return rc;
}
