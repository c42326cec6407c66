/* SPDX-License-Identifier: GPL-2.0-only */
/* The CPUID that a vCPU shows: what KVM supports, with the topology put in. */
#include <asm/kvm_para.h>
#include <cpuid.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kvm/internal.h"

#define ENTRIES_MAX 256

/* Bits that hold the numbers 0..n-1. */
static unsigned width(unsigned n)
{
	unsigned bits = 0;

	while ((1u << bits) < n)
		bits++;
	return bits;
}

/* Leaves 0xB and 0x1F: one thread a core, all cores in one package. */
static void extended_topology(struct kvm_cpuid_entry2 *e, unsigned cpus, unsigned apic_id)
{
	e->edx = apic_id;
	e->ecx = e->index & 0xff;
	e->eax = e->ebx = 0;
	if (e->index == 0) {
		e->ebx = 1;
		e->ecx |= 1 << 8; /* SMT */
	} else if (e->index == 1) {
		e->eax = width(cpus);
		e->ebx = cpus;
		e->ecx |= 2 << 8; /* core */
	}
}

static void patch(struct kvm_cpuid_entry2 *e, unsigned cpus, unsigned apic_id, bool tsc_deadline)
{
	switch (e->function) {
	case 0x1:
		e->ebx = (e->ebx & 0x0000ffff) | apic_id << 24 | (cpus > 255 ? 255 : cpus) << 16;
		e->ecx |= 1u << 31; /* a hypervisor is present */
		if (tsc_deadline)
			e->ecx |= 1u << 24;
		e->edx = cpus > 1 ? e->edx | 1u << 28 : e->edx & ~(1u << 28);
		break;
	case 0x4: {
		/* L1 and L2 belong to a core, what is above to the package. */
		unsigned level = e->eax >> 5 & 7, sharing = level >= 3 ? cpus : 1;

		if (e->eax & 0x1f)
			e->eax = (e->eax & 0x3fff) | ((1u << width(sharing)) - 1) << 14 |
				 ((1u << width(cpus)) - 1) << 26;
		break;
	}
	case 0xa: /* no PMU in the guest */
		e->eax = e->ebx = e->ecx = e->edx = 0;
		break;
	case 0xb:
	case 0x1f:
		extended_topology(e, cpus, apic_id);
		break;
	case 0x80000008:
		e->ecx = (e->ecx & ~0xf0ffu) | width(cpus) << 12 | ((cpus - 1) & 0xff);
		break;
	case 0x8000001d: {
		unsigned level = e->eax >> 5 & 7, sharing = level >= 3 ? cpus : 1;

		if (e->eax & 0x1f)
			e->eax = (e->eax & 0x3fff) | (sharing - 1) << 14;
		break;
	}
	case 0x8000001e:
		e->eax = apic_id;
		e->ebx = apic_id & 0xff; /* core id; one thread a core */
		e->ecx = 0;
		break;
	}
}

/* KVM lists only the subleaves that the host has; Linux wants levels 0 to 2. */
static void ensure_topology_leaf(struct kvm_cpuid2 *c, uint32_t function)
{
	for (uint32_t index = 0; index <= 2; index++) {
		bool there = false;

		for (uint32_t i = 0; i < c->nent; i++)
			there |= c->entries[i].function == function && c->entries[i].index == index;
		if (!there && c->nent < ENTRIES_MAX)
			c->entries[c->nent++] = (struct kvm_cpuid_entry2){
				.function = function,
				.index = index,
				.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
			};
	}
}

static void paravirtual(struct vm *vm, struct kvm_cpuid_entry2 *e)
{
	if (e->function != KVM_CPUID_FEATURES)
		return;
	vm->host.steal_time = e->eax & 1u << KVM_FEATURE_STEAL_TIME;
	if (vm->cfg.host.realtime)
		e->edx |= 1u << KVM_HINTS_REALTIME;
	vm->host.realtime = vm->cfg.host.realtime;
}

int cpuid_set(struct vm *vm, struct vcpu *v, struct vm_error *err)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof *c + ENTRIES_MAX * sizeof c->entries[0]);
	bool tsc_deadline = ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
	uint32_t max_leaf = 0;
	int rc = 0;

	if (!c)
		return vm_fail(err, ENOMEM, "CPUID: out of memory");
	c->nent = ENTRIES_MAX;
	if (ioctl(vm->kvm_fd, KVM_GET_SUPPORTED_CPUID, c)) {
		rc = vm_fail(err, errno, "CPUID: KVM does not tell what it supports: %s", strerror(errno));
		goto out;
	}
	for (uint32_t i = 0; i < c->nent; i++)
		if (c->entries[i].function == 0)
			max_leaf = c->entries[i].eax;
	if (max_leaf >= 0xb)
		ensure_topology_leaf(c, 0xb);
	for (uint32_t i = 0; i < c->nent; i++)
		paravirtual(vm, &c->entries[i]);
	for (uint32_t i = 0; i < c->nent; i++)
		patch(&c->entries[i], vm->cfg.cpus, v->index, tsc_deadline);
	if (ioctl(v->fd, KVM_SET_CPUID2, c))
		rc = vm_fail(err, errno, "CPUID of vCPU %u: %s", v->index, strerror(errno));
out:
	free(c);
	return rc;
}
