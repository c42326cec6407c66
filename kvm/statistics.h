/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All statistics that KVM keeps of a VM and its vCPUs, as their files describe themselves
 * (Documentation/virt/kvm/api.rst, KVM_GET_STATS_FD): no name and no number of them is known here.
 */
#ifndef KTSTR_KVM_STATISTICS_H
#define KTSTR_KVM_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vm_statistic_type {
	VM_STATISTIC_CUMULATIVE, /* counts up */
	VM_STATISTIC_INSTANT,	 /* what is now */
	VM_STATISTIC_PEAK,
	VM_STATISTIC_LINEAR, /* a histogram: buckets of @bucket_size */
	VM_STATISTIC_LOG,    /* a histogram: bucket i has values below 1 << i */
};

#define VM_STATISTIC_NAME 64
struct vm_statistic {
	char name[VM_STATISTIC_NAME];
	bool per_vcpu; /* summed over the vCPUs; a peak is the greatest of them */
	enum vm_statistic_type type;
	unsigned size; /* values: 1, or buckets */
	unsigned at;   /* of the first of them in vm_statistics.value */
	uint32_t bucket_size;
	uint32_t offset; /* in the file */
};

/* All zero: empty. */
struct vm_statistics {
	struct vm_statistic *statistic;
	unsigned n;
	uint64_t *value;
	unsigned n_values;
	struct {
		uint32_t first, end; /* its statistics */
		uint32_t data;	     /* where the file has the values */
		size_t bytes;
	} file[2]; /* of the VM, and of each vCPU */
};

struct vm;
/*
 * 0; -EBUSY: vCPUs run, and vm_config.statistics is not set (a vCPU that runs holds the lock that opening its file
 * takes, until it leaves the guest: minutes); or another -errno (-ENOTTY before Linux 5.14). Free with
 * vm_statistics_free() in any case. One read a vCPU.
 */
int vm_statistics_read(const struct vm *vm, struct vm_statistics *out);
void vm_statistics_free(struct vm_statistics *s);

/* Of the file @fd: its description where that is not known yet, and its values on top of those that are there. */
int vm_statistics_add(struct vm_statistics *s, int fd, bool per_vcpu);

#endif
