/* SPDX-License-Identifier: GPL-2.0-only */
/* CPUID: reads once per VM what KVM supports, and sets each vCPU's own leaves. */
#include <asm/kvm_para.h>
#include <cpuid.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kvm/internal.h"

int cpuid_open(struct vm *vm, struct vm_error *err)
{
	vm->cpuid = calloc(1, sizeof *vm->cpuid);
	if (!vm->cpuid)
		return vm_fail(err, ENOMEM, "CPUID: out of memory");
	vm->cpuid->nent = CPUID_ENTRIES_MAX;
	if (ioctl(vm->kvm_fd, KVM_GET_SUPPORTED_CPUID, vm->cpuid))
		return vm_fail(err, errno, "CPUID: KVM does not tell what it supports: %s", strerror(errno));
	for (uint32_t i = 0; i < vm->cpuid->nent; i++)
		if (vm->cpuid->entry[i].function == 1)
			vm->host.cx16 = vm->cpuid->entry[i].ecx & bit_CMPXCHG16B;
	return 0;
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
	const struct cpuid_features f = {
		.tsc_deadline = ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0,
		.ext_dest_id = vm->split,
	};
	struct cpuid *c = malloc(sizeof *c);
	int rc = 0;

	if (!c)
		return vm_fail(err, ENOMEM, "CPUID: out of memory");
	*c = *vm->cpuid;
	for (uint32_t i = 0; i < c->nent; i++)
		paravirtual(vm, &c->entry[i]);
	cpuid_for_cpu(c, &vm->topology, v->index, &f);
	if (ioctl(v->fd, KVM_SET_CPUID2, c))
		rc = vm_fail(err, errno, "CPUID of vCPU %u: %s", v->index, strerror(errno));
	free(c);
	return rc;
}
