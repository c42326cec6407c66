/* SPDX-License-Identifier: GPL-2.0-only */
/* What a VM asks of KVM and of the host's scheduler for its vCPU threads. */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kvm/internal.h"

static bool enable(struct vm *vm, uint32_t cap, uint64_t arg)
{
	struct kvm_enable_cap enable = { .cap = cap, .args = { arg } };

	return !ioctl(vm->fd, KVM_ENABLE_CAP, &enable);
}

/* Enable each by itself: hosts with the SMT RSB bug refuse HLT, and PAUSE alone is still a gain. */
static bool keep_exit(struct vm *vm, uint64_t which)
{
	int known = ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_X86_DISABLE_EXITS);

	return known > 0 && (uint64_t)known & which && enable(vm, KVM_CAP_X86_DISABLE_EXITS, which);
}

void host_setup(struct vm *vm)
{
	const struct vm_host *want = &vm->cfg.host;

	if (want->set_halt_poll && ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_HALT_POLL) > 0)
		vm->host.halt_poll_set = enable(vm, KVM_CAP_HALT_POLL, want->halt_poll_ns);
	if (!want->keep_exits)
		return;
	vm->host.pause_kept = keep_exit(vm, KVM_X86_DISABLE_EXITS_PAUSE);
	vm->host.hlt_kept = keep_exit(vm, KVM_X86_DISABLE_EXITS_HLT);
}

int host_thread_attr(const struct vcpu *v, pthread_attr_t *attr, struct vm_error *err)
{
	const struct vm_host *want = &v->vm->cfg.host;
	struct sched_param param = { .sched_priority = want->fifo_priority };
	cpu_set_t *cpus;
	int cpu, rc = pthread_attr_init(attr);

	if (rc)
		return vm_fail(err, rc, "vCPU %u: %s", v->index, strerror(rc));
	/* By the thread's attributes, so that pthread_create() fails if the host refuses them. */
	if (want->fifo_priority)
		rc = pthread_attr_setinheritsched(attr, PTHREAD_EXPLICIT_SCHED);
	if (!rc && want->fifo_priority)
		rc = pthread_attr_setschedpolicy(attr, SCHED_FIFO);
	if (!rc && want->fifo_priority)
		rc = pthread_attr_setschedparam(attr, &param);
	if (!rc && want->vcpu_cpu) {
		cpu = want->vcpu_cpu[v->index];
		cpus = CPU_ALLOC((size_t)cpu + 1);
		rc = cpus ? 0 : ENOMEM;
		if (cpus) {
			CPU_ZERO_S(CPU_ALLOC_SIZE(cpu + 1), cpus);
			CPU_SET_S((size_t)cpu, CPU_ALLOC_SIZE(cpu + 1), cpus);
			rc = pthread_attr_setaffinity_np(attr, CPU_ALLOC_SIZE(cpu + 1), cpus);
			CPU_FREE(cpus);
		}
	}
	if (rc) {
		pthread_attr_destroy(attr);
		return vm_fail(err, rc, "vCPU %u: %s", v->index, strerror(rc));
	}
	return 0;
}
